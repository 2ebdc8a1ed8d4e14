//go:build !js

package host

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

func TestOnlyWhoHasTheKeySendsEvents(t *testing.T) {
	answering := func(text string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) })
	}
	for name, c := range map[string]struct{ key, sent, path, want string }{
		"the key":               {"k", "k", "/cdn-cgi/handler/queue", "event"},
		"another key":           {"k", "x", "/cdn-cgi/handler/queue", "request"},
		"no key":                {"k", "", "/cdn-cgi/handler/queue", "request"},
		"another path":          {"k", "k", "/cdn-cgi/handlers", "request"},
		"a process without one": {"", "", "/cdn-cgi/handler/queue", "request"},
	} {
		t.Setenv(BindingsKeyVariable, c.key)
		r := httptest.NewRequest("POST", c.path, nil)
		r.Header.Set(KeyHeader, c.sent)
		w := httptest.NewRecorder()
		withEvents(answering("request"), answering("event")).ServeHTTP(w, r)
		if w.Body.String() != c.want {
			t.Errorf("%s: it is taken for the %s", name, w.Body)
		}
	}
}

func TestWhatWasBegunIsWaitedFor(t *testing.T) {
	t.Parallel()
	var tasks sync.WaitGroup
	ctx, cancel := context.WithCancel(WithTasks(t.Context(), &tasks))
	begun, goOn, saw := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	WaitUntil(ctx, func(ctx context.Context) {
		close(begun)
		<-goOn
		saw <- ctx.Err()
	})
	WaitUntil(ctx, func(context.Context) { panic("which is logged") })
	<-begun
	cancel()
	over, stop := context.WithTimeout(t.Context(), time.Millisecond)
	defer stop()
	if err := finish(over, &tasks); err == nil {
		t.Error("it did not wait")
	}
	close(goOn)
	if err := finish(t.Context(), &tasks); err != nil || <-saw != nil {
		t.Errorf("%v, or the task's context had ended", err)
	}
}
