//go:build !js

package vectorize

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/tamylaa/clodo/bindings/internal/wire"
)

// operations are what errors of workerd's binding call them.
var operations = map[string]string{
	"info": "INDEX_GET", "query": "VECTOR_QUERY", "insert": "VECTOR_INSERT", "upsert": "VECTOR_UPSERT",
	"getByIds": "VECTOR_GET", "deleteByIds": "VECTOR_DELETE",
}

func (i *Index) do(ctx context.Context, op string, args, into any) error {
	body, err := encode(args)
	if err != nil {
		return fmt.Errorf("vectorize %s: %w", i.binding, err)
	}
	r := wire.Request{Method: http.MethodPost, Path: "/" + op, Body: bytes.NewReader(body), Length: int64(len(body))}
	if args == nil {
		r = wire.Request{Method: http.MethodGet, Path: "/" + op}
	}
	res, err := wire.Send(ctx, kind, i.binding, r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return fmt.Errorf("vectorize %s: reading the answer: %w", i.binding, err)
	}
	if res.StatusCode == http.StatusOK {
		return wire.Decode(kind, i.binding, answer, into)
	}
	var said struct {
		Code  int
		Error string
	}
	message := fmt.Sprintf("%s_ERROR: Status + %d", operations[op], res.StatusCode)
	if json.Unmarshal(answer, &said) == nil {
		message = fmt.Sprintf("%s_ERROR (code = %d): %s", operations[op], said.Code, said.Error)
	}
	return &Error{Kind: kind, Binding: i.binding, Op: op, Message: message}
}

// encode writes vectors a line each, and other arguments as JSON.
func encode(args any) ([]byte, error) {
	vectors, ok := args.([]Vector)
	if !ok {
		return json.Marshal(args)
	}
	var b bytes.Buffer
	lines := json.NewEncoder(&b)
	for _, v := range vectors {
		if err := lines.Encode(v); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}
