package runtime

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tamylaa/clodo/internal/host"
)

// ProgramOptions are what a Program needs.
type ProgramOptions struct {
	Account, Script string
	Bindings        []json.RawMessage // as in the metadata of an upload
	// Resource answers what bindings of a kind ask for, such as "d1"; nil is none.
	Resource func(kind string) (Resource, error)
	// Service is another Worker of the account, or one of its entrypoints, which is "" for
	// the usual one; nil is none.
	Service func(script, entrypoint string) http.Handler
	// Call is who answers calls to an address, nil is nobody here; default: Service, at
	// NAME.localhost.
	Call    func(u *url.URL) http.Handler
	Started time.Time // what the Worker's version says of itself
	// Without says what to do about durable objects where nothing runs them; "" is nothing.
	Without string
}

// Program answers the bindings of one Worker that runs as a program on this machine,
// without workerd. What it is asked is what internal/host sends: the protocols of
// workerd's bindings, with the kind and name of the binding in headers.
type Program struct {
	options  ProgramOptions
	bindings []binding
	// borrow has workerd do what a lent binding is asked for; nil is without workerd.
	borrow func(w http.ResponseWriter, r *http.Request, b binding) error
}

// NewProgram prepares a Program.
func NewProgram(o ProgramOptions) (*Program, error) {
	bindings, err := decodeBindings(&Version{Bindings: o.Bindings})
	if err != nil {
		return nil, err
	}
	if o.Call == nil {
		o.Call = nearby(o.Service)
	}
	return &Program{options: o, bindings: bindings}, nil
}

// programTypes are the types of bindings that the kinds of host's headers are for.
var programTypes = map[string]string{
	"ai":        "ai",
	"analytics": "analytics_engine",
	"d1":        "d1",
	"durable":   "durable_object_namespace",
	"email":     "send_email",
	"kv":        "kv_namespace",
	"queue":     "queue",
	"r2":        "r2_bucket",
	"ratelimit": "ratelimit",
	"secret":    "secrets_store_secret",
	"service":   "service",
	"vectorize": "vectorize",
	"version":   "version_metadata",
}

// The kinds that need no binding.
const (
	cacheKind = "cache" // the name of the resource, too
	callKind  = host.CallKind
)

func (p *Program) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	kind, name := r.Header.Get(host.KindHeader), r.Header.Get(host.BindingHeader)
	switch kind {
	case cacheKind:
		if err := p.cache(w, r, name); err != nil {
			host.Refuse(w, err)
		}
		return
	case callKind:
		p.call(w, r, name == host.AskCall)
		return
	}
	b, err := p.find(kind, name)
	if err != nil {
		host.Refuse(w, err)
		return
	}
	if p.borrow != nil && b.isLent() {
		if err := p.borrow(w, r, b); err != nil {
			host.Refuse(w, err)
		}
		return
	}
	switch b.Type {
	case "service":
		err = p.service(w, r, b)
	case "version_metadata":
		err = p.version(w)
	case "ratelimit":
		err = p.limit(w, r, b)
	case "send_email":
		err = p.email(w, r, b)
	case "durable_object_namespace":
		err = p.withoutObjects(b)
	default:
		err = p.resource(w, r, b)
	}
	if err != nil {
		host.Refuse(w, err)
	}
}

func (p *Program) find(kind, name string) (binding, error) {
	i := slices.IndexFunc(p.bindings, func(b binding) bool { return b.Name == name })
	if i < 0 {
		return binding{}, fmt.Errorf("the Worker has no binding %s", name)
	}
	b := p.bindings[i]
	if b.Type != programTypes[kind] {
		return binding{}, fmt.Errorf("the binding %s is of the type %s, which is not used as %s", name, b.Type, kind)
	}
	if k, _ := KindOf(b.Type); k.State == Fails {
		return binding{}, fmt.Errorf("binding %q: %s", name, k.Note)
	}
	return b, nil
}

// resource hands a request on to what answers workerd too.
func (p *Program) resource(w http.ResponseWriter, r *http.Request, b binding) error {
	kind, id, _ := strings.Cut(b.resource(p.options.Account, p.options.Script), ":")
	answer, err := p.options.Resource(kind)
	if err != nil {
		return err
	}
	if answer == nil {
		return fmt.Errorf("the binding %s is of the type %s, which does not work natively", b.Name, b.Type)
	}
	answer(w, r, id)
	return nil
}

// limit adds to a call of a rate limit what js/bindings/ratelimit.js adds.
func (p *Program) limit(w http.ResponseWriter, r *http.Request, b binding) error {
	var call, usual map[string]any
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, &call); err != nil || call == nil {
		return fmt.Errorf("invalid rate limit options")
	}
	if err := json.Unmarshal(b.Simple, &usual); err != nil {
		return fmt.Errorf("the binding %s has no limit: %w", b.Name, err)
	}
	for name, value := range usual {
		if call[name] == nil {
			call[name] = value
		}
	}
	if body, err = json.Marshal(call); err != nil {
		return err
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return p.resource(w, r, b)
}

// version tells what this is: no version of a deployment.
func (p *Program) version(w http.ResponseWriter) error {
	b, err := json.Marshal(map[string]string{"id": "native", "tag": "", "timestamp": p.options.Started.UTC().Format(time.RFC3339Nano)})
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(b) // the program may be gone
	return nil
}

// withoutObjects is what a binding to durable objects says where nothing runs their class.
func (p *Program) withoutObjects(b binding) error {
	err := fmt.Errorf("the class %s of the Worker %q runs on workerd, which is not here", b.ClassName, b.ScriptName)
	if p.options.Without != "" {
		err = fmt.Errorf("%w: %s", err, p.options.Without)
	}
	return err
}

// service calls another Worker.
func (p *Program) service(w http.ResponseWriter, r *http.Request, b binding) error {
	var target http.Handler
	if p.options.Service != nil {
		target = p.options.Service(b.Service, b.Entrypoint)
	}
	if target == nil {
		of := ""
		if b.Entrypoint != "" {
			of = fmt.Sprintf("the entrypoint %s of ", b.Entrypoint)
		}
		return fmt.Errorf("%sthe Worker %q, which the binding %s names, is not running here", of, b.Service, b.Name)
	}
	out, err := onward(r)
	if err == nil {
		target.ServeHTTP(w, out)
	}
	return err
}

// onward is what another Worker gets of a request to a binding.
func onward(r *http.Request) (*http.Request, error) {
	out := r.Clone(r.Context())
	if original := r.Header.Get(host.URLHeader); original != "" {
		u, err := url.Parse(original)
		if err != nil {
			return nil, fmt.Errorf("the URL of the call is none: %w", err)
		}
		out.URL, out.Host = u, u.Host
	}
	for _, name := range []string{host.KindHeader, host.BindingHeader, host.KeyHeader, host.URLHeader, host.ObjectHeader} {
		out.Header.Del(name)
	}
	if r.URL.Host != "" && out.Host == "" {
		out.Host = r.URL.Host
	}
	out.RequestURI = out.URL.RequestURI()
	return out, nil
}

// call hands on a request to an address, or says whether anybody here would answer it.
func (p *Program) call(w http.ResponseWriter, r *http.Request, ask bool) {
	out, err := onward(r)
	if err != nil {
		host.Refuse(w, err)
		return
	}
	target := p.options.Call(out.URL)
	switch {
	case target == nil:
		w.WriteHeader(http.StatusNotFound)
	case ask:
		w.WriteHeader(http.StatusNoContent)
	default:
		target.ServeHTTP(w, out)
	}
}

// Resources name what of this program the bindings are for, as in "d1:ID".
func (p *Program) Resources() []string {
	var all []string
	for _, b := range p.bindings {
		if name := b.resource(p.options.Account, p.options.Script); name != "" {
			all = append(all, name)
		}
	}
	return all
}
