package localcloud

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tamylaa/clodo/internal/npmtest"
)

// screen collects what a program prints while it runs.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// tail runs wrangler tail and asks the Worker again and again until enough says that
// it has seen what it wants.
func (p *project) tail(enough func(printed string) bool, args ...string) {
	p.t.Helper()
	ctx, cancel := context.WithCancel(p.t.Context())
	defer cancel()
	cmd := p.tool.Command(ctx, p.dir, append([]string{"tail", "web"}, args...)...)
	out := &screen{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	defer func() {
		cancel()
		_ = cmd.Wait() // it was killed
	}()
	for deadline := time.Now().Add(time.Minute); !enough(out.String()); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			p.t.Fatalf("wrangler tail %s printed\n%s", strings.Join(args, " "), out)
		}
		p.get("web.localhost", "/fine?tail=1")
		p.get("web.localhost", "/throw")
	}
}

func TestWranglerTailShowsWhatAWorkerDoes(t *testing.T) {
	t.Parallel()
	for _, version := range []string{npmtest.WranglerOld, npmtest.WranglerCurrent} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			p := newProject(t, version)
			p.write("wrangler.jsonc", `{"name":"web","main":"index.js","compatibility_date":"2026-01-01"}`)
			p.write("index.js", `export default { fetch(request) {
  console.log("asked for", { path: new URL(request.url).pathname });
  if (request.url.endsWith("/throw")) throw new TypeError("boom");
  return new Response("fine");
} }`)
			p.run("Current Version ID", "deploy")
			p.tail(func(printed string) bool {
				return strings.Contains(printed, "GET http://web.localhost/fine?tail=1 - Ok @") && strings.Contains(printed, "(log) asked for { path: '/fine' }") &&
					strings.Contains(printed, "GET http://web.localhost/throw - Exception Thrown @") && strings.Contains(printed, "TypeError: boom")
			}, "--format", "pretty")
			p.tail(func(printed string) bool {
				var event struct {
					Outcome, ScriptName string
					ScriptVersion       struct{ ID string }
					Exceptions          []struct{ Name, Message string }
					Event               struct{ Request struct{ URL, Method string } }
				}
				from := strings.Index(printed, "{")
				if from < 0 || json.NewDecoder(strings.NewReader(printed[from:])).Decode(&event) != nil {
					return false
				}
				if event.Outcome != "exception" || event.ScriptName != "web" || len(event.ScriptVersion.ID) != 36 || event.Exceptions[0].Message != "boom" || event.Event.Request.URL != "http://web.localhost/throw" {
					t.Errorf("the first event is %+v", event)
				}
				return true
			}, "--format", "json", "--status", "error", "--method", "GET", "--ip", "self", "--search", "asked")
		})
	}
}
