package clodotest_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tamylaa/clodo/bindings/kv"
	"github.com/tamylaa/clodo/clodotest"
	"github.com/tamylaa/clodo/clodotest/internal/desk"
	"github.com/tamylaa/clodo/internal/cli"
	"github.com/tamylaa/clodo/internal/npmtest"
	"github.com/tamylaa/clodo/internal/term"
)

// TestMain puts the clodo command on the PATH.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"clodo": func() {
			streams := term.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv}
			os.Exit(cli.Main(os.Args[1:], streams, "v0.0.0-test"))
		},
	})
}

func hotel(runtime clodotest.Runtime, workers ...string) clodotest.Options {
	return clodotest.Options{
		Dir: "testdata/hotel/services/desk", Runtime: runtime, Workers: workers,
		Services: map[string]http.Handler{"taxi#Night": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "to ", r.Host, r.URL.Path) })},
	}
}

func TestAServiceHasWorkersOfItsPortfolioBeside(t *testing.T) {
	t.Parallel()
	npmtest.Workerd(t)
	for _, runtime := range []clodotest.Runtime{clodotest.Native, clodotest.Workerd} {
		t.Run(string(runtime), func(t *testing.T) {
			t.Parallel()
			app := clodotest.StartWith(t, desk.New, hotel(runtime, "rooms"))
			for _, w := range []struct{ name, got, want string }{
				{"a durable object, which calls the service", clodotest.Body(t, app.Post("/rooms/7", "Ada")), "Ada stays at the Grand for night 1"},
				{"the same object", clodotest.Body(t, app.Post("/rooms/7", "Bob")), "Bob stays at the Grand for night 2"},
				{"another one", clodotest.Body(t, app.Post("/rooms/8", "Cy")), "Cy stays at the Grand for night 1"},
				{"what the object stored", clodotest.Body(t, app.Get("/guest")), "Cy"},
				{"an entrypoint, with its .dev.vars", clodotest.Body(t, app.Get("/key")), "a key to /7 with sea salt"},
				{"an entrypoint that the test has", clodotest.Body(t, app.Get("/taxi")), "to taxi/now"},
			} {
				if w.got != w.want {
					t.Errorf("%s: %s; want %s", w.name, w.got, w.want)
				}
			}
			if guest, err := kv.Open("GUESTS").Get(app.Context(), "guest"); string(guest) != "Cy" || err != nil {
				t.Errorf("the test sees %q, %v", guest, err)
			}
		})
	}
}

func TestAHandlerIsForTheServiceThatItNames(t *testing.T) {
	t.Parallel()
	says := func(what string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, what) })
	}
	for name, services := range map[string]map[string]http.Handler{
		"in clodo.yaml":        {"rooms#Keys": says("a key")},
		"as a Worker":          {"rooms-local#Keys": says("a key")},
		"as both, the Worker":  {"rooms#Keys": says("no key"), "rooms-local#Keys": says("a key")},
		"among others unknown": {"nobody": says("no key"), "rooms#Keys": says("a key")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := hotel(clodotest.Native)
			o.Services = services
			if got := clodotest.Body(t, clodotest.StartWith(t, desk.New, o).Get("/key")); got != "a key" {
				t.Error(got)
			}
		})
	}
}

func TestWithoutItsWorkersAServiceIsToldWhatHelps(t *testing.T) {
	t.Parallel()
	app := clodotest.StartWith(t, desk.New, hotel(clodotest.Native))
	got := clodotest.Body(t, app.Post("/rooms/7", "Ada"))
	if want := `durable ROOMS: the class Room of the Worker \"rooms-local\" runs on workerd, which is not here: name the service that has it in clodotest.Options.Workers`; !strings.Contains(got, want) {
		t.Errorf("%s; want %s", got, want)
	}
	if got := clodotest.Body(t, app.Get("/key")); !strings.Contains(got, `the entrypoint Keys of the Worker \"rooms-local\", which the binding KEYS names, is not running here`) {
		t.Error(got)
	}
	if got := clodotest.Body(t, app.Get("/taxi")); got != "to taxi/now" {
		t.Error(got)
	}
}
