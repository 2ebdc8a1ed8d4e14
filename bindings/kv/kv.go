// Package kv is the binding to a KV namespace.
//
//	var sessions = kv.Open("SESSIONS")
//
//	token, err := sessions.GetText(ctx, "user:1")
//	err = sessions.PutText(ctx, "user:1", token, kv.PutOptions{TTL: time.Hour})
//
// KV is eventually consistent: other places may read an old value for a minute. Its
// limits are those of Cloudflare: keys of 512 bytes, values of 25 MiB, metadata of 1,024
// bytes as JSON, and times to live from a minute on.
package kv

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/tamylaa/clodo/bindings/internal/wire"
)

// ErrNotFound is a key without a value.
var ErrNotFound = errors.New("kv: there is no such key")

// Error is what KV refused, in its own words.
type Error = wire.Error

// MaxMany is how many keys GetMany takes.
const MaxMany = 100

// Namespace is a KV namespace. It holds nothing of a request and serves all of them.
type Namespace struct {
	binding string
	ttl     int // seconds that a value may be cached; 0 is KV's own
}

// Open is the namespace that the binding of that name is for. Whether there is one shows
// when it is used.
func Open(binding string) *Namespace { return &Namespace{binding: binding} }

// Cached is the namespace with values that may be d old when they are read, in whole
// seconds, from 30 on; KV's own is a minute.
func (n *Namespace) Cached(d time.Duration) *Namespace {
	return &Namespace{n.binding, int(d / time.Second)}
}

// Entry is a value with its metadata.
type Entry struct {
	Value    []byte
	Metadata json.RawMessage // nil: none
}

// Get is the value of a key.
func (n *Namespace) Get(ctx context.Context, key string) ([]byte, error) {
	e, err := n.get(ctx, key)
	return e.Value, err
}

// GetText is the value of a key as a string.
func (n *Namespace) GetText(ctx context.Context, key string) (string, error) {
	e, err := n.get(ctx, key)
	return string(e.Value), err
}

// GetJSON reads the value of a key as JSON.
func (n *Namespace) GetJSON(ctx context.Context, key string, into any) error {
	e, err := n.get(ctx, key)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(e.Value, into); err != nil {
		return fmt.Errorf("kv %s: the value of %q: %w", n.binding, key, err)
	}
	return nil
}

// GetEntry is the value of a key with its metadata.
func (n *Namespace) GetEntry(ctx context.Context, key string) (Entry, error) {
	return n.get(ctx, key)
}

// GetStream is the value of a key as a stream, which is to be closed.
func (n *Namespace) GetStream(ctx context.Context, key string) (io.ReadCloser, error) {
	return n.stream(ctx, key)
}

// GetMany reads up to 100 texts at once. Keys without a value are not in the map.
func (n *Namespace) GetMany(ctx context.Context, keys ...string) (map[string]string, error) {
	all, err := n.many(ctx, keys)
	if err != nil {
		return nil, err
	}
	found := make(map[string]string, len(all))
	for key, value := range all {
		if value != nil {
			found[key] = *value
		}
	}
	return found, nil
}

// PutOptions say how long a value is kept, and what is said about it. At most one of the
// two times is given; without one it is kept for ever.
type PutOptions struct {
	TTL        time.Duration // from a minute on, in whole seconds
	Expiration time.Time     // a minute from now or later, to the second
	Metadata   any           // stored as JSON; nil: none
}

// Put stores a value.
func (n *Namespace) Put(ctx context.Context, key string, value []byte, o PutOptions) error {
	p, err := o.parameters(n.binding)
	if err != nil {
		return err
	}
	return n.put(ctx, key, value, p)
}

// PutText stores a text.
func (n *Namespace) PutText(ctx context.Context, key, value string, o PutOptions) error {
	return n.Put(ctx, key, []byte(value), o)
}

// PutJSON stores a value as JSON.
func (n *Namespace) PutJSON(ctx context.Context, key string, value any, o PutOptions) error {
	b, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("kv %s: the value of %q: %w", n.binding, key, err)
	}
	return n.Put(ctx, key, b, o)
}

// PutStream stores what is read from value, up to its end.
func (n *Namespace) PutStream(ctx context.Context, key string, value io.Reader, o PutOptions) error {
	p, err := o.parameters(n.binding)
	if err != nil {
		return err
	}
	return n.putStream(ctx, key, value, p)
}

// Delete removes a key. One that is not there is no error.
func (n *Namespace) Delete(ctx context.Context, key string) error { return n.delete(ctx, key) }

// parameters are PutOptions as they are sent.
type parameters struct {
	Expiration int64           `json:"expiration,omitempty"` // seconds since 1970
	TTL        int64           `json:"expirationTtl,omitempty"`
	Metadata   json.RawMessage `json:"metadata,omitempty"`
}

func (o PutOptions) parameters(binding string) (p parameters, err error) {
	switch {
	case o.TTL != 0 && !o.Expiration.IsZero():
		return p, fmt.Errorf("kv %s: a value has a time to live or an expiration, not both", binding)
	case o.TTL < 0 || o.TTL%time.Second != 0:
		return p, fmt.Errorf("kv %s: a time to live is in whole seconds, got %v", binding, o.TTL)
	case o.TTL != 0:
		p.TTL = int64(o.TTL / time.Second)
	case !o.Expiration.IsZero():
		p.Expiration = o.Expiration.Unix()
	}
	if o.Metadata != nil {
		if p.Metadata, err = json.Marshal(o.Metadata); err != nil {
			return p, fmt.Errorf("kv %s: the metadata: %w", binding, err)
		}
	}
	return p, nil
}

// ListOptions say which keys.
type ListOptions struct {
	Prefix string
	Limit  int    // keys of a page, up to 1,000, which is the default
	Cursor string // of the page before
}

// Page is some of the keys, in the order of their bytes.
type Page struct {
	Keys   []Key
	Cursor string // for the next page; "" when this is the last
}

// Key is the name of a value, and what is known about it.
type Key struct {
	Name       string
	Expiration time.Time       // zero: never
	Metadata   json.RawMessage // nil: none
}

// List is a page of the keys.
func (n *Namespace) List(ctx context.Context, o ListOptions) (Page, error) {
	page, err := n.list(ctx, o)
	if err != nil {
		return Page{}, err
	}
	out := Page{Keys: make([]Key, len(page.Keys))}
	if !page.Complete {
		out.Cursor = page.Cursor
	}
	for i, k := range page.Keys {
		out.Keys[i] = Key{Name: k.Name}
		if k.Expiration != 0 {
			out.Keys[i].Expiration = time.Unix(k.Expiration, 0).UTC()
		}
		if len(k.Metadata) > 0 && string(k.Metadata) != "null" {
			out.Keys[i].Metadata = k.Metadata
		}
	}
	return out, nil
}

// Keys are all keys with a prefix, page by page. An error ends them.
func (n *Namespace) Keys(ctx context.Context, prefix string) iter.Seq2[Key, error] {
	return func(yield func(Key, error) bool) {
		o := ListOptions{Prefix: prefix}
		for {
			page, err := n.List(ctx, o)
			if err != nil {
				yield(Key{}, err)
				return
			}
			for _, k := range page.Keys {
				if !yield(k, nil) {
					return
				}
			}
			if o.Cursor = page.Cursor; o.Cursor == "" {
				return
			}
		}
	}
}

// listed is a page as it arrives.
type listed struct {
	Keys []struct {
		Name       string
		Expiration int64
		Metadata   json.RawMessage
	}
	Complete bool `json:"list_complete"`
	Cursor   string
}
