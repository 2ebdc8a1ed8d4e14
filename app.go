package clodo

import (
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/tamylaa/clodo/internal/host"
)

// App is a service: a [Router] for its requests, and handlers for what else can happen
// to a Worker.
type App struct {
	*Router
	Service Service

	options   Options
	scheduled map[string]ScheduledHandler
	queues    map[string]QueueHandler
	email     EmailHandler
	events    map[string]eventServer // by the last part of their path
}

// Options say what a service cannot work without.
type Options struct {
	Variables []string // plain-text variables
	Secrets   []string
	Bindings  []string // such as databases, by their names in the wrangler file
}

// MissingError says all that a service lacks.
type MissingError struct{ Variables, Secrets, Bindings []string }

func (e *MissingError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "the service lacks %d of the things that it cannot work without:", len(e.Variables)+len(e.Secrets)+len(e.Bindings))
	for _, name := range e.Variables {
		fmt.Fprintf(&b, "\n  variable %q: set it under vars in the wrangler file or in clodo.yaml", name)
	}
	for _, name := range e.Secrets {
		fmt.Fprintf(&b, "\n  secret %q: run `clodo secret set SERVICE %s`; on this machine write it into .dev.vars", name, name)
	}
	for _, name := range e.Bindings {
		fmt.Fprintf(&b, "\n  binding %q: declare it in the wrangler file", name)
	}
	if !host.OnWorkers && len(e.Variables)+len(e.Secrets) > 0 {
		b.WriteString("\nA program that is started by hand takes variables and secrets from its environment.")
	}
	return b.String()
}

// New makes the service that this program is. A variable or secret that o names and
// that is missing or empty, and on Workers a binding too, is a [*MissingError], which
// names everything that is missing. Outside Workers, [App.Serve] finds out whether
// there are bindings: a test that gives them to a request needs none before.
func New(o Options) (*App, error) {
	s, err := theService()
	if err != nil {
		return nil, fmt.Errorf("the variable CLODO_VERSION is not the metadata of a version: %w", err)
	}
	var missing MissingError
	for _, name := range o.Variables {
		if os.Getenv(name) == "" {
			missing.Variables = append(missing.Variables, name)
		}
	}
	for _, name := range o.Secrets {
		if os.Getenv(name) == "" {
			missing.Secrets = append(missing.Secrets, name)
		}
	}
	for _, name := range o.Bindings {
		if !host.HasBinding(name) {
			missing.Bindings = append(missing.Bindings, name)
		}
	}
	if len(missing.Variables)+len(missing.Secrets)+len(missing.Bindings) > 0 && !host.Describing() {
		return nil, &missing
	}
	return &App{
		Router: NewRouter(), Service: s, options: o,
		scheduled: map[string]ScheduledHandler{}, queues: map[string]QueueHandler{}, events: map[string]eventServer{},
	}, nil
}

// Serve runs the service: on Workers it takes what the Worker gets, and natively it
// listens on CLODO_ADDRESS, by default 127.0.0.1:8787, until the process is told to
// end. It is the last thing that main does. It fails at once when the service needs
// bindings and the process has none.
func (a *App) Serve() error {
	if len(a.options.Bindings) > 0 && !host.Describing() {
		if err := host.Bound(); err != nil {
			return fmt.Errorf("the service needs the bindings %s: %w", strings.Join(a.options.Bindings, ", "), err)
		}
	}
	return host.Serve(a, http.HandlerFunc(a.ServeEvent))
}
