// Package clodotest runs a service for its tests: as it is, inside of the test's process,
// with its bindings on stores that are the test's own.
//
//	func TestAUserIsFound(t *testing.T) {
//		t.Parallel()
//		app := clodotest.Start(t, newApp) // func() (*clodo.App, error), as main has it
//		res := app.Post("/users", map[string]any{"name": "Ada"})
//		clodotest.Status(t, res, http.StatusCreated)
//		got := clodotest.JSON[User](t, app.Get("/users/1"))
//		…
//	}
//
// The bindings, variables and migrations are those of the wrangler file beside the test;
// see [Start]. With CLODO_TEST=workerd in the environment the same tests run against the
// service compiled to WebAssembly, on the real Workers runtime.
package clodotest

import (
	"context"
	"io"
	"net/http"
	"os"
	"testing"
)

// Options are the details of a start. The zero value is what Start does.
type Options struct {
	// Dir is where the wrangler file or clodo.yaml is looked for, upwards too; default:
	// the folder of the test.
	Dir string
	// Service is the service of clodo.yaml; default: the one in whose folder Dir is.
	Service string
	// Environment is that of clodo.yaml or the wrangler file; default: a local one if
	// there is one, else the first.
	Environment string
	// Vars are variables beside those of the files, and instead of them. A process has one
	// environment: that tests need different values at a time fails the later one.
	Vars map[string]string
	// Services answer the service bindings, by the name of the service of clodo.yaml or of
	// the Worker that they are for, or by "NAME#ENTRYPOINT": another App, or any handler. On
	// workerd they are Workers that hand the requests on.
	Services map[string]http.Handler
	// Workers are services of the portfolio in TypeScript or JavaScript that run beside this
	// one, on workerd: the bindings that name them reach them, above all those to the
	// classes of their Durable Objects. `clodo build` bundles them, so the command has to be
	// on the PATH. Natively the bindings are those of a local cloud then, on which Workers
	// and service find the same data. A Worker comes after those whose classes it uses.
	Workers []string
	// Indexes are the indexes of Vectorize that bindings name, which a wrangler file says
	// nothing more of.
	Indexes map[string]Index
	// Secrets are values of the Secrets Store, by the names that bindings have for its
	// secrets. Without one the secret is not found.
	Secrets map[string]string
	// Host is the hostname of requests; default: NAME.localhost.
	Host string
	// AIUpstream is a server that runs models, as for `clodo cloud`; default: none, and
	// every call of a model fails.
	AIUpstream string
	// Runtime is Native or Workerd; default: what the environment variable CLODO_TEST
	// says, else Native.
	Runtime Runtime
}

// Index is an index of Vectorize: how many numbers a vector has, and how the distance of
// two is measured: cosine, euclidean or dot-product.
type Index struct {
	Dimensions int
	Metric     string
}

// Runtime is what a service runs on.
type Runtime string

// The runtimes.
const (
	Native  Runtime = "native"  // this process
	Workerd Runtime = "workerd" // the Workers runtime, the service compiled to WebAssembly
)

// runtimeVariable says which runtime tests use that do not say themselves.
const runtimeVariable = "CLODO_TEST"

// App is a service that runs.
type App struct {
	t       testing.TB
	host    string
	send    http.RoundTripper
	ctx     context.Context //nolint:containedctx // a test's context is what it is
	handler http.Handler    // nil on workerd
	events  events
}

// Start runs a service until the test ends. build makes what main serves, such as a
// *clodo.App; it is called once, when the variables of the wrangler file, of .dev.vars and
// of the service's context are in the process's environment, where they stay until the
// test ends. What else bindings name is empty and the test's own: databases have the
// migrations of their migrations_dir. Tests that call it may be parallel.
//
// What keeps the service from starting fails the test.
func Start[H http.Handler](t testing.TB, build func() (H, error)) *App {
	t.Helper()
	return StartWith(t, build, Options{})
}

// StartWith is Start with options.
func StartWith[H http.Handler](t testing.TB, build func() (H, error), o Options) *App {
	t.Helper()
	s, err := find(o)
	if err != nil {
		t.Fatalf("clodotest: %v", err)
	}
	o.Services = s.byWorker(o.Services)
	if o.Runtime == "" {
		o.Runtime = Runtime(os.Getenv(runtimeVariable))
	}
	start := func() (*App, error) { return s.native(t, func() (http.Handler, error) { return build() }, o) }
	switch o.Runtime {
	case "", Native:
	case Workerd:
		start = func() (*App, error) { return s.workerd(t, o) }
	default:
		t.Fatalf("clodotest: the runtime %q is neither %q nor %q; see %s", o.Runtime, Native, Workerd, runtimeVariable)
	}
	app, err := start()
	if err != nil {
		t.Fatalf("clodotest: starting %s: %v", s.worker.Name, err)
	}
	return app
}

// Context has the service's bindings: with it a test looks at what the service stored,
// or stores what it shall find.
//
//	err := d1.Open("DB").Prepare("SELECT count(*) FROM users").First(app.Context(), &n)
func (a *App) Context() context.Context { return a.ctx }

// ServeHTTP hands a request to the service, so that an App can be a service of another.
func (a *App) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if a.handler != nil {
		a.handler.ServeHTTP(w, r)
		return
	}
	out := r.Clone(r.Context())
	out.RequestURI = ""
	res, err := a.send.RoundTrip(out)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer res.Body.Close()
	for name, values := range res.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(res.StatusCode)
	_, _ = io.Copy(w, res.Body) // the client may be gone
}
