//go:build !js

package email

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/tamylaa/clodo/bindings/internal/wire"
)

func (s *Sender) raw(ctx context.Context, from, to string, raw []byte, into any) error {
	res, err := wire.Send(ctx, kind, s.binding, wire.Request{
		Method: http.MethodPost, Path: "/raw", Query: url.Values{"from": {from}, "to": {to}}, Body: bytes.NewReader(raw), Length: int64(len(raw)),
	})
	if err != nil {
		return err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return fmt.Errorf("email %s: reading the answer: %w", s.binding, err)
	}
	return wire.Decode(kind, s.binding, b, into)
}
