package runtime

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tamylaa/clodo/localcloud/internal/clock"
	"github.com/tamylaa/clodo/localcloud/internal/dataset"
)

func TestAWorkerWritesDataPoints(t *testing.T) {
	t.Parallel()
	points, err := dataset.Open(filepath.Join(t.TempDir(), "analytics.db"), &clock.Clock{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := points.Close(); err != nil {
			t.Error(err)
		}
	})
	c := newCloudIn(t, t.TempDir(), func(o *Options) { o.Resources["analytics"] = points.Binding })
	c.apply(worker("w", c.version(`export default { async fetch(request, env) {
  env.VISITS.writeDataPoint({ indexes: ["ann"], blobs: ["/a", null, new TextEncoder().encode("é").buffer], doubles: [1.5, 2] });
  env.VISITS.writeDataPoint({ blobs: ["/b"] });
  await scheduler.wait(1);
  env.VISITS.writeDataPoint();
  const refused = [];
  for (const point of [{ indexes: ["a", "b"] }, { indexes: ["x".repeat(97)] }, { blobs: Array(21).fill("") }, { doubles: Array(21).fill(0) }, { blobs: ["x".repeat(16385)] }, { blobs: [7] }]) {
    try { env.VISITS.writeDataPoint(point) } catch (e) { refused.push(e.name) }
  }
  return new Response(refused.join());
} }`, `{"type":"analytics_engine","name":"VISITS","dataset":"visits"}`)))
	c.want("http://w.localhost/", 200, strings.TrimSuffix(strings.Repeat("TypeError,", 6), ","))
	const want = "\t\t\t0\nann\t/a\té\t1.5\n\t/b\t\t0\n"
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		answer, err := points.Query(t.Context(), "acc", "SELECT index1, blob1, blob3, double1 FROM visits ORDER BY blob1 FORMAT TabSeparated")
		if err == nil && string(answer.Body) == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%v: %q, want %q\n%s", err, answer.Body, want, c.log)
		}
	}
}
