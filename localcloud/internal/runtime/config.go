package runtime

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tamylaa/clodo/internal/workerd"
)

// configuration collects what one workerd process serves.
type configuration struct {
	backend   *backend
	dir       string // the runtime's own folder
	workers   []*Worker
	alone     bool // a trial boot: objects stay in memory
	observed  bool // an Observer is told of every invocation
	tolerance tolerance
	absent    map[workerd.Designator]bool // entrypoints that are known not to exist
	broken    map[string]string           // services that do not start, and why
	out       workerd.Config
	have      map[string]bool
}

// The names of services and sockets. A front takes a version's requests; it is the
// code itself, or the assets that stand before it.
func codeName(w *Worker, v *Version) string { return "worker:" + w.Script + "@" + v.ID }

func assetsName(w *Worker, v *Version) string { return "assets:" + w.Script + "@" + v.ID }

func frontName(w *Worker, v *Version) string {
	if v.Assets != nil {
		return assetsName(w, v)
	}
	return codeName(w, v)
}

// The names of services and of the socket that are there once.
const (
	internetService = "internet"
	objectsService  = "objects"
)

// heapLimit keeps a Worker from eating the machine: at 256 MB of JavaScript its process
// ends. Cloudflare allows 128 MB; V8 counts less precisely.
const heapLimit = "--max-old-space-size=256"

// The headers by which the proxy tells workerd about a request.
const (
	cfHeader    = "X-Clodo-Cf"
	protoHeader = "X-Clodo-Proto"
)

// current is the version that other Workers' bindings reach: the one with most of
// the traffic, the newer one of equals.
func (w *Worker) current() *Version {
	return slices.MaxFunc(w.Versions, func(a, b Share) int {
		if a.Percentage != b.Percentage {
			if a.Percentage < b.Percentage {
				return -1
			}
			return 1
		}
		return a.Version.CreatedOn.Compare(b.Version.CreatedOn)
	}).Version
}

// hasCode is false for a version of assets alone.
func (v *Version) hasCode() bool { return v.MainModule != "" || v.BodyPart != "" }

func (w *Worker) hasObjects() bool { return len(w.Classes) > 0 }

func newConfiguration(b *backend, dir string, workers []*Worker) *configuration {
	c := &configuration{out: workerd.Config{V8Flags: []string{heapLimit}}, backend: b, dir: dir, workers: workers, have: map[string]bool{}}
	// Like wrangler's local mode, and unlike Cloudflare, a Worker may call servers in
	// this network and on this machine.
	c.add(workerd.Service{Name: internetService, Network: &workerd.Network{Allow: []string{"public", "private"}, TrustCAs: true}})
	c.out.Extensions = append(c.out.Extensions, workerd.Extension{Name: "cloudflare-internal:email", Source: emailJS})
	return c
}

func (c *configuration) add(s workerd.Service) {
	if !c.have[s.Name] {
		c.have[s.Name] = true
		c.out.Services = append(c.out.Services, s)
	}
}

func (c *configuration) find(account, script string) *Worker {
	for _, w := range c.workers {
		if w.Account == account && w.Script == script {
			return w
		}
	}
	return nil
}

// build makes the configuration of a process for all its Workers.
func (c *configuration) build() (workerd.Config, error) {
	for _, w := range c.workers {
		for _, s := range w.Versions {
			if err := c.version(w, s.Version); err != nil {
				return c.out, err
			}
			if w.isUser() {
				continue
			}
			front := frontName(w, s.Version)
			c.out.Sockets = append(c.out.Sockets, workerd.Socket{
				Name: front, Service: workerd.Designator{Service: front}, CFBlobHeader: cfHeader, ProtoHeader: protoHeader,
			})
		}
	}
	c.users()
	c.events()
	if c.alone {
		return c.out, nil
	}
	c.pulses()
	return c.out, c.lender()
}

// version adds a version's code and assets.
func (c *configuration) version(w *Worker, v *Version) error {
	if v.Assets != nil {
		if err := c.assets(w, v); err != nil {
			return err
		}
	}
	if !v.hasCode() {
		return nil
	}
	name := codeName(w, v)
	if message := c.broken[name]; message != "" {
		c.add(workerd.Service{Name: name, Worker: standIn(message, "")})
		return nil
	}
	k, err := c.code(w, v)
	if refused := (*StartupError)(nil); c.tolerance == tolerant && errors.As(err, &refused) {
		k, err = standIn(fmt.Sprintf("the Worker %q does not start: %s", w.Script, refused.Message), ""), nil
	}
	if err != nil {
		return err
	}
	c.add(workerd.Service{Name: name, Worker: k})
	return nil
}

func (c *configuration) code(w *Worker, v *Version) (*workerd.Worker, error) {
	k := &workerd.Worker{
		CompatibilityDate: workerd.ClampDate(v.CompatibilityDate, time.Now()), CompatibilityFlags: v.CompatibilityFlags,
		CacheOutbound: workerd.Designator{Service: c.cache(w)},
	}
	if err := code(k, v); err != nil {
		return nil, err
	}
	var err error
	if k.Bindings, err = c.bind(w, v); err != nil {
		return nil, err
	}
	if k.Outbound, err = c.outbound(w, v); err != nil {
		return nil, err
	}
	if k.Tails, err = c.tails(w, v); err != nil {
		return nil, err
	}
	if v == w.current() {
		for _, class := range w.Classes {
			k.Namespaces = append(k.Namespaces, workerd.Namespace{Class: class.Name, Key: class.Key, SQLite: class.SQLite})
		}
		if w.hasObjects() && !c.alone {
			k.ObjectDisk = objectsService
			c.add(workerd.Service{Name: objectsService, Disk: &workerd.Disk{Path: filepath.Join(c.dir, objectsFolder), Writable: true}})
		}
	}
	return k, nil
}

// code gives k the version's modules, the main one first as workerd wants it.
func code(k *workerd.Worker, v *Version) error {
	for _, m := range v.Modules {
		if v.BodyPart != "" {
			if m.Name == v.BodyPart {
				k.Script = &workerd.Source{File: m.Path}
			}
			continue
		}
		kind, err := moduleKind(m)
		if err != nil {
			return err
		}
		if kind == "" {
			continue
		}
		if _, err := os.Stat(m.Path); err != nil {
			return &StartupError{Message: fmt.Sprintf("the bytes of module %q are gone: %v", m.Name, err), Code: CodeStartup}
		}
		one := workerd.Module{Name: m.Name, Kind: kind, Source: workerd.Source{File: m.Path}}
		if m.Name == v.MainModule {
			k.Modules = slices.Insert(k.Modules, 0, one)
		} else {
			k.Modules = append(k.Modules, one)
		}
	}
	switch {
	case v.BodyPart != "" && k.Script == nil:
		return &StartupError{Message: fmt.Sprintf("the upload has no part %q, which body_part names", v.BodyPart), Code: CodeStartup}
	case v.BodyPart == "" && (len(k.Modules) == 0 || k.Modules[0].Name != v.MainModule):
		return &StartupError{Message: fmt.Sprintf("the upload has no module %q, which main_module names", v.MainModule), Code: CodeStartup}
	}
	return nil
}

// moduleKind is "" for a part that does not run.
func moduleKind(m Module) (workerd.ModuleKind, error) {
	kind, _, err := mime.ParseMediaType(m.ContentType)
	if err != nil {
		kind = m.ContentType
	}
	switch kind {
	case "application/javascript+module", "text/javascript+module", "application/javascript;module":
		return workerd.ESModule, nil
	case "application/javascript", "text/javascript", "application/x-javascript":
		return workerd.CommonJSModule, nil
	case "application/wasm":
		return workerd.WasmModule, nil
	case "text/plain":
		return workerd.TextModule, nil
	case "application/octet-stream":
		return workerd.DataModule, nil
	case "application/json":
		return workerd.JSONModule, nil
	case "application/source-map":
		return "", nil
	}
	return "", &UnsupportedError{Kind: m.ContentType, Name: m.Name}
}

// assetConfig is metadata.assets.config; workerd has the same fields, but for the
// names of the two files.
type assetConfig struct {
	HTMLHandling     string          `json:"html_handling,omitempty"`
	NotFoundHandling string          `json:"not_found_handling,omitempty"`
	RunWorkerFirst   json.RawMessage `json:"run_worker_first,omitempty"`
	Headers          string          `json:"headers,omitempty"`
	Redirects        string          `json:"redirects,omitempty"`
}

func (c *configuration) assets(w *Worker, v *Version) error {
	var in struct {
		assetConfig
		HeadersFile   string `json:"_headers"`
		RedirectsFile string `json:"_redirects"`
	}
	if len(v.Assets.Config) > 0 {
		if err := json.Unmarshal(v.Assets.Config, &in); err != nil {
			return &StartupError{Message: "the configuration of the assets: " + err.Error(), Code: CodeStartup}
		}
	}
	in.Headers, in.Redirects = in.HeadersFile, in.RedirectsFile
	config, err := json.Marshal(in.assetConfig)
	if err != nil {
		return fmt.Errorf("encoding the configuration of assets: %w", err)
	}
	path, err := placeAssets(filepath.Join(c.dir, assetsFolder), v)
	if err != nil {
		return err
	}
	a := &workerd.Assets{Path: path, Config: string(config)}
	if v.hasCode() {
		a.User = &workerd.Designator{Service: codeName(w, v)}
	} else {
		a.CompatibilityDate = workerd.ClampDate(v.CompatibilityDate, time.Now())
		a.CompatibilityFlags = v.CompatibilityFlags
	}
	c.add(workerd.Service{Name: assetsName(w, v), Assets: a})
	return nil
}

// escaped makes an account or script part of a folder's name.
func escaped(name string) string { return strings.NewReplacer("/", "-", `\`, "-").Replace(name) }
