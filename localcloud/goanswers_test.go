package localcloud

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"testing"
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
	const waiting, more = 1000, 20
	held := service.hold("go")
	var crowd sync.WaitGroup
	answers := make(chan string, waiting+more)
	for range waiting + more {
		crowd.Go(func() {
			res := service.ask("GET", "/users/1", nil)
			answers <- fmt.Sprint(res.StatusCode, res.Header.Get("Retry-After"), res.Header.Get("Content-Type"), len(text(t, res)) > 0)
		})
	}
	for range more { // the others wait
		if a := <-answers; a != "5031application/problem+jsontrue" {
			t.Errorf("while all were busy an answer was %s", a)
		}
	}
	held.release(t)
	crowd.Wait()
	close(answers)
	for a := range answers {
		if a != "200application/jsontrue" {
			t.Errorf("who waited is answered %s", a)
		}
	}
}

// deserted has clients wait behind busy instances and leave, before others come.
func deserted(t *testing.T, service goService, name string) {
	t.Helper()
	held := service.hold(name)
	ctx, leave := context.WithCancel(t.Context())
	var waiting, gone sync.WaitGroup
	for range 50 {
		waiting.Add(1)
		once := sync.OnceFunc(waiting.Done) // it may be written again, on another connection
		gone.Go(func() {
			sent := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { once() }})
			req, err := http.NewRequestWithContext(sent, http.MethodGet, service.info.Data+"/users/1", nil)
			fatal(t, err)
			req.Host = name + ".localhost"
			if res, err := http.DefaultClient.Do(req); err == nil {
				t.Errorf("one that could only wait is answered %s", res.Status)
				_ = res.Body.Close()
			}
		})
	}
	waiting.Wait()
	leave()
	gone.Wait()
	var crowd sync.WaitGroup
	for range 20 {
		crowd.Go(func() {
			if res := service.askOf(name, "GET", "/users/1", nil); res.StatusCode != http.StatusOK {
				t.Errorf("who stays is answered %s %s", res.Status, text(t, res))
			} else {
				_ = text(t, res)
			}
		})
	}
	held.release(t)
	crowd.Wait()
}

// holding is every instance of a service: each answers a request whose body is not at its end.
type holding struct {
	bodies  []*io.PipeWriter
	answers []*http.Response
}

func (s goService) hold(name string) holding {
	s.t.Helper()
	const instances = 8
	var h holding
	for range instances {
		r, w := io.Pipe()
		h.bodies, h.answers = append(h.bodies, w), append(h.answers, s.askOf(name, "POST", "/answer/held", r))
	}
	return h
}

func (h holding) release(t *testing.T) {
	t.Helper()
	for i, w := range h.bodies {
		_, err := w.Write([]byte("x"))
		fatal(t, errors.Join(err, w.Close()))
		if got := text(t, h.answers[i]); got != "x" {
			t.Errorf("who had an instance is answered %q", got)
		}
	}
}
