// Package cache is the Cache API of Workers: answers that are kept near the clients, for
// as long as their Cache-Control says.
//
//	if res, err := cache.Default().Match(ctx, r); err == nil {
//		… // it is to be closed
//	}
//	err := cache.Default().Put(ctx, r, res)
//
// A cache promises nothing: what was put may not be found. At Cloudflare it works at hostnames
// of a zone, and on workers.dev nothing is ever found; in the local cloud and natively it works
// at every address. An answer is kept for as long as its Cache-Control or Expires says, or else
// by its status: 2 hours for 200 and 301, 20 minutes for 302 and 303, 3 for 404 and 410, and not
// at all for others.
package cache

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/tamylaa/clodo/bindings/internal/wire"
)

// ErrNotFound is a request whose answer is not cached.
var ErrNotFound = errors.New("cache: the answer is not cached")

// Error is what the cache refused, in its own words.
type Error = wire.Error

const kind = "cache"

// Cache is one of the caches. It holds nothing of a request and serves all of them.
type Cache struct{ name string }

// Default is the cache that a Worker's zone has anyway.
func Default() *Cache { return &Cache{} }

// Open is another cache, by a name.
func Open(name string) *Cache { return &Cache{name} }

// Match is the answer that is cached for a request, to be closed, or ErrNotFound. A request
// with If-None-Match or If-Modified-Since may get a 304, one with Range a 206 or a 416.
func (c *Cache) Match(ctx context.Context, r *http.Request) (*http.Response, error) {
	if err := keyable(r); err != nil {
		return nil, err
	}
	return c.match(ctx, r)
}

// Put keeps an answer to a GET, and reads and closes its body. One that may not be cached,
// by its Cache-Control or for its Set-Cookie, is not, which is no error.
func (c *Cache) Put(ctx context.Context, r *http.Request, res *http.Response) error {
	defer res.Body.Close()
	err := keyable(r)
	switch {
	case err != nil:
		return err
	case res.StatusCode == http.StatusPartialContent:
		return errors.New("cache: a part of an answer (206) cannot be cached")
	case res.StatusCode < 200 || res.StatusCode > 599:
		return fmt.Errorf("cache: an answer with the status %d cannot be cached", res.StatusCode)
	case strings.Contains(strings.Join(res.Header.Values("Vary"), ","), "*"):
		return errors.New("cache: an answer with Vary: * cannot be cached")
	}
	return c.put(ctx, r, res)
}

// Delete forgets the answer to a request, and reports whether there was one.
func (c *Cache) Delete(ctx context.Context, r *http.Request) (bool, error) {
	if err := keyable(r); err != nil {
		return false, err
	}
	return c.delete(ctx, r)
}

// keyable refuses requests whose answers are never cached.
func keyable(r *http.Request) error {
	if r.Method != http.MethodGet && r.Method != "" {
		return fmt.Errorf("cache: answers to %s cannot be cached, only those to GET", r.Method)
	}
	return nil
}

// address is the URL that an answer is kept by: that of a client's request, or of a
// request that a server got.
func address(r *http.Request) string {
	if r.URL.Host != "" || r.Host == "" {
		return wire.Absolute(r.URL)
	}
	u := url.URL{Scheme: "https", Host: r.Host, Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
	return u.String()
}
