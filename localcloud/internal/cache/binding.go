package cache

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// NameHeader has the name of the cache that is asked, escaped; without one that is the
// default cache, to which workerd gives the empty name, too.
const NameHeader = "Cf-Cache-Namespace"

// statusHeader says whether an answer comes from the cache.
const statusHeader = "Cf-Cache-Status"

// Binding answers what workerd's Cache API asks: GET finds the answer for the request's URL,
// PUT keeps the one that its body is, and PURGE forgets it. The URL is whole. Who names the
// same scope has the same caches.
func (c *Cache) Binding(w http.ResponseWriter, r *http.Request, scope string) {
	k, err := keyOf(r, scope)
	switch {
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadRequest)
	case r.Method == http.MethodGet:
		c.match(w, r, k)
	case r.Method == http.MethodPut:
		err := c.store(r, k)
		_, _ = io.Copy(io.Discard, r.Body) // workerd listens when it has sent everything
		w.WriteHeader(stored(err))
	case r.Method == "PURGE":
		w.WriteHeader(map[bool]int{true: http.StatusOK, false: http.StatusNotFound}[c.delete(k)])
	default:
		http.Error(w, r.Method+" is no operation of a cache", http.StatusMethodNotAllowed)
	}
}

// stored is the status for what came of a PUT. A Worker sees none of them.
func stored(err error) int {
	switch {
	case err == nil:
		return http.StatusNoContent
	case errors.Is(err, errMalformed):
		return http.StatusBadRequest
	}
	return http.StatusRequestEntityTooLarge // which says: not kept
}

func keyOf(r *http.Request, scope string) (key, error) {
	name, err := url.PathUnescape(r.Header.Get(NameHeader))
	if err != nil {
		return key{}, errors.New("the name of the cache is not escaped")
	}
	if r.URL.Host == "" {
		return key{}, errors.New("the URL of the answer is not whole")
	}
	return key{scope: scope, name: name, url: canonical(r.URL)}, nil
}

// canonical is a URL as answers are kept by it.
func canonical(u *url.URL) string {
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	text := strings.ToLower(u.Scheme) + "://" + authority(u) + path
	if u.RawQuery != "" || u.ForceQuery {
		text += "?" + u.RawQuery
	}
	return text
}

// authority is the host of a URL, with a port that its scheme does not have anyway.
func authority(u *url.URL) string {
	host := strings.ToLower(u.Host)
	switch strings.ToLower(u.Scheme) {
	case "http":
		return strings.TrimSuffix(host, ":80")
	case "https":
		return strings.TrimSuffix(host, ":443")
	}
	return host
}

func (c *Cache) match(w http.ResponseWriter, r *http.Request, k key) {
	e := c.find(k)
	if e == nil {
		Miss(w)
		return
	}
	defer c.release(e)
	content, err := c.content(e)
	if err != nil {
		Miss(w) // somebody removed the file
		return
	}
	defer content.Close()
	if e.file == nil {
		w = inOne{w}
	}
	h := w.Header()
	maps.Copy(h, e.header)
	h.Set(statusHeader, "HIT")
	h.Set("Age", strconv.FormatInt(int64((e.old+c.clock.Now().Sub(e.put))/time.Second), 10))
	if h["Content-Type"] == nil {
		h["Content-Type"] = nil // nobody shall guess one
	}
	if e.status != http.StatusNoContent {
		h.Set("Content-Length", strconv.FormatInt(e.size(), 10))
	}
	if e.status == http.StatusOK {
		modified, _ := http.ParseTime(e.header.Get("Last-Modified")) // else it has none
		http.ServeContent(w, r, "", modified, content)
		return
	}
	w.WriteHeader(e.status)
	if _, err := io.Copy(w, content); err != nil && !errors.Is(err, http.ErrBodyNotAllowed) {
		panic(http.ErrAbortHandler) // the Worker went away, or must not take this for all
	}
}

// inOne hides how a file would be sent, so that a short body goes with its headers.
type inOne struct{ http.ResponseWriter }

// Miss answers that nothing is kept.
func Miss(w http.ResponseWriter) {
	w.Header().Set(statusHeader, "MISS")
	w.WriteHeader(http.StatusGatewayTimeout)
}

// store keeps the answer that the body of a PUT is, unless that is not to be: errRefused,
// errTooLarge, errMalformed, or what went wrong.
func (c *Cache) store(r *http.Request, k key) error {
	now := c.clock.Now()
	e := &entry{key: k, host: r.URL.Hostname(), path: r.URL.EscapedPath(), put: now, age: c.begin()}
	in, err := e.readHead(r.Body)
	if err != nil {
		return err
	}
	v := judge(e.status, e.header, r.Header.Get("Authorization") != "", now)
	if v.refused || e.status == http.StatusPartialContent || e.status == http.StatusNotModified || strings.Contains(strings.Join(e.header.Values("Vary"), ","), "*") {
		return errRefused
	}
	if v.fresh <= 0 {
		c.delete(k)
		return errRefused
	}
	e.old, e.expires = age(e.header), now.Add(v.fresh)
	length := e.take(v.without)
	if err := c.body(e, in); err != nil {
		return err
	}
	if length >= 0 && length != e.size() {
		c.files.Remove(e.pieces()...)
		return errMalformed
	}
	e.memory = e.weight()
	c.keep(e)
	return nil
}

// errRefused is an answer that is not kept, by its own words or by its kind.
var errRefused = errors.New("the answer is not to be kept")
