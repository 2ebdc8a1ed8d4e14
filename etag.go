package clodo

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"net"
	"net/http"
	"strings"
)

// StrongETag is an entity tag that stands for exactly these bytes.
func StrongETag(b []byte) string {
	sum := sha256.Sum256(b)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:18]) + `"`
}

// WeakETag is an entity tag of a version: a row's version number, say. Other bytes may
// have the same. What cannot stand in a tag is hashed.
func WeakETag(version string) string {
	for i := range len(version) {
		if c := version[i]; c <= ' ' || c > '~' || c == '"' || c == ',' {
			return "W/" + StrongETag([]byte(version))
		}
	}
	return `W/"` + version + `"`
}

// NotModified gives the answer its entity tag and, when a GET or HEAD has it already,
// answers 304: then it returns true, and there is nothing more to do.
func NotModified(w http.ResponseWriter, r *http.Request, etag string) bool {
	w.Header().Set("Etag", etag)
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	if !listed(r.Header.Values("If-None-Match"), etag) {
		return false
	}
	for _, name := range []string{"Content-Type", "Content-Length", "Content-Encoding"} {
		w.Header().Del(name) // of a body that is not sent
	}
	w.WriteHeader(http.StatusNotModified)
	return true
}

// CheckMatch reports whether a change may be made to what has this entity tag now, "" if
// it does not exist: a [Problem] of status 412 when the request's If-Match or
// If-None-Match does not fit. Weak tags fit too, unlike RFC 9110 has it for If-Match:
// Cloudflare makes strong tags weak when it compresses, and they come back like that.
func CheckMatch(r *http.Request, etag string) error {
	failed := func(detail string) error {
		return &Problem{Status: http.StatusPreconditionFailed, Code: "precondition_failed", Detail: detail}
	}
	if want := r.Header.Values("If-Match"); len(want) > 0 && (etag == "" || !listed(want, etag)) {
		return failed("It is not as If-Match says any more.")
	}
	if unwanted := r.Header.Values("If-None-Match"); len(unwanted) > 0 && etag != "" && listed(unwanted, etag) {
		return failed("It exists already.")
	}
	return nil
}

// weak is what of a tag has to be the same.
func weak(etag string) string { return strings.TrimPrefix(etag, "W/") }

// listed reports that a header which lists tags, or is a star, has one.
func listed(values []string, etag string) bool {
	for _, list := range values {
		for rest := strings.Trim(list, " \t,"); rest != ""; rest = strings.TrimLeft(rest, " \t,") {
			if rest == "*" {
				return true
			}
			start := 0
			if strings.HasPrefix(rest, "W/") {
				start = 2
			}
			if len(rest) <= start || rest[start] != '"' {
				break // it is no list of tags
			}
			end := strings.IndexByte(rest[start+1:], '"')
			if end < 0 {
				break
			}
			end += start + 2
			if weak(rest[:end]) == weak(etag) {
				return true
			}
			rest = rest[end:]
		}
	}
	return false
}

// maxETagged is the largest answer that ETag holds back to see what it is.
const maxETagged = 1 << 20

// ETag gives answers 200 to GET and HEAD a strong entity tag of their bytes, and answers
// 304 to those who have them. Answers that have a tag are left alone, as are streams and
// those of more than a mebibyte. It saves the way to the client, not the work.
func ETag(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			next.ServeHTTP(w, r)
			return
		}
		t := &tagger{ResponseWriter: w}
		// A handler that sees a HEAD may leave the body out.
		next.ServeHTTP(t, r)
		t.finish(r)
	})
}

// tagger holds an answer back.
type tagger struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
	passed bool // what comes goes straight on
}

func (t *tagger) WriteHeader(status int) {
	if t.passed || status < http.StatusOK {
		t.passed = t.passed || status == http.StatusSwitchingProtocols
		t.ResponseWriter.WriteHeader(status)
		return
	}
	if t.status == 0 {
		t.status = status
	}
	if t.status != http.StatusOK || t.Header().Get("Etag") != "" {
		t.pass()
	}
}

func (t *tagger) Write(b []byte) (int, error) {
	if t.status == 0 {
		t.WriteHeader(http.StatusOK)
	}
	if !t.passed && t.body.Len()+len(b) > maxETagged {
		t.pass()
	}
	if t.passed {
		return t.ResponseWriter.Write(b)
	}
	return t.body.Write(b)
}

func (t *tagger) begun() bool { return t.status != 0 }

// Flush makes it an [http.Flusher].
func (t *tagger) Flush() { _ = t.FlushError() } // a client that is gone is noticed by the next write

// FlushError is for [http.ResponseController]: who flushes does not want to wait.
func (t *tagger) FlushError() error {
	if t.status == 0 {
		t.status = http.StatusOK
	}
	t.pass()
	return http.NewResponseController(t.ResponseWriter).Flush()
}

// Hijack is for [http.ResponseController]: there will be no answer.
func (t *tagger) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	t.passed = true
	return http.NewResponseController(t.ResponseWriter).Hijack()
}

// Unwrap gives [http.ResponseController] what it needs.
func (t *tagger) Unwrap() http.ResponseWriter { return t.ResponseWriter }

func (t *tagger) pass() {
	if t.passed {
		return
	}
	t.passed = true
	t.ResponseWriter.WriteHeader(t.status)
	if t.body.Len() == 0 {
		return
	}
	_, _ = t.ResponseWriter.Write(t.body.Bytes()) // a client that is gone is noticed by the next write
	t.body.Reset()
}

func (t *tagger) finish(r *http.Request) {
	if t.passed {
		return
	}
	if t.status == 0 {
		t.status = http.StatusOK
	}
	if r.Method == http.MethodHead && t.body.Len() == 0 {
		t.pass()
		return
	}
	if !NotModified(t.ResponseWriter, r, StrongETag(t.body.Bytes())) {
		t.pass()
	}
}
