//go:build !js

package kv

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/tamylaa/clodo/bindings/internal/wire"
)

const kind = "kv"

// metadataHeader carries an entry's metadata as JSON.
const metadataHeader = "Cf-Kv-Metadata"

// send asks for an operation, with the protocol of workerd's binding. An answer of
// another status than 2xx is an error in the words of that binding.
func (n *Namespace) send(ctx context.Context, op string, r wire.Request) (*http.Response, error) {
	res, err := wire.Send(ctx, kind, n.binding, r)
	if err != nil {
		return nil, err
	}
	if res.StatusCode == http.StatusNotFound && op == "GET" {
		_ = res.Body.Close() // there is nothing in it
		return nil, ErrNotFound
	}
	if res.StatusCode/100 != 2 {
		return nil, n.refused(op, fmt.Sprintf("KV %s failed: %d %s", op, res.StatusCode, wire.Reason(res)))
	}
	return res, nil
}

func (n *Namespace) refused(op, message string) error {
	return &Error{Kind: kind, Binding: n.binding, Op: op, Message: message}
}

// entry is a request about a key, which is checked as workerd's binding does.
func (n *Namespace) entry(method, key string) (r wire.Request, err error) {
	switch {
	case key == "":
		return r, n.refused("", "Key name cannot be empty.")
	case key == "." || key == "..":
		return r, n.refused("", strconv.Quote(key)+" is not allowed as a key name.")
	case len(key) > maxKey:
		return r, n.refused("", fmt.Sprintf("KV %s failed: 414 UTF-8 encoded length of %d exceeds key length limit of %d.", method, len(key), maxKey))
	}
	return wire.Request{Method: method, Path: "/" + url.PathEscape(key), Query: url.Values{"urlencoded": {"true"}}}, nil
}

// maxKey is KV's limit, in bytes.
const maxKey = 512

func (n *Namespace) open(ctx context.Context, key string) (*http.Response, error) {
	r, err := n.entry(http.MethodGet, key)
	if err != nil {
		return nil, err
	}
	if n.ttl != 0 {
		r.Query.Set("cache_ttl", strconv.Itoa(n.ttl))
	}
	return n.send(ctx, "GET", r)
}

func (n *Namespace) get(ctx context.Context, key string) (e Entry, err error) {
	res, err := n.open(ctx, key)
	if err != nil {
		return e, err
	}
	defer res.Body.Close()
	if m := res.Header.Get(metadataHeader); m != "" {
		e.Metadata = json.RawMessage(m)
	}
	if e.Value, err = io.ReadAll(res.Body); err != nil {
		err = fmt.Errorf("kv %s: reading the value of %q: %w", n.binding, key, err)
	}
	return e, err
}

func (n *Namespace) stream(ctx context.Context, key string) (io.ReadCloser, error) {
	res, err := n.open(ctx, key)
	if err != nil {
		return nil, err
	}
	return res.Body, nil
}

func (n *Namespace) many(ctx context.Context, keys []string) (all map[string]*string, err error) {
	call := map[string]any{"keys": keys, "type": "text"}
	if n.ttl != 0 {
		call["cacheTtl"] = n.ttl
	}
	body, err := json.Marshal(call)
	if err != nil {
		return nil, err
	}
	res, err := n.send(ctx, "GET_BULK", wire.Request{Method: http.MethodPost, Path: "/bulk/get", Body: bytes.NewReader(body), Length: int64(len(body))})
	if err != nil {
		return nil, err
	}
	return all, n.decode(res, &all)
}

func (n *Namespace) decode(res *http.Response, into any) error {
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return fmt.Errorf("kv %s: reading the answer: %w", n.binding, err)
	}
	return wire.Decode(kind, n.binding, b, into)
}

func (n *Namespace) put(ctx context.Context, key string, value []byte, p parameters) error {
	return n.write(ctx, key, bytes.NewReader(value), int64(len(value)), p)
}

func (n *Namespace) putStream(ctx context.Context, key string, value io.Reader, p parameters) error {
	return n.write(ctx, key, value, -1, p)
}

func (n *Namespace) write(ctx context.Context, key string, value io.Reader, length int64, p parameters) error {
	r, err := n.entry(http.MethodPut, key)
	if err != nil {
		return err
	}
	r.Body, r.Length = value, length
	if p.Expiration != 0 {
		r.Query.Set("expiration", strconv.FormatInt(p.Expiration, 10))
	}
	if p.TTL != 0 {
		r.Query.Set("expiration_ttl", strconv.FormatInt(p.TTL, 10))
	}
	if p.Metadata != nil {
		r.Header = http.Header{metadataHeader: {string(p.Metadata)}}
	}
	res, err := n.send(ctx, "PUT", r)
	if err != nil {
		return err
	}
	return res.Body.Close()
}

func (n *Namespace) delete(ctx context.Context, key string) error {
	r, err := n.entry(http.MethodDelete, key)
	if err != nil {
		return err
	}
	res, err := n.send(ctx, "DELETE", r)
	if err != nil {
		return err
	}
	return res.Body.Close()
}

func (n *Namespace) list(ctx context.Context, o ListOptions) (page listed, err error) {
	q := url.Values{}
	if o.Prefix != "" {
		q.Set("prefix", o.Prefix)
	}
	if o.Limit != 0 {
		q.Set("key_count_limit", strconv.Itoa(o.Limit))
	}
	if o.Cursor != "" {
		q.Set("cursor", o.Cursor)
	}
	res, err := n.send(ctx, "GET", wire.Request{Method: http.MethodGet, Path: "/", Query: q})
	if err != nil {
		return page, err
	}
	if err := n.decode(res, &page); err != nil {
		return page, err
	}
	for i, k := range page.Keys { // metadata comes as the text of JSON
		var text string
		if json.Unmarshal(k.Metadata, &text) == nil {
			page.Keys[i].Metadata = json.RawMessage(text)
		}
	}
	return page, nil
}
