package runtime

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// newPreviewing is a cloud in which versions that are not deployed have these names.
func newPreviewing(t *testing.T, versions map[string]*Version) *cloud {
	t.Helper()
	return newCloudIn(t, t.TempDir(), func(o *Options) {
		o.Previewed = func(_ context.Context, account, script, name string) (*Version, error) {
			if account != "acc" {
				t.Errorf("a version of account %q is looked for", account)
			}
			if name == "broken" {
				return nil, errors.New("the store is broken")
			}
			return versions[script+" "+name], nil
		}
	})
}

const (
	saysCalled = `export default { async fetch(req, env) { return new Response("new and " + await (await env.OTHER.fetch(req)).text()) } }`
	callsURL   = `export default { async fetch(req) { const r = await fetch(new URL(req.url).searchParams.get("to")); return new Response(r.status + " " + await r.text()) } }`
)

func TestAVersionThatIsNotDeployedAnswersAtItsPreviewURL(t *testing.T) {
	t.Parallel()
	versions := map[string]*Version{}
	c := newPreviewing(t, versions)
	next := c.version(saysCalled, `{"type":"service","name":"OTHER","service":"other"}`)
	versions["my-shop "+next.ID[:8]], versions["my-shop my-branch"] = next, next
	versions["hidden "+next.ID[:8]] = next
	tooLong := strings.Repeat("a-", 120) + "a"
	versions["my-shop "+tooLong] = next
	hidden := worker("hidden", c.version(named("hidden")))
	hidden.Previews = ""
	workers := []Worker{worker("my-shop", c.version(named("old"))), hidden, worker("asks", c.version(callsURL))}
	c.apply(append(workers, worker("other", c.version(named("other"))))...)
	for range 2 {
		c.want("http://"+next.ID[:8]+"-my-shop.acme.workers.dev/", http.StatusOK, "new and other")
	}
	c.want("http://my-branch-my-shop.acme.workers.dev/", http.StatusOK, "new and other")
	c.want("http://my-branch-my-shop.localhost/", http.StatusOK, "new and other")
	c.want("http://my-shop.localhost/", http.StatusOK, "old")
	c.want("http://"+next.ID[:8]+"-hidden.localhost/", http.StatusOK, "new and other")
	for _, nobody := range []string{next.ID[:8] + "-hidden.acme.workers.dev", "nobody-my-shop.localhost", "-my-shop.localhost", "my-branch-.localhost", "my-branch-nobody.localhost", tooLong + "-my-shop.localhost"} {
		if status, body := c.get("http://" + nobody + "/"); status != http.StatusNotFound {
			t.Errorf("%s: %d %s", nobody, status, body)
		}
	}
	if status, body := c.get("http://broken-my-shop.localhost/"); status != http.StatusServiceUnavailable {
		t.Errorf("a version that cannot be looked for: %d %s", status, body)
	}
	c.want("http://asks.localhost/?to=http://my-branch-my-shop.localhost/", http.StatusOK, "200 new and other")
	c.want("http://asks.localhost/?to=https://my-branch-my-shop.acme.workers.dev/", http.StatusOK, "404 error code: 1042")

	c.apply(append(workers, worker("other", c.version(named("another"))))...)
	c.want("http://my-branch-my-shop.localhost/", http.StatusOK, "new and another")
	c.apply(workers[1:]...)
	if status, body := c.get("http://my-branch-my-shop.localhost/"); status != http.StatusNotFound {
		t.Errorf("of a Worker that is gone: %d %s", status, body)
	}
}

// A request may have found its Worker just before another state is served, whose previews
// are not to be made of what was there before.
func TestAPreviewIsOfWhatIsServed(t *testing.T) {
	t.Parallel()
	versions := map[string]*Version{}
	c := newPreviewing(t, versions)
	versions["shop next"] = c.version(named("next"))
	shop := worker("shop", c.version(named("old")))
	c.apply(shop)
	before := c.table.Load()
	found, err := c.previewed(t.Context(), before, "next-shop.localhost")
	if err != nil || !found.preview {
		t.Fatalf("found %+v, %v", found, err)
	}
	counter := c.version(`import { DurableObject } from "cloudflare:workers"; export class Counter extends DurableObject {}; export default {}`)
	c.apply(worker("shop", counter, Class{Name: "Counter", Key: "k", SQLite: true}))
	w := httptest.NewRecorder()
	if next := c.Runtime.send(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://next-shop.localhost/", nil), before, found); next != outdated {
		t.Errorf("a request by what was served before is answered with %d %s", w.Code, w.Body)
	}
	if status, body := c.get("http://next-shop.localhost/"); status != http.StatusNotImplemented {
		t.Errorf("the next one: %d %s", status, body)
	}
}

func TestAPreviewHasNoDurableObjects(t *testing.T) {
	t.Parallel()
	versions := map[string]*Version{}
	c := newPreviewing(t, versions)
	next := c.version(saysCalled, `{"type":"service","name":"OTHER","service":"counts"}`)
	versions["shop next"] = next
	counts := c.version(`import { DurableObject } from "cloudflare:workers"; export class Counter extends DurableObject {}; export default { fetch() { return new Response("counts") } }`)
	workers := []Worker{worker("shop", c.version(named("old"))), worker("counts", counts, Class{Name: "Counter", Key: "k", SQLite: true})}
	c.apply(workers...)
	if status, body := c.get("http://next-shop.localhost/"); status != http.StatusNotImplemented || !strings.Contains(body, `"counts"`) {
		t.Errorf("%d %s", status, body)
	}
	workers[0].Versions = append(workers[0].Versions, Share{Version: next})
	c.apply(workers...)
	c.want("http://"+next.ID[:8]+"-shop.localhost/", http.StatusOK, "new and counts")
}
