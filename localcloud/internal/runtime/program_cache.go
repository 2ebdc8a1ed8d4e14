package runtime

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tamylaa/clodo/internal/host"
)

// What a programCache keeps: enough for tests, and a bound for a program that runs on.
const (
	maxCached     = 1000     // answers
	maxCachedBody = 25 << 20 // bytes of one
	usualCaching  = 2 * time.Hour
)

// programCache is the Cache API of a Worker without workerd: it keeps answers in memory.
// The header of a binding's name says which cache, that of the URL what; a GET finds, a
// PUT keeps its body, with the answer's status and headers in others, and a DELETE
// forgets.
type programCache struct {
	mu   sync.Mutex
	kept map[string]cached // by the cache's name and the URL
}

// cached is an answer that is kept.
type cached struct {
	status  int
	header  http.Header
	body    []byte
	expires time.Time
}

func (c *programCache) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := r.Header.Get(host.BindingHeader) + " " + r.Header.Get(host.URLHeader)
	switch r.Method {
	case http.MethodGet:
		c.match(w, key)
	case http.MethodPut:
		if err := c.put(r, key); err != nil {
			host.Refuse(w, err)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	case http.MethodDelete:
		c.mu.Lock()
		_, found := c.kept[key]
		delete(c.kept, key)
		c.mu.Unlock()
		w.WriteHeader(map[bool]int{true: http.StatusNoContent, false: http.StatusNotFound}[found])
	default:
		host.Refuse(w, fmt.Errorf("%s is no operation of a cache", r.Method))
	}
}

func (c *programCache) match(w http.ResponseWriter, key string) {
	c.mu.Lock()
	found, ok := c.kept[key]
	c.mu.Unlock()
	if !ok || time.Now().After(found.expires) {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	for name, values := range found.header {
		w.Header()[host.CachedHeader+name] = values
	}
	w.Header().Set(host.CachedHeader+"Cf-Cache-Status", "HIT")
	w.Header().Set(host.CachedStatusHeader, strconv.Itoa(found.status))
	_, _ = w.Write(found.body) // the program may be gone
}

// put keeps an answer for as long as it says itself.
func (c *programCache) put(r *http.Request, key string) error {
	status, err := strconv.Atoi(r.Header.Get(host.CachedStatusHeader))
	if err != nil {
		return fmt.Errorf("the answer to be cached has no status")
	}
	header := http.Header{}
	for name, values := range r.Header {
		if own, ok := strings.CutPrefix(name, host.CachedHeader); ok && name != host.CachedStatusHeader {
			header[own] = values
		}
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxCachedBody+1))
	if err != nil {
		return err
	}
	age := lifetime(header)
	if age <= 0 || len(body) > maxCachedBody {
		return nil // as at Cloudflare, where nobody is told either
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept == nil || len(c.kept) >= maxCached {
		c.kept = map[string]cached{}
	}
	c.kept[key] = cached{status, header, body, time.Now().Add(age)}
	return nil
}

// lifetime is how long an answer may be kept.
func lifetime(h http.Header) time.Duration {
	age := usualCaching
	for directive := range strings.SplitSeq(strings.ToLower(h.Get("Cache-Control")), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch name {
		case "no-store", "private", "no-cache":
			return 0
		case "s-maxage", "max-age":
			seconds, err := strconv.Atoi(strings.Trim(value, `"`))
			if err != nil {
				return 0
			}
			if age = time.Duration(seconds) * time.Second; name == "s-maxage" {
				return age
			}
		}
	}
	if h.Get("Set-Cookie") != "" {
		return 0
	}
	return age
}
