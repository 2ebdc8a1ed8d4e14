package kv

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/tamylaa/clodo/bindings/internal/wire"
	"github.com/tamylaa/clodo/internal/host"
	"github.com/tamylaa/clodo/internal/jsonwire"
)

const kind = "kv"

// ask is the arguments of reading a key.
func (n *Namespace) ask(key string) []byte {
	b := jsonwire.AppendString([]byte(`{"key":`), key)
	if n.ttl != 0 {
		b = fmt.Appendf(b, `,"cacheTtl":%d`, n.ttl)
	}
	return append(b, '}')
}

// get reads an answer of one piece: the length of the metadata, -1 for no value, the
// metadata, and the value.
func (n *Namespace) get(ctx context.Context, key string) (e Entry, err error) {
	a, err := host.Call(ctx, kind, n.binding, "get", n.ask(key), nil)
	if err != nil {
		return e, err
	}
	if len(a.Data) < 4 {
		return e, errShort
	}
	size := int32(binary.LittleEndian.Uint32(a.Data))
	rest := a.Data[4:]
	switch {
	case size < 0:
		return e, ErrNotFound
	case int(size) > len(rest):
		return e, errShort
	case size > 0:
		e.Metadata = rest[:size:size]
	}
	e.Value = rest[size:]
	return e, nil
}

var errShort = errors.New("kv: the answer is not understood")

func (n *Namespace) stream(ctx context.Context, key string) (io.ReadCloser, error) {
	a, err := host.Call(ctx, kind, n.binding, "stream", n.ask(key), nil)
	if err != nil {
		return nil, err
	}
	if a.Body == nil {
		return nil, ErrNotFound
	}
	return a.Body, nil
}

func (n *Namespace) many(ctx context.Context, keys []string) (all map[string]*string, err error) {
	err = wire.JSON(ctx, kind, n.binding, "many", struct {
		Keys []string `json:"keys"`
		TTL  int      `json:"cacheTtl,omitempty"`
	}{keys, n.ttl}, &all)
	return all, err
}

func (n *Namespace) put(ctx context.Context, key string, value []byte, p parameters) error {
	return n.putStream(ctx, key, &whole{value}, p)
}

// whole is a value that is all there.
type whole struct{ rest []byte }

func (w *whole) Read(p []byte) (int, error) {
	if len(w.rest) == 0 {
		return 0, io.EOF
	}
	i := copy(p, w.rest)
	w.rest = w.rest[i:]
	return i, nil
}

func (n *Namespace) putStream(ctx context.Context, key string, value io.Reader, p parameters) error {
	args, err := json.Marshal(struct {
		Key     string     `json:"key"`
		Options parameters `json:"options"`
	}{key, p})
	if err != nil {
		return err
	}
	_, err = host.Call(ctx, kind, n.binding, "put", args, value)
	return err
}

func (n *Namespace) delete(ctx context.Context, key string) error {
	return wire.JSON(ctx, kind, n.binding, "delete", key, nil)
}

func (n *Namespace) list(ctx context.Context, o ListOptions) (page listed, err error) {
	err = wire.JSON(ctx, kind, n.binding, "list", struct {
		Prefix string `json:"prefix,omitempty"`
		Limit  int    `json:"limit,omitempty"`
		Cursor string `json:"cursor,omitempty"`
	}{o.Prefix, o.Limit, o.Cursor}, &page)
	return page, err
}
