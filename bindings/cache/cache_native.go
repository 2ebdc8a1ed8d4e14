//go:build !js

package cache

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/tamylaa/clodo/bindings/internal/wire"
	"github.com/tamylaa/clodo/internal/host"
)

func (c *Cache) send(ctx context.Context, method string, r *http.Request, header http.Header, body io.Reader) (*http.Response, error) {
	header.Set(host.URLHeader, address(r))
	return wire.Send(ctx, kind, c.name, wire.Request{Method: method, Path: "/", Header: header, Body: body, Length: -1})
}

func (c *Cache) match(ctx context.Context, r *http.Request) (*http.Response, error) {
	got, err := c.send(ctx, http.MethodGet, r, http.Header{}, nil)
	if err != nil {
		return nil, err
	}
	status, err := strconv.Atoi(got.Header.Get(host.CachedStatusHeader))
	if got.StatusCode == http.StatusNotFound || err != nil {
		_ = got.Body.Close() // there is nothing in it
		return nil, ErrNotFound
	}
	res := &http.Response{
		Status: strconv.Itoa(status) + " " + http.StatusText(status), StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: got.Body, ContentLength: got.ContentLength, Request: r,
	}
	for name, values := range got.Header {
		if own, ok := strings.CutPrefix(name, host.CachedHeader); ok {
			res.Header[own] = values
		}
	}
	return res, nil
}

func (c *Cache) put(ctx context.Context, r *http.Request, res *http.Response) error {
	header := http.Header{host.CachedStatusHeader: {strconv.Itoa(res.StatusCode)}}
	for name, values := range res.Header {
		header[host.CachedHeader+name] = values
	}
	got, err := c.send(ctx, http.MethodPut, r, header, res.Body)
	if err != nil {
		return err
	}
	return got.Body.Close()
}

func (c *Cache) delete(ctx context.Context, r *http.Request) (bool, error) {
	got, err := c.send(ctx, http.MethodDelete, r, http.Header{}, nil)
	if err != nil {
		return false, err
	}
	return got.StatusCode == http.StatusNoContent, got.Body.Close()
}
