package runtime

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/tamylaa/clodo/internal/workerd"
)

//go:embed js/probe.js
var probeJS string

//go:embed js/probe_script.js
var probeScript string

const (
	// trialCPU is how long a trial boot may compute. Cloudflare allows 1 s, on machines
	// that may be faster.
	trialCPU = 5 * time.Second
	// trialTimeout is how long one may take, whatever else the machine does.
	trialTimeout = time.Minute
)

// probeService tells what a Worker exports.
const probeService = "probe"

// Check boots v alone, with bindings that lead nowhere and objects in memory, and
// says what it exports. A *StartupError is a version that must not be deployed, an
// *UnsupportedError one that this runtime cannot run. classes are those that the
// script owns once v is deployed.
//
// Beside it a process is prepared that serves v with what is served now, as a deployment
// of v is likely to follow at once.
func (r *Runtime) Check(ctx context.Context, account, script string, v *Version, classes []Class) (Startup, error) {
	checked := r.prepare(account, script, v, classes)
	startup, err := r.check(ctx, account, script, v, classes)
	checked(err)
	return startup, err
}

func (r *Runtime) check(ctx context.Context, account, script string, v *Version, classes []Class) (Startup, error) {
	w := &Worker{Account: account, Script: script, Versions: []Share{{Version: v, Percentage: 100}}, Classes: classes}
	c := newConfiguration(r.backend, r.options.Dir, []*Worker{w})
	c.alone = true
	config, err := c.build()
	if err != nil {
		return Startup{}, err
	}
	startup := Startup{CompatibilityDate: workerd.ClampDate(v.CompatibilityDate, time.Now()), NamedHandlers: map[string][]string{}}
	if v.hasCode() {
		probe, err := c.probe(w, v)
		if err != nil {
			return Startup{}, err
		}
		config.Services = append(config.Services, workerd.Service{Name: probeService, Worker: probe})
		config.Sockets = append(config.Sockets, workerd.Socket{Name: probeService, Service: workerd.Designator{Service: probeService}})
	}
	began := time.Now()
	limited, cancel := context.WithTimeout(ctx, trialTimeout)
	defer cancel()
	p, err := r.launch(limited, config, trialCPU)
	if errors.Is(err, workerd.ErrCPU) {
		return Startup{}, &StartupError{Message: "Script startup exceeded CPU time limit.", Code: CodeStartup}
	}
	if err != nil {
		return Startup{}, startupError(err)
	}
	defer func() {
		p.Kill()
		<-p.Done()
	}()
	startup.Duration = time.Since(began)
	if !v.hasCode() {
		return startup, nil
	}
	if err := ask(ctx, p, &startup); err != nil {
		return Startup{}, err
	}
	return startup, checkExports(startup, script, v, classes)
}

// probe is the Worker's code with a main module, or a beginning, of our own.
func (c *configuration) probe(w *Worker, v *Version) (*workerd.Worker, error) {
	k, err := c.code(w, v)
	if err != nil {
		return nil, err
	}
	k.Namespaces = nil
	if k.Script != nil {
		text, err := os.ReadFile(k.Script.File)
		if err != nil {
			return nil, fmt.Errorf("reading the script: %w", err)
		}
		k.Script = &workerd.Source{Text: probeScript + string(text)}
		return k, nil
	}
	code := replaceQuoted(probeJS, "MAIN", "./"+v.MainModule)
	k.Modules = slices.Insert(k.Modules, 0, workerd.Module{Name: "clodo-probe.js", Kind: workerd.ESModule, Source: workerd.Source{Text: code}})
	return k, nil
}

func ask(ctx context.Context, p *workerd.Process, s *Startup) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.Address(probeService)+"/", nil)
	if err != nil {
		return fmt.Errorf("asking a Worker for its handlers: %w", err)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	res, err := transport.RoundTrip(req)
	if err != nil {
		return fmt.Errorf("asking a Worker for its handlers: %w", err)
	}
	defer func() { _ = res.Body.Close() }() // only read
	body, err := io.ReadAll(io.LimitReader(res.Body, 4<<20))
	if err != nil {
		return fmt.Errorf("asking a Worker for its handlers: %w", err)
	}
	var exports struct {
		Handlers []string
		Named    map[string][]string
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("asking a Worker for its handlers: status %d, %.200s; %s", res.StatusCode, body, p.Output())
	}
	if err := json.Unmarshal(body, &exports); err != nil {
		return fmt.Errorf("asking a Worker for its handlers: %w in %.200s; %s", err, body, p.Output())
	}
	slices.Sort(exports.Handlers)
	s.Handlers = exports.Handlers
	for name, handlers := range exports.Named {
		s.NamedHandlers[name] = handlers
	}
	return nil
}

// checkExports refuses what Cloudflare refuses about a version's exports.
func checkExports(s Startup, script string, v *Version, classes []Class) error {
	if len(s.Handlers) == 0 && len(s.NamedHandlers) == 0 {
		return &StartupError{Message: "The uploaded script has no registered event handlers.", Code: CodeNoHandlers}
	}
	exported := func(class string) bool { return slices.Contains(s.NamedHandlers[class], "class") }
	bindings, err := decodeBindings(v)
	if err != nil {
		return err
	}
	for _, b := range bindings {
		own := b.Type == "durable_object_namespace" && (b.ScriptName == "" || b.ScriptName == script)
		if own && !exported(b.ClassName) {
			return &StartupError{Message: fmt.Sprintf("Cannot create binding for class %q because the script does not export it.", b.ClassName), Code: CodeClassMissing}
		}
	}
	for _, c := range classes {
		if !exported(c.Name) {
			return &StartupError{Message: fmt.Sprintf("New version of script does not export class %q which is depended on by existing Durable Objects. If you want to delete the class's existing Durable Objects and stored data, apply a delete-class migration.", c.Name), Code: CodeClassDepended}
		}
	}
	return nil
}
