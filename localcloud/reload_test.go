package localcloud

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tamylaa/clodo/internal/npmtest"
)

// Redeploying is what a developer does all day: no request may notice, and once the
// upload is answered nobody may see the old version.
func TestARedeployLosesNoRequest(t *testing.T) {
	t.Parallel()
	npmtest.Workerd(t)
	kinds := map[string]struct{ code, metadata string }{
		"a plain Worker": {`export default { fetch() { return new Response("%d") } }`, ""},
		"a Worker with durable objects": {
			`import { DurableObject } from "cloudflare:workers";
			export class Counter extends DurableObject { async now() { return "%d" } }
			export default { async fetch(q, env) { return new Response(await env.C.get(env.C.idFromName("x")).now()) } }`,
			`,"migrations":{"new_tag":"v1","new_sqlite_classes":["Counter"]},"bindings":[{"name":"C","type":"durable_object_namespace","class_name":"Counter"}]`,
		},
	}
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := remote{t, start(t, Options{Dir: t.TempDir()}).Info()}
			r.deploy("web", fmt.Sprintf(kind.code, 0), kind.metadata)
			ctx, stop := context.WithCancel(t.Context())
			var done sync.WaitGroup
			var served atomic.Int64
			for range 4 {
				done.Go(func() {
					for ctx.Err() == nil {
						if err := ask200(t.Context(), r.info); err != nil {
							t.Error(err)
							return
						}
						served.Add(1)
					}
				})
			}
			bindings := ""
			if kind.metadata != "" {
				bindings = `,"bindings":[{"name":"C","type":"durable_object_namespace","class_name":"Counter"}]`
			}
			for n := 1; n <= 5; n++ {
				status, answer := r.upload("web", fmt.Sprintf(kind.code, n), bindings)
				r.result("redeploy", status, answer)
				if got := r.get("web", "/"); got != fmt.Sprint(n) {
					t.Errorf("after redeploy %d it answers %q", n, got)
				}
			}
			stop()
			done.Wait()
			t.Logf("%d requests were answered during 5 redeploys", served.Load())
		})
	}
}

func ask200(ctx context.Context, info Info) error {
	req, err := http.NewRequestWithContext(ctx, "GET", info.Data, nil)
	if err != nil {
		return err
	}
	req.Host = "web." + info.WorkersDev
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("a request got %s: %s", res.Status, body)
	}
	return err
}
