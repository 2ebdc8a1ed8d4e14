package localcloud

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tamylaa/clodo/internal/npmtest"
)

func TestAWorkerInAnEndlessLoopIsReported(t *testing.T) {
	t.Parallel()
	npmtest.Workerd(t)
	c := start(t, Options{Dir: t.TempDir()})
	r := remote{t, c.Info()}
	r.deploy("bad", `export default { fetch(request) { if (request.url.endsWith("/loop")) for (;;); return new Response("bad") } }`, `,"limits":{"cpu_ms":1000}`)
	r.deploy("good", `export default { fetch() { return new Response("good") } }`, "")
	if got := r.get("bad", "/") + r.get("good", "/"); got != "badgood" {
		t.Fatalf("before the loop: %q", got)
	}
	status := make(chan string, 1)
	go func() {
		req, err := http.NewRequestWithContext(t.Context(), "GET", r.info.Data+"/loop", nil)
		if err != nil {
			status <- err.Error()
			return
		}
		req.Host = "bad." + r.info.WorkersDev
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			status <- err.Error()
			return
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		status <- res.Status + " " + string(b)
	}()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		if isolated := c.Info().Isolated; len(isolated) == 1 && strings.HasPrefix(isolated[0], "bad: it blocked") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("isolated: %q", c.Info().Isolated)
		}
	}
	if got := r.get("bad", "/") + r.get("good", "/"); got != "badgood" {
		t.Errorf("during the loop: %q", got)
	}
	if got := <-status; got != "503 Service Unavailable error code: 1102" {
		t.Errorf("the loop got %q", got)
	}
}
