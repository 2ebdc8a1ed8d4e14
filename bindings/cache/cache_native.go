//go:build !js

package cache

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/tamylaa/clodo/bindings/internal/wire"
	"github.com/tamylaa/clodo/internal/host"
)

// told are the headers of a request that a cache goes by.
func told() []string {
	return []string{"Authorization", "If-Match", "If-Modified-Since", "If-None-Match", "If-Range", "If-Unmodified-Since", "Range"}
}

// send asks by the protocol of workerd's Cache API.
func (c *Cache) send(ctx context.Context, method string, r *http.Request, body io.Reader) (*http.Response, error) {
	header := http.Header{host.URLHeader: {address(r)}, "Accept-Encoding": {"identity"}} // the answer comes as it is
	for _, name := range told() {
		if values := r.Header.Values(name); len(values) > 0 {
			header[name] = values
		}
	}
	return wire.Send(ctx, kind, c.name, wire.Request{Method: method, Path: "/", Header: header, Body: body, Length: -1})
}

func (c *Cache) match(ctx context.Context, r *http.Request) (*http.Response, error) {
	res, err := c.send(ctx, http.MethodGet, r, nil)
	if err != nil {
		return nil, err
	}
	if res.Header.Get("Cf-Cache-Status") != "HIT" {
		_ = res.Body.Close() // there is nothing in it
		return nil, ErrNotFound
	}
	res.Request = r
	return res, nil
}

// put sends the answer as it would come over a connection, but never in chunks.
func (c *Cache) put(ctx context.Context, r *http.Request, res *http.Response) error {
	var head bytes.Buffer
	_, _ = fmt.Fprintf(&head, "HTTP/1.1 %03d \r\n", res.StatusCode) // a buffer takes all
	_ = res.Header.WriteSubset(&head, map[string]bool{"Content-Length": true, "Transfer-Encoding": true})
	_, _ = head.WriteString("\r\n")
	body := &failing{Reader: res.Body}
	got, err := c.send(ctx, http.MethodPut, r, io.MultiReader(&head, body))
	if body.err != nil {
		err = fmt.Errorf("cache: reading the answer: %w", body.err)
	}
	if err != nil {
		return err
	}
	return got.Body.Close()
}

// failing remembers why its reader could not be read.
type failing struct {
	io.Reader
	err error
}

func (f *failing) Read(b []byte) (int, error) {
	n, err := f.Reader.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		f.err = err
	}
	return n, err
}

func (c *Cache) delete(ctx context.Context, r *http.Request) (bool, error) {
	got, err := c.send(ctx, "PURGE", r, nil)
	if err != nil {
		return false, err
	}
	return got.StatusCode == http.StatusOK, got.Body.Close()
}
