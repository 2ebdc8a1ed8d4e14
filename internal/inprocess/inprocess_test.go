package inprocess

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func ask(t *testing.T, h http.HandlerFunc, method string, body io.Reader) (*http.Response, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://any.example/a%2Fb?q=1", body)
	if err != nil {
		t.Fatal(err)
	}
	return Transport{h}.RoundTrip(r)
}

func TestAnAnswerArrivesAsFromAServer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		method  string
		handler http.HandlerFunc
		want    string // status, length, content type and body
	}{
		{"nothing", "GET", func(http.ResponseWriter, *http.Request) {}, "200 0  "},
		{"a text", "GET", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "x") }, "200 1 text/plain; charset=utf-8 x"},
		{"a status", "GET", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404); w.WriteHeader(500) }, "404 0  "},
		{"no content", "GET", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, "204 -1  "},
		{"a HEAD", "HEAD", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "x") }, "200 -1  "},
		{"a flush", "GET", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, "<p>")
			_ = http.NewResponseController(w).Flush()
		}, "200 -1 text/html; charset=utf-8 <p>"},
		{"the request", "POST", func(w http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			fmt.Fprint(w, r.Host, r.RequestURI, r.URL.Path, r.ContentLength, string(b))
		}, "200 30 text/plain; charset=utf-8 any.example/a%2Fb?q=1/a/b4body"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var body io.Reader
			if c.method == "POST" {
				body = strings.NewReader("body")
			}
			res, err := ask(t, c.handler, c.method, body)
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(res.Body)
			if got := fmt.Sprint(res.StatusCode, " ", res.ContentLength, " ", res.Header.Get("Content-Type"), " ", string(b)); got != c.want || err != nil {
				t.Errorf("%q, %v; want %q", got, err, c.want)
			}
		})
	}
}

func TestBodiesAreStreams(t *testing.T) {
	t.Parallel()
	in, out := io.Pipe()
	res, err := ask(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(200)
		_ = http.NewResponseController(w).Flush()
		lines := bufio.NewScanner(r.Body)
		for lines.Scan() {
			fmt.Fprintln(w, strings.ToUpper(lines.Text()))
			_ = http.NewResponseController(w).Flush()
		}
		_, _ = w.Write(bytes.Repeat([]byte("x"), 1<<20))
	}, "POST", in)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(res.Body)
	for _, word := range []string{"a", "b"} {
		fmt.Fprintln(out, word)
		if got, err := lines.ReadString('\n'); got != strings.ToUpper(word)+"\n" || err != nil {
			t.Errorf("%q %v", got, err)
		}
	}
	out.Close()
	if n, err := io.Copy(io.Discard, lines); n != 1<<20 || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
}

func TestAPanicIsAnError(t *testing.T) {
	t.Parallel()
	if _, err := ask(t, func(http.ResponseWriter, *http.Request) { panic("a mistake") }, "GET", nil); err == nil || !strings.Contains(err.Error(), "a mistake") {
		t.Error(err)
	}
	res, err := ask(t, func(w http.ResponseWriter, _ *http.Request) {
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}, "GET", nil)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(res.Body); err == nil {
		t.Errorf("%q seemed whole", b)
	}
}

func TestWhoLeavesEndsTheRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan error, 1)
		endless := func(w http.ResponseWriter, r *http.Request) {
			for {
				if _, err := w.Write(make([]byte, 4096)); err != nil {
					ended <- errors.Join(err, r.Context().Err())
					return
				}
			}
		}
		res, err := ask(t, endless, "GET", nil)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if err := <-ended; !errors.Is(err, errClosed) || !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		r, _ := http.NewRequestWithContext(ctx, "GET", "http://any/", nil)
		silent := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		if _, err := (Transport{silent}).RoundTrip(r); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}

// Whoever is faster, the handler or who looks for its answer.
func TestAnAnswerAfterTheContextIsNone(t *testing.T) {
	t.Parallel()
	for range 200 {
		ctx, cancel := context.WithCancel(t.Context())
		r, _ := http.NewRequestWithContext(ctx, "GET", "http://any/", nil)
		handler := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { cancel() })
		if _, err := (Transport{handler}).RoundTrip(r); !errors.Is(err, context.Canceled) {
			t.Fatalf("of a handler during which the context ended: %v", err)
		}
		handler = func(http.ResponseWriter, *http.Request) { t.Error("it was asked after the context's end") }
		if _, err := (Transport{handler}).RoundTrip(r); !errors.Is(err, context.Canceled) {
			t.Fatalf("after the context's end: %v", err)
		}
	}
}
