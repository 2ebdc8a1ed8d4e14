package runtime

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
)

// What was never sent to a process does not keep it from ending when it is replaced.
func TestRequestsThatAreNotSentAreNotUnderWay(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.apply(worker("w", c.version(named("w"))))
	c.want("http://w.localhost/", 200, "w")
	table := c.table.Load()
	w := table.worker("acc", "w")
	g := table.generations[w]
	if _, err := g.acquire(t.Context(), "none"); !errors.Is(err, errNoSocket) {
		t.Errorf("a socket that is not there: %v", err)
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	c.Runtime.send(httptest.NewRecorder(), httptest.NewRequestWithContext(gone, http.MethodGet, "http://w.localhost/", nil), table, match{worker: w, version: w.current()})
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.active != 0 {
		t.Errorf("%d requests are under way", g.active)
	}
}
