package localcloud

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo"
	"github.com/tamylaa/clodo/internal/host"
	"github.com/tamylaa/clodo/internal/npmtest"
	"github.com/tamylaa/clodo/localcloud/internal/traffic"
	"github.com/tamylaa/clodo/services"
)

const callerCode = `export default { async fetch(request) {
	const res = await fetch("http://called.localhost/asked", { headers: { "x-asked": "by caller" } });
	return new Response(res.status + " " + (await res.text()));
} }`

const calledCode = `export default { async fetch(request) { return new Response("called " + request.method + " " + request.url + " " + (await request.text())) } }`

// What one Worker asks another by its hostname is a request like any other: it is counted,
// and faults strike it.
func TestACallByHostnameIsARequestToTheCalledWorker(t *testing.T) {
	t.Parallel()
	npmtest.Workerd(t)
	c := start(t, Options{Dir: t.TempDir()})
	r := remote{t, c.Info()}
	r.deploy("caller", callerCode, "")
	r.deploy("called", calledCode, "")
	if got, want := r.get("caller", "/"), "200 called GET http://called.localhost/asked "; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	var got []string
	for deadline := time.Now().Add(20 * time.Second); len(got) < 2 && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		all, err := c.storage.traffic.Recent(t.Context(), traffic.Filter{})
		fatal(t, err)
		got = nil
		for _, record := range all {
			got = append(got, strings.Join([]string{record.Script, record.Trigger, record.Outcome, record.URL}, " "))
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{"called fetch ok http://called.localhost/asked", "caller fetch ok https://caller." + c.Info().WorkersDev + "/"}, got); diff != "" {
		t.Errorf("the record (-want +got):\n%s", diff)
	}
	fatal(t, c.SetFaults(1, Fault{Match: "data called.localhost/**", Kind: FaultStatus, Status: 503}))
	if got, want := r.get("caller", "/"), "503 error code: 503"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// nobody is an address that is not the cloud's.
func nobody(t *testing.T) string {
	t.Helper()
	return world(t) + "/echo"
}

func TestAProgramReachesServicesByHostname(t *testing.T) {
	t.Parallel()
	npmtest.Workerd(t)
	c := start(t, Options{Dir: t.TempDir()})
	r := remote{t, c.Info()}
	r.deploy("program", "export default { fetch() { return new Response() } }", "")
	r.deploy("called", calledCode, "")
	_, port, _ := strings.Cut(strings.TrimPrefix(c.Info().Data, "http://"), ":")
	d, err := OpenData(DataOptions{Dir: t.TempDir()})
	fatal(t, err)
	t.Cleanup(func() { fatal(t, d.Close()) })
	alone, err := d.Bindings(t.Context(), Program{Script: "program", Service: func(name, _ string) http.Handler {
		if name != "called" {
			return nil
		}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			_, _ = io.WriteString(w, "called "+r.Method+" http://"+r.Host+r.URL.RequestURI()+" "+string(body))
		})
	}})
	fatal(t, err)
	for name, rt := range map[string]http.RoundTripper{
		"in the process of the cloud": c.Bindings("program"),
		"in another process":          over{c.Info().BindingsAddress("program"), c.Info().APIToken},
		"without a cloud":             alone,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := host.WithBindings(t.Context(), rt)
			ask := func(method, url, body string) string {
				t.Helper()
				req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
				fatal(t, err)
				res, err := clodo.Fetch(ctx, req)
				if err != nil {
					return err.Error()
				}
				return text(t, res)
			}
			if got, want := ask("POST", "http://called.localhost/a%2Fb?x=1", "hi"), "called POST http://called.localhost/a%2Fb?x=1 hi"; got != want {
				t.Errorf("%q, want %q", got, want)
			}
			if rt != http.RoundTripper(alone) {
				if got, want := ask("PUT", "http://called.localhost:"+port+"/", "hi"), "called PUT http://called.localhost:"+port+"/ hi"; got != want {
					t.Errorf("%q, want %q", got, want)
				}
			}
			if got := ask("POST", nobody(t), "hi"); got != "POST  hi" {
				t.Errorf("an address that is not the cloud's: %q", got)
			}
			res, err := services.Open("called", services.Options{URL: "http://called.localhost"}).Do(ctx, services.Request{Path: "/orders"})
			fatal(t, err)
			if got, want := text(t, res), "called GET http://called.localhost/orders "; got != want {
				t.Errorf("through the registry: %q, want %q", got, want)
			}
		})
	}
}
