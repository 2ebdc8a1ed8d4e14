//go:build !js

package clodo

import (
	"compress/gzip"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// minCompressed is the size below which compressing costs more than it saves.
const minCompressed = 1 << 10

// Compress sends answers as gzip to clients that take it, natively; on Workers it does
// nothing, because Cloudflare compresses what it sends. Left alone are answers of less
// than a kibibyte, those that are encoded already, parts of files, event streams and
// whatever is flushed while it is written, and kinds that do not shrink, such as images.
func Compress(next http.Handler) http.Handler {
	writers := &sync.Pool{New: func() any { return gzip.NewWriter(nil) }}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &compressor{ResponseWriter: w, writers: writers, wanted: r.Method != http.MethodHead && takes(r, "gzip")}
		next.ServeHTTP(c, r)
		c.finish() // not after a panic: the answer is not to look whole
	})
}

// compressor holds the beginning of an answer back until it is clear what it is.
type compressor struct {
	http.ResponseWriter
	writers *sync.Pool
	wanted  bool
	status  int
	begin   []byte
	decided bool
	zip     *gzip.Writer // while it compresses
}

func (c *compressor) WriteHeader(status int) {
	if c.decided || status < http.StatusOK {
		c.ResponseWriter.WriteHeader(status)
		return
	}
	if c.status == 0 {
		c.status = status
	}
	if !c.shrinks() {
		c.decide(false)
	}
}

func (c *compressor) Write(b []byte) (int, error) {
	if c.status == 0 {
		if c.Header().Get("Content-Type") == "" {
			c.Header().Set("Content-Type", http.DetectContentType(b))
		}
		c.WriteHeader(http.StatusOK)
	}
	if !c.decided && len(c.begin)+len(b) < minCompressed {
		c.begin = append(c.begin, b...)
		return len(b), nil
	}
	c.decide(true)
	if c.zip != nil {
		return c.zip.Write(b)
	}
	return c.ResponseWriter.Write(b)
}

func (c *compressor) begun() bool { return c.status != 0 }

// Flush makes it an [http.Flusher].
func (c *compressor) Flush() { _ = c.FlushError() } // a client that is gone is noticed by the next write

// FlushError is for [http.ResponseController].
func (c *compressor) FlushError() error {
	if c.status == 0 {
		c.status = http.StatusOK
	}
	c.decide(false)
	if c.zip != nil {
		if err := c.zip.Flush(); err != nil {
			return err
		}
	}
	return http.NewResponseController(c.ResponseWriter).Flush()
}

// Unwrap gives [http.ResponseController] what it needs.
func (c *compressor) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// shrinks reports that an answer may be compressed, as far as its head tells. The
// answer to one who does not take gzip depends on that too, and says so.
func (c *compressor) shrinks() bool {
	h := c.Header()
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	text := strings.HasPrefix(kind, "text/") && kind != "text/event-stream" || strings.HasSuffix(kind, "json") || strings.HasSuffix(kind, "xml") ||
		kind == "application/javascript" || kind == "application/wasm"
	if err != nil || !text || h.Get("Content-Encoding") != "" || h.Get("Content-Range") != "" || strings.Contains(h.Get("Cache-Control"), "no-transform") ||
		c.status == http.StatusNoContent || c.status == http.StatusNotModified || c.status == http.StatusPartialContent {
		return false
	}
	if n, err := strconv.Atoi(h.Get("Content-Length")); err == nil && n < minCompressed {
		return false
	}
	h.Add("Vary", "Accept-Encoding")
	return c.wanted
}

// decide sends the head and what was held back.
func (c *compressor) decide(compress bool) {
	if c.decided {
		return
	}
	c.decided = true
	if compress {
		h := c.Header()
		h.Set("Content-Encoding", "gzip")
		h.Del("Content-Length")
		h.Del("Accept-Ranges") // of other bytes
		if tag := h.Get("Etag"); strings.HasPrefix(tag, `"`) {
			h.Set("Etag", "W/"+tag)
		}
		c.zip = c.writers.Get().(*gzip.Writer)
		c.zip.Reset(c.ResponseWriter)
	}
	c.ResponseWriter.WriteHeader(c.status)
	if len(c.begin) == 0 {
		return
	}
	if c.zip != nil {
		_, _ = c.zip.Write(c.begin) // its error comes again
	} else {
		_, _ = c.ResponseWriter.Write(c.begin) // a client that is gone is noticed by the next write
	}
	c.begin = nil
}

func (c *compressor) finish() {
	if c.status == 0 {
		return // the server sends an empty answer
	}
	c.decide(false)
	if c.zip != nil {
		_ = c.zip.Close() // the client may be gone
		c.zip.Reset(nil)
		c.writers.Put(c.zip)
		c.zip = nil
	}
}
