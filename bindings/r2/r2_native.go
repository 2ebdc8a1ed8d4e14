//go:build !js

package r2

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/tamylaa/clodo/bindings/internal/wire"
)

// The headers of workerd's R2 binding: a read has its call in one, a write has it in
// front of the content, and an answer has its head in front of the content.
const (
	callHeader  = "Cf-R2-Request"
	sizeHeader  = "Cf-R2-Metadata-Size"
	errorHeader = "Cf-R2-Error"
)

// The codes of refusals that are not errors of the JavaScript binding.
const (
	codeNoKey        = 10007
	codePrecondition = 10031
)

// operations are what errors of workerd's binding call them.
var operations = map[string]string{
	"head": "head", "get": "get", "list": "list", "put": "put", "delete": "delete", "createMultipartUpload": "createMultipartUpload",
	"uploadPart": "uploadPart", "completeMultipartUpload": "completeMultipartUpload", "abortMultipartUpload": "abortMultipartUpload",
}

// ask sends a call. The head of its answer is read, the body is after it; with an error
// it is closed, and the head is there if the refusal has one.
func (b *Bucket) ask(ctx context.Context, c call, r wire.Request) (first []byte, rest io.ReadCloser, err error) {
	res, err := wire.Send(ctx, kind, b.binding, r)
	if err != nil {
		return nil, nil, err
	}
	size, _ := strconv.Atoi(res.Header.Get(sizeHeader)) // without the header there is no head
	if size > 0 {
		first = make([]byte, size)
		if _, err := io.ReadFull(res.Body, first); err != nil {
			return nil, nil, errors.Join(fmt.Errorf("r2 %s: reading the answer: %w", b.binding, err), res.Body.Close())
		}
	}
	if err := b.refused(c.Method, res); err != nil {
		_ = res.Body.Close() // there is nothing left in it
		return first, nil, err
	}
	return first, res.Body, nil
}

// refused is the error that an answer is.
func (b *Bucket) refused(method string, res *http.Response) error {
	text := res.Header.Get(errorHeader)
	if text == "" && res.StatusCode/100 == 2 {
		return nil
	}
	var said struct {
		Code    int `json:"v4code"`
		Message string
	}
	if json.Unmarshal([]byte(text), &said) != nil {
		said.Code, said.Message = 10001, "We encountered an internal error. Please try again."
	}
	switch said.Code {
	case codeNoKey:
		return ErrNotFound
	case codePrecondition:
		return ErrPrecondition
	}
	return &Error{Kind: kind, Binding: b.binding, Op: method, Message: fmt.Sprintf("%s: %s (%d)", operations[method], said.Message, said.Code)}
}

// read reads an object, with its content if c asks for it.
func (b *Bucket) read(ctx context.Context, c call) (*head, io.ReadCloser, error) {
	first, rest, err := b.asked(ctx, c)
	if err != nil && first == nil {
		return nil, nil, err
	}
	h := &head{}
	if wrong := wire.Decode(kind, b.binding, first, h); wrong != nil {
		return nil, nil, errors.Join(wrong, closed(rest))
	}
	if c.Method == "head" {
		return h, nil, errors.Join(err, closed(rest))
	}
	return h, rest, err
}

// asked sends a call that reads.
func (b *Bucket) asked(ctx context.Context, c call) (first []byte, rest io.ReadCloser, err error) {
	c.Version = 1
	text, err := json.Marshal(c)
	if err != nil {
		return nil, nil, err
	}
	return b.ask(ctx, c, wire.Request{Method: http.MethodGet, Path: "/", Header: http.Header{callHeader: {string(text)}}})
}

func closed(c io.Closer) error {
	if c == nil {
		return nil
	}
	return c.Close()
}

// write changes something, with content of that size.
func (b *Bucket) write(ctx context.Context, c call, content io.Reader, size int64) (*head, error) {
	c.Version = 1
	text, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	body := io.Reader(bytes.NewReader(text))
	if content != nil {
		body = io.MultiReader(body, &exactly{content, size})
	}
	first, rest, err := b.ask(ctx, c, wire.Request{
		Method: http.MethodPut, Path: "/", Header: http.Header{sizeHeader: {strconv.Itoa(len(text))}}, Body: body, Length: int64(len(text)) + size,
	})
	if err != nil {
		return nil, err
	}
	h := &head{}
	return h, errors.Join(wire.Decode(kind, b.binding, first, h), rest.Close())
}

// exactly fails when there is not exactly as much to read as was said.
type exactly struct {
	r    io.Reader
	left int64
}

func (e *exactly) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	e.left -= int64(n)
	switch {
	case e.left < 0:
		return 0, errTooMuch
	case errors.Is(err, io.EOF) && e.left > 0:
		return n, errTooLittle
	}
	return n, err
}

// The errors of content that has another size than was said.
var (
	errTooMuch   = errors.New("the content is longer than was said")
	errTooLittle = errors.New("the content is shorter than was said")
)

func (b *Bucket) list(ctx context.Context, c call) (Page, error) {
	first, rest, err := b.asked(ctx, c)
	if err != nil {
		return Page{}, err
	}
	var l listing
	if err := errors.Join(wire.Decode(kind, b.binding, first, &l), rest.Close()); err != nil {
		return Page{}, err
	}
	return l.page(), nil
}
