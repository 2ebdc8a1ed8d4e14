package localcloud

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// answersOnWorkers compares what a program sends with what a server of net/http would.
func answersOnWorkers(t *testing.T, service goService) {
	t.Helper()
	tests := map[string]struct {
		method, path string
		status       int
		body         string
		header       map[string]string
	}{
		"the type is seen":                     {"GET", "page", 200, "<!doctype html><p>x", map[string]string{"Content-Type": "text/html; charset=utf-8"}},
		"also for HEAD, with the length":       {"HEAD", "page", 200, "", map[string]string{"Content-Type": "text/html; charset=utf-8", "Content-Length": "19"}},
		"none where none is wanted":            {"GET", "untyped", 200, "<!doctype html><p>x", map[string]string{"Content-Type": ""}},
		"names that are none are left out":     {"GET", "headers", 200, "x", map[string]string{"X-Ok": "a  X-Evil:  b", "X-Evil": "", "Name": ""}},
		"the last status":                      {"GET", "status/599", 599, "x", nil},
		"one that cannot be is a panic":        {"GET", "status/600", 500, "Internal Server Error\n", nil},
		"one that is none is too":              {"GET", "status/0", 500, "Internal Server Error\n", nil},
		"one that only informs is passed by":   {"GET", "status/103", 200, "x", nil},
		"one of those without a body":          {"GET", "status/205", 205, "", nil},
		"a header that comes late":             {"GET", "afterthought", 202, "x", map[string]string{"X-Said": "in time", "X-Late": "", "Content-Type": "text/plain; charset=utf-8"}},
		"what can be controlled":               {"GET", "controls", 200, "<nil> <nil> true", nil},
		"the client's address has a port":      {"POST", "from", 200, "127.0.0.1 0<nil> [] []", nil},
		"an error that comes late":             {"GET", "late", 200, "x", map[string]string{"Content-Type": "text/plain; charset=utf-8"}},
		"what is not there goes through Use":   {"GET", "nothing", 404, `{"title":"Not Found","status":404,"detail":"There is nothing at /answer/nothing.","code":"not_found"}`, nil},
		"so does a method that is not there":   {"PUT", "page", 405, `{"title":"Method Not Allowed","status":405,"detail":"/answer/page takes GET, HEAD, OPTIONS, not PUT.","code":"method_not_allowed"}`, nil},
		"the next one is as if nothing was":    {"GET", "page", 200, "<!doctype html><p>x", nil},
		"a HEAD of what is not there is 404":   {"HEAD", "nothing", 404, "", map[string]string{"Content-Type": "application/problem+json"}},
		"a HEAD whose status cannot be is 500": {"HEAD", "status/600", 500, "", nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res := service.ask(test.method, "/answer/"+test.path, nil)
			if got := text(t, res); got != test.body || res.StatusCode != test.status {
				t.Errorf("%d %q, want %d %q", res.StatusCode, got, test.status, test.body)
			}
			for name, want := range test.header {
				if got := res.Header.Get(name); got != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
			if test.status < 500 && res.Header.Get("X-Request-Id") == "" {
				t.Error("it has no request id")
			}
		})
	}
	t.Run("a body of unknown length is told as a server of net/http does", func(t *testing.T) {
		t.Parallel()
		if got := text(t, service.ask("POST", "/answer/from", io.MultiReader(strings.NewReader("x")))); got != "127.0.0.1 0<nil> [chunked] []" {
			t.Errorf("%q", got)
		}
	})
}

// strangersOnWorkers has a handler write to the answer of a request that is over.
func strangersOnWorkers(t *testing.T, service goService) {
	t.Helper()
	if got := text(t, service.askOf("forgetful", "GET", "/forget", nil)); got != "" {
		t.Errorf("it is answered %q", got)
	}
	if got := text(t, service.askOf("forgetful", "GET", "/remember", nil)); got != "the client is gone" {
		t.Errorf("another request is answered %q", got)
	}
}

// memoryOnWorkers has an instance grow: it is kept while there is room in the Worker's memory.
func memoryOnWorkers(t *testing.T, service goService) {
	t.Helper()
	for _, step := range []struct{ path, want string }{
		{"/keep/30", "1"}, {"/keep/1", "2"}, {"/keep/100", "3"}, {"/keep/1", "1"},
	} {
		if got := text(t, service.askOf("keeping", "GET", step.path, nil)); got != step.want {
			t.Errorf("%s: the instance has kept %s, want %s", step.path, got, step.want)
		}
	}
}

// crowdOnWorkers has every instance busy, a thousand requests wait, and one more come.
func crowdOnWorkers(t *testing.T, service goService) {
	t.Helper()
	const instances, waiting, more = 8, 1000, 20
	var crowd sync.WaitGroup
	var bodies []*io.PipeWriter // of requests whose handlers have begun to answer, and read until they are closed
	var busy []*http.Response
	for range instances {
		r, w := io.Pipe()
		bodies, busy = append(bodies, w), append(busy, service.ask("POST", "/answer/held", r))
	}
	answers := make(chan string, waiting+more)
	for range waiting + more {
		crowd.Go(func() {
			res := service.ask("GET", "/users/1", nil)
			answers <- fmt.Sprint(res.StatusCode, res.Header.Get("Retry-After"), res.Header.Get("Content-Type"), len(text(t, res)) > 0)
		})
	}
	refused := 0
	for refused < more { // the others wait
		select {
		case a := <-answers:
			if a != "5031application/problem+jsontrue" {
				t.Errorf("while all were busy an answer was %s", a)
			}
			refused++
		case <-time.After(30 * time.Second):
			t.Fatalf("%d requests were refused, not %d", refused, more)
		}
	}
	for i, w := range bodies {
		_, err := w.Write([]byte("x"))
		fatal(t, errors.Join(err, w.Close()))
		if got := text(t, busy[i]); got != "x" {
			t.Errorf("who had an instance is answered %q", got)
		}
	}
	crowd.Wait()
	close(answers)
	for a := range answers {
		if a != "200application/jsontrue" {
			t.Errorf("who waited is answered %s", a)
		}
	}
}
