package r2

import (
	"context"
	"encoding/json"
	"io"
	"strings"

	"github.com/tamylaa/clodo/bindings/internal/wire"
	"github.com/tamylaa/clodo/internal/host"
)

func (b *Bucket) do(ctx context.Context, c call, size int64, content io.Reader) (host.Answer, error) {
	args, err := json.Marshal(struct {
		call
		Size int64 `json:"size"`
	}{c, size})
	if err != nil {
		return host.Answer{}, err
	}
	return host.Call(ctx, kind, b.binding, c.Method, args, content)
}

// read reads an object, with its content if c asks for it.
func (b *Bucket) read(ctx context.Context, c call) (*head, io.ReadCloser, error) {
	a, err := b.do(ctx, c, 0, nil)
	if err != nil {
		return nil, nil, err
	}
	var h *head
	if err := wire.Decode(kind, b.binding, a.Data, &h); err != nil {
		return nil, nil, err
	}
	switch {
	case h == nil:
		return nil, nil, ErrNotFound
	case c.Method == "get" && a.Body == nil && h.Size > 0:
		return h, nil, ErrPrecondition
	case c.Method == "get" && a.Body == nil:
		return h, io.NopCloser(strings.NewReader("")), nil
	}
	return h, a.Body, nil
}

// write changes something, with content of that size.
func (b *Bucket) write(ctx context.Context, c call, content io.Reader, size int64) (*head, error) {
	if content == nil && (c.Method == "put" || c.Method == "uploadPart") {
		content = strings.NewReader("")
	}
	a, err := b.do(ctx, c, size, content)
	if err != nil {
		return nil, err
	}
	var h *head
	if err := wire.Decode(kind, b.binding, a.Data, &h); err != nil {
		return nil, err
	}
	if h == nil {
		return nil, ErrPrecondition
	}
	return h, nil
}

func (b *Bucket) list(ctx context.Context, c call) (Page, error) {
	a, err := b.do(ctx, c, 0, nil)
	if err != nil {
		return Page{}, err
	}
	var l listing
	if err := wire.Decode(kind, b.binding, a.Data, &l); err != nil {
		return Page{}, err
	}
	return l.page(), nil
}
