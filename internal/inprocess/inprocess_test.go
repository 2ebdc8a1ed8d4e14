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

	"github.com/google/go-cmp/cmp"
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
		{"a HEAD", "HEAD", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "x") }, "200 1 text/plain; charset=utf-8 "},
		{"a HEAD of something large", "HEAD", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 4096)) }, "200 -1 application/octet-stream "},
		{"a HEAD of nothing", "HEAD", func(http.ResponseWriter, *http.Request) {}, "200 -1  "},
		{"reset content", "GET", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(205); fmt.Fprint(w, "x") }, "205 -1  "},
		{"a type that is not wanted", "GET", func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = nil
			fmt.Fprint(w, "<p>")
		}, "200 3  <p>"},
		{"a type that comes late", "GET", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(202)
			w.Header().Set("Content-Type", "text/late")
			fmt.Fprint(w, "<p>")
		}, "202 3 text/html; charset=utf-8 <p>"},
		{"what can be controlled", "GET", func(w http.ResponseWriter, _ *http.Request) {
			control := http.NewResponseController(w)
			fmt.Fprint(w, control.EnableFullDuplex(), control.SetWriteDeadline(time.Time{}), control.SetReadDeadline(time.Time{}))
		}, "200 17 text/plain; charset=utf-8 <nil> <nil> <nil>"},
		{"a flush", "GET", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, "<p>")
			_ = http.NewResponseController(w).Flush()
		}, "200 -1 text/html; charset=utf-8 <p>"},
		{"the request", "POST", func(w http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			fmt.Fprint(w, r.Host, r.URL, r.RequestURI, r.URL.Path, r.ContentLength, r.Header["Content-Length"], string(b))
		}, "200 44 text/plain; charset=utf-8 any.example/a%2Fb?q=1/a%2Fb?q=1/a/b4 [4]body"},
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

func TestAHeaderArrivesAsFromAServer(t *testing.T) {
	t.Parallel()
	res, err := ask(t, func(w http.ResponseWriter, _ *http.Request) {
		for _, name := range []string{"No Name", "", "No:Name", "Nö", "X-Ok", "x-low"} {
			w.Header()[name] = []string{"a\r\nX-Evil: b", "c"}
		}
	}, "GET", nil)
	if err != nil {
		t.Fatal(err)
	}
	want := http.Header{"X-Ok": {"a  X-Evil: b", "c"}, "X-Low": {"a  X-Evil: b", "c"}, "Content-Length": {"0"}}
	if diff := cmp.Diff(want, res.Header); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAStatusThatAWorkerCannotHaveIsAPanic(t *testing.T) {
	t.Parallel()
	for _, status := range []int{0, 99, 600, 1000} {
		if _, err := ask(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }, "GET", nil); err == nil || !strings.Contains(err.Error(), fmt.Sprint("a Worker cannot answer with the status ", status)) {
			t.Errorf("%d: %v", status, err)
		}
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
