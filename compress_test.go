package clodo_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/tamylaa/clodo"
)

func TestOnlyWhatShrinksIsCompressed(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("hello ", 1000)
	answer := func(kind, body string, header ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			if kind != "" {
				w.Header().Set("Content-Type", kind)
			}
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			for rest := body; rest != ""; { // in parts
				n := min(700, len(rest))
				_, _ = io.WriteString(w, rest[:n])
				rest = rest[n:]
			}
		}
	}
	tests := map[string]struct {
		handler http.HandlerFunc
		accept  string
		zipped  bool
	}{
		"text":                       {answer("text/html; charset=utf-8", long), "gzip, deflate, br", true},
		"JSON":                       {answer("application/json", long), "gzip", true},
		"a problem":                  {answer("application/problem+json", long), "*", true},
		"a kind that nobody named":   {answer("", long), "gzip", true},
		"with its length":            {answer("text/plain", long, "Content-Length", strconv.Itoa(len(long))), "gzip;q=0.5", true},
		"with a tag":                 {answer("text/plain", long, "Etag", `"a"`), "GZIP", true},
		"for who does not take it":   {answer("text/plain", long), "", false},
		"for who takes another":      {answer("text/plain", long), "br", false},
		"for who refuses it":         {answer("text/plain", long), "gzip;q=0, *", false},
		"what is short":              {answer("text/plain", "hello"), "gzip", false},
		"what says that it is short": {answer("text/plain", "hello", "Content-Length", "5"), "gzip", false},
		"a picture":                  {answer("image/png", long), "gzip", false},
		"what is encoded":            {answer("text/plain", long, "Content-Encoding", "br"), "gzip", false},
		"a part of a file":           {answer("text/plain", long, "Content-Range", "bytes 0-1/2"), "gzip", false},
		"what is not to be changed":  {answer("text/plain", long, "Cache-Control", "no-transform"), "gzip", false},
		"events":                     {answer("text/event-stream", long), "gzip", false},
		"nothing":                    {answer("text/plain", ""), "gzip", false},
		"what is flushed": {func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, "a")
			_ = http.NewResponseController(w).Flush()
			fmt.Fprint(w, long)
		}, "gzip", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := clodo.Compress(test.handler)
			plain := request(h, "GET", "/", "")
			w := request(h, "GET", "/", "", "Accept-Encoding", test.accept)
			if got := w.Header().Get("Content-Encoding") == "gzip"; got != test.zipped {
				t.Fatalf("%v", w.Header())
			}
			body := w.Body.Bytes()
			if test.zipped {
				if len(body) > len(long)/2 || w.Header().Get("Content-Length") != "" || w.Header().Get("Vary") != "Accept-Encoding" || plain.Header().Get("Vary") != "Accept-Encoding" {
					t.Errorf("%d bytes, %v; without: %v", len(body), w.Header(), plain.Header())
				}
				if tag := w.Header().Get("Etag"); tag != "" && tag != `W/"a"` {
					t.Errorf("the tag is %s", tag)
				}
				z, err := gzip.NewReader(bytes.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				if body, err = io.ReadAll(z); err != nil {
					t.Fatal(err)
				}
			}
			if !bytes.Equal(body, plain.Body.Bytes()) {
				t.Errorf("%d bytes became %d", plain.Body.Len(), len(body))
			}
		})
	}
}

func TestWhatIsCompressedCanBeFlushed(t *testing.T) {
	t.Parallel()
	w := request(clodo.Compress(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, strings.Repeat("a", 2000))
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
		fmt.Fprint(w, "b")
	})), "GET", "/", "", "Accept-Encoding", "gzip")
	z, err := gzip.NewReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(z); err != nil || len(b) != 2001 || !w.Flushed {
		t.Errorf("%d bytes, %v", len(b), err)
	}
}

// A panic in the middle is not to look like a whole answer.
func TestABrokenAnswerIsNotEndedByCompressing(t *testing.T) {
	t.Parallel()
	var w interface{ Len() int }
	func() {
		defer func() { _ = recover() }()
		rec := &recorder{header: http.Header{}}
		w = &rec.body
		r, _ := http.NewRequest("GET", "/", nil)
		r.Header.Set("Accept-Encoding", "gzip")
		clodo.Compress(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, strings.Repeat("a", 2000))
			panic("now")
		})).ServeHTTP(rec, r)
	}()
	if w.Len() > 12 {
		t.Errorf("%d bytes were sent", w.Len())
	}
}

type recorder struct {
	header http.Header
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(int)             {}
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }

func FuzzAcceptEncoding(f *testing.F) {
	for _, s := range []string{"gzip", "gzip;q=0", "*;q=0.5", "br, GZIP ; q=1", ",,;q=", "gzip;q=NaN"} {
		f.Add(s)
	}
	long := strings.Repeat("hello ", 1000)
	h := clodo.Compress(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, long) }))
	f.Fuzz(func(t *testing.T, accept string) {
		w := request(h, "GET", "/", "", "Accept-Encoding", accept)
		zipped := w.Header().Get("Content-Encoding") == "gzip"
		if may := strings.Contains(strings.ToLower(accept), "gzip") || strings.Contains(accept, "*"); zipped && !may || !zipped && w.Body.String() != long {
			t.Errorf("%q was answered with %v", accept, w.Header())
		}
	})
}
