package cache

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/tamylaa/clodo/bindings/internal/wire"
	"github.com/tamylaa/clodo/internal/host"
)

// asked are the arguments of an operation.
func (c *Cache) asked(r *http.Request, res *http.Response) ([]byte, error) {
	args := struct {
		Name   string         `json:"name,omitempty"`
		URL    string         `json:"url"`
		Answer *wire.Exchange `json:"answer,omitempty"`
		wire.Exchange
	}{Name: c.name, URL: address(r), Exchange: wire.Asked(r)}
	if res != nil {
		answer := wire.Answered(res)
		args.Answer = &answer
	}
	return json.Marshal(args)
}

func (c *Cache) match(ctx context.Context, r *http.Request) (*http.Response, error) {
	args, err := c.asked(r, nil)
	if err != nil {
		return nil, err
	}
	res, err := wire.Call(ctx, kind, "", "match", args, nil, r)
	if err == nil && res.StatusCode == 0 {
		return nil, ErrNotFound
	}
	return res, err
}

func (c *Cache) put(ctx context.Context, r *http.Request, res *http.Response) error {
	args, err := c.asked(r, res)
	if err != nil {
		return err
	}
	_, err = host.Call(ctx, kind, "", "put", args, res.Body)
	return err
}

func (c *Cache) delete(ctx context.Context, r *http.Request) (found bool, err error) {
	args, err := c.asked(r, nil)
	if err != nil {
		return false, err
	}
	a, err := host.Call(ctx, kind, "", "delete", args, nil)
	if err != nil {
		return false, err
	}
	return found, wire.Decode(kind, "", a.Data, &found)
}
