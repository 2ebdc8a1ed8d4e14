package localcloud

import (
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"

	"github.com/tamylaa/clodo/bindings/durable"
	"github.com/tamylaa/clodo/bindings/service"
	"github.com/tamylaa/clodo/internal/host"
	"github.com/tamylaa/clodo/internal/npmtest"
)

// called is what a request gives, or its error.
func called(t *testing.T, rt http.RoundTripper, c *Cloud, url string) string {
	t.Helper()
	ctx := host.WithBindings(t.Context(), c.Bindings("program"))
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	fatal(t, err)
	res, err := rt.RoundTrip(r)
	if err != nil {
		return "error: " + err.Error()
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	fatal(t, err)
	return fmt.Sprintf("%d %s", res.StatusCode, b)
}

func TestAProgramIsToldWhatTheWorkersOfItsBindingsLack(t *testing.T) {
	t.Parallel()
	npmtest.Workerd(t)
	c := start(t, Options{Dir: t.TempDir()})
	r := remote{t, c.Info()}
	r.deploy("peer", peerJS, `,"migrations":{"new_tag":"v1","new_sqlite_classes":["Room"]}`)
	r.deploy("program", "export default { fetch() { return new Response() } }", `,"bindings":[
		{"type":"durable_object_namespace","name":"ROOMS","class_name":"Room","script_name":"peer"},
		{"type":"service","name":"NONE","service":"peer","entrypoint":"Nobody"},
		{"type":"service","name":"ADMIN","service":"peer","entrypoint":"Admin"}]`)
	calls := func(want map[string]string) {
		t.Helper()
		for name, rt := range map[string]http.RoundTripper{"NONE": service.Open("NONE"), "ADMIN": service.Open("ADMIN"), "ROOMS": durable.Open("ROOMS").Name("a")} {
			if got := called(t, rt, c, "https://peer/"); got != want[name] {
				t.Errorf("%s: %s; want %s", name, got, want[name])
			}
		}
	}
	calls(map[string]string{
		"NONE":  `error: service NONE: the Worker "peer" has no entrypoint "Nobody", which a binding names`,
		"ADMIN": "201 Admin GET ",
		"ROOMS": "202 GET https://peer/  1",
	})
	r.do("DELETE", "/client/v4/accounts/{a}/workers/scripts/peer?force=true", nil)
	calls(map[string]string{
		"NONE":  `error: service NONE: the Worker "peer", which a binding names, is not deployed`,
		"ADMIN": `error: service ADMIN: the Worker "peer", which a binding names, is not deployed`,
		"ROOMS": `error: durable ROOMS: the Worker "peer", which a binding names, is not deployed`,
	})
}

// The process of objects is stopped before its successor starts.
func TestAProgramCallsObjectsWhileTheirWorkerIsReplaced(t *testing.T) {
	t.Parallel()
	npmtest.Workerd(t)
	c := start(t, Options{Dir: t.TempDir()})
	r := remote{t, c.Info()}
	r.deploy("peer", peerJS, `,"migrations":{"new_tag":"v1","new_sqlite_classes":["Room"]}`)
	r.deploy("program", "export default { fetch() { return new Response() } }", `,"bindings":[{"type":"durable_object_namespace","name":"ROOMS","class_name":"Room","script_name":"peer"}]`)
	room := durable.Open("ROOMS").Name("a")
	over := make(chan struct{})
	var calls sync.WaitGroup
	for range 4 {
		calls.Go(func() {
			for {
				if got := called(t, room, c, "https://room/"); got[:4] != "202 " {
					t.Errorf("while it is replaced: %s", got)
				}
				select {
				case <-over:
					return
				default:
				}
			}
		})
	}
	for i := range 2 {
		r.deploy("peer", fmt.Sprintf("%s\n// %d", peerJS, i), "")
	}
	close(over)
	calls.Wait()
}
