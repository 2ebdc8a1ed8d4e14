package clodotest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tamylaa/clodo/internal/goprogram"
	"github.com/tamylaa/clodo/internal/host"
	"github.com/tamylaa/clodo/localcloud"
	"github.com/tamylaa/clodo/project"
)

// backing answers the bindings of a service that runs in this process.
type backing struct {
	http.RoundTripper
	stored
}

// stored is what services have sent.
type stored interface {
	SentEmails(script string) ([]localcloud.SentEmail, error)
	Queued(queue string) ([]localcloud.QueueMessage, error)
}

// beside runs Workers of the portfolio in a local cloud, whose bindings the service has
// then. What they ask the service arrives at app.
func (s *service) beside(t testing.TB, o Options, app http.Handler) (backing, error) {
	services := maps.Clone(o.Services)
	if services == nil {
		services = map[string]http.Handler{}
	}
	services[s.worker.Name] = app
	o.Services = services
	u, all, err := s.cloud(t, o)
	if err != nil {
		return backing{}, err
	}
	return backing{u.cloud.Bindings(s.worker.Name), u.cloud}, u.service(s, o, all[s.worker.Name])
}

// cloud starts a local cloud with all that the options name, and gives the code of their
// services.
func (s *service) cloud(t testing.TB, o Options) (*uploader, map[string]code, error) {
	start := localcloud.Options{Dir: t.TempDir(), APIAddr: "127.0.0.1:0", DataAddr: "127.0.0.1:0", AIUpstream: o.AIUpstream}
	if o.Host != "" {
		start.Seed.Zones = []string{o.Host}
	}
	cloud, err := localcloud.Start(t.Context(), start)
	if err != nil {
		return nil, nil, err
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 10*time.Second)
		defer cancel()
		if err := cloud.Close(ctx); err != nil {
			t.Errorf("clodotest: closing the local cloud: %v", err)
		}
	})
	u := &uploader{ctx: t.Context(), cloud: cloud, info: cloud.Info(), made: map[string]string{}}
	all, err := forwarders(t, o.Services)
	if err != nil {
		return nil, nil, err
	}
	for name, c := range all {
		if err := u.worker(name, metadata{Main: c.main, Date: ownDate, Bindings: c.bindings}, c.modules); err != nil {
			return nil, nil, fmt.Errorf("the service %s: %w", name, err)
		}
	}
	if err := s.stores(t.Context(), cloud, o.Secrets); err != nil {
		return nil, nil, err
	}
	return u, all, u.workers(s, o)
}

// secretStore keeps secrets of the Secrets Store.
type secretStore interface {
	PutSecret(ctx context.Context, store, name, value string) error
}

// stores gives the secrets of the options to the stores that the service's bindings name.
func (s *service) stores(ctx context.Context, to secretStore, values map[string]string) error {
	for _, b := range s.worker.Bindings {
		store, _ := b.Extra["store_id"].(string)
		name, _ := b.Extra["secret_name"].(string)
		value, given := values[name]
		if b.Kind != "secrets_store_secret" || !given {
			continue
		}
		if err := to.PutSecret(ctx, store, name, value); err != nil {
			return fmt.Errorf("the binding %s: %w", b.Name, err)
		}
	}
	return nil
}

// workers deploys Workers of the portfolio. As they may be bound to each other, and to the
// service, there is one of each name before.
func (u *uploader) workers(s *service, o Options) error {
	var all []*service
	for _, name := range o.Workers {
		w, err := s.sibling(name)
		if err != nil {
			return err
		}
		all = append(all, w)
	}
	if len(all) == 0 {
		return nil
	}
	empty := []goprogram.Module{{Name: "main.js", ContentType: "application/javascript+module", Bytes: []byte("export default { fetch() { return new Response(null, { status: 503 }); } };")}}
	for _, w := range append(all, s) {
		if _, forwards := o.Services[w.worker.Name]; forwards {
			continue
		}
		if err := u.worker(w.worker.Name, metadata{Main: "main.js", Date: ownDate}, empty); err != nil {
			return err
		}
	}
	for _, w := range all {
		if err := w.stores(u.ctx, u.cloud, o.Secrets); err != nil {
			return err
		}
		if err := u.bundle(w); err != nil {
			return fmt.Errorf("the Worker %s: %w", w.worker.Name, err)
		}
		if err := w.migrate(host.WithBindings(u.ctx, u.cloud.Bindings(w.worker.Name))); err != nil {
			return err
		}
	}
	return nil
}

// byWorker are handlers by the names of Workers: those of services of the portfolio have
// the environment in them.
func (s *service) byWorker(services map[string]http.Handler) map[string]http.Handler {
	named := maps.Clone(services)
	for key, h := range services {
		name, entrypoint, has := strings.Cut(key, "#")
		other, err := s.sibling(name)
		if err != nil {
			continue // it is no service of the portfolio
		}
		worker := other.worker.Name
		if has {
			worker += "#" + entrypoint
		}
		if _, given := services[worker]; !given {
			named[worker] = h
		}
	}
	return named
}

// sibling is another service of the portfolio, in the same environment.
func (s *service) sibling(name string) (*service, error) {
	targets, err := s.portfolio.Targets(project.Selector{Services: []string{name}, Environment: s.target.Environment, Local: true})
	if err != nil {
		return nil, err
	}
	other := &service{portfolio: s.portfolio, target: targets[0], worker: &targets[0].Worker, vars: map[string]string{}}
	return other, other.variables(Options{})
}

// bundle uploads what `clodo build` makes of a service.
func (u *uploader) bundle(s *service) error {
	if err := look(s.worker.Dir); err != nil {
		return err
	}
	built, err := bundles(bundleOf{s.target.Root, s.target.Service, s.target.Environment})
	if err != nil {
		return err
	}
	m := maps.Clone(built.metadata)
	if m["assets"] != nil {
		return errors.New("it has static files, which a test does not deploy")
	}
	bindings, err := u.bindings(s)
	if err != nil {
		return err
	}
	m["bindings"] = bindings
	return u.worker(s.worker.Name, m, built.modules)
}

// bundleOf says which service is built: of the portfolio in a folder, in an environment.
type bundleOf struct{ root, service, environment string }

// bundled is what a service uploads.
type bundled struct {
	metadata map[string]any
	modules  []goprogram.Module
}

// bundles are services, built once in a process by the clodo command: the bundler is no
// part of the tests' program.
var bundles = onceEach(build)

func build(b bundleOf) (out bundled, err error) {
	clodo, err := exec.LookPath("clodo")
	if err != nil {
		return out, fmt.Errorf("`clodo build` makes it, and there is no clodo on the PATH: %w", err)
	}
	dir, err := os.MkdirTemp("", "clodotest")
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	words := []string{"build", b.service, "--json", "--out", dir}
	if b.environment != "" {
		words = append(words, "-e", b.environment)
	}
	cmd := exec.Command(clodo, words...)
	var answer, said bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = b.root, &answer, &said
	if err := cmd.Run(); err != nil {
		return out, fmt.Errorf("clodo %s: %w\n%s", strings.Join(words, " "), err, said.Bytes())
	}
	return read(answer.Bytes())
}

// read is what `clodo build --json` tells of.
func read(answer []byte) (out bundled, err error) {
	var made struct {
		Built []struct {
			Dir     string
			Modules []struct {
				Name        string
				ContentType string `json:"content_type"`
			}
		}
	}
	if err := json.Unmarshal(answer, &made); err != nil || len(made.Built) != 1 {
		return out, fmt.Errorf("what clodo build says is not understood: %s (%v)", answer, err)
	}
	one := made.Built[0]
	text, err := os.ReadFile(filepath.Join(one.Dir, "metadata.json"))
	if err != nil {
		return out, err
	}
	if err := json.Unmarshal(text, &out.metadata); err != nil {
		return out, err
	}
	for _, m := range one.Modules {
		source, err := os.ReadFile(filepath.Join(one.Dir, "modules", filepath.FromSlash(m.Name)))
		if err != nil {
			return out, err
		}
		out.modules = append(out.modules, goprogram.Module{Name: m.Name, ContentType: m.ContentType, Bytes: source})
	}
	return out, nil
}

// look lets the go command know of the files that a Worker is built of, so that it does
// not take the results of tests from its cache when they change.
func look(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := d.Name(); d.IsDir() && path != dir && (name == "node_modules" || strings.HasPrefix(name, ".")) {
			return filepath.SkipDir
		}
		if d.IsDir() {
			return nil
		}
		_, err = os.Stat(path)
		return err
	})
}
