package workerd

import (
	"fmt"
	"path/filepath"
	"strings"
)

// Config is what one workerd process serves. Its fields mirror the part of
// workerd.capnp that clodo uses.
type Config struct {
	Services   []Service
	Sockets    []Socket
	Extensions []Extension
	V8Flags    []string
}

// Extension is a module that Workers cannot import, but that a Wrapped binding can be
// made with: its default export is a function of the inner bindings.
type Extension struct {
	Name   string
	Source string // ES module
}

// Socket is a listening socket; where it listens is decided when the process starts.
type Socket struct {
	Name         string
	Service      Designator
	CFBlobHeader string // request header that carries request.cf as JSON
	ProtoHeader  string // request header that says "http" or "https"
	CapnpHost    string // CONNECT host under which other workerds reach the service by RPC
}

// Designator names a service and, if not its default, one of its entrypoints. Props
// is JSON that the service is called with.
type Designator struct {
	Service    string
	Entrypoint string
	Props      string
}

// Service is a named thing that takes requests; exactly one of the pointers is set.
type Service struct {
	Name     string
	Worker   *Worker
	External *External
	Network  *Network
	Disk     *Disk
	Assets   *Assets
}

// Worker is a service that runs code: Modules, the first being the main one, or
// Script in service-worker syntax.
type Worker struct {
	Modules            []Module
	Script             *Source
	CompatibilityDate  string
	CompatibilityFlags []string
	Bindings           []Binding
	Namespaces         []Namespace // durable object classes that this service runs
	ObjectDisk         string      // service name of the Disk for them; "" keeps them in memory
	Outbound           Designator  // where fetch() goes; zero means the service "internet"
	CacheOutbound      Designator
	Tails              []Designator
}

// Source is the text or bytes of a module: a file, or Text when File is "".
type Source struct {
	File string // absolute
	Text string
}

// ModuleKind is the name of a member of workerd's union of module kinds.
type ModuleKind string

// The kinds of modules.
const (
	ESModule       ModuleKind = "esModule"
	CommonJSModule ModuleKind = "commonJsModule"
	TextModule     ModuleKind = "text"
	DataModule     ModuleKind = "data"
	WasmModule     ModuleKind = "wasm"
	JSONModule     ModuleKind = "json"
	BundledModule  ModuleKind = "bundled" // the source is a name inside workerd
)

// Module is one module of a Worker. Name is its specifier.
type Module struct {
	Name   string
	Kind   ModuleKind
	Source Source
}

// Namespace makes a class of the Worker a durable object class. Key names its
// storage.
type Namespace struct {
	Class  string
	Key    string
	SQLite bool
}

// Binding is one entry of a Worker's env; exactly one of the others is set.
type Binding struct {
	Name    string
	Text    *string
	JSON    *string
	Data    *Source
	Wasm    *Source
	Service *Designator
	Object  *ObjectNamespace
	KV      *Designator
	R2      *Designator
	Queue   *Designator
	Wrapped *Wrapped
	Key     *CryptoKey
	Loader  string // the name of a cache of Workers that code makes; those of one name share it
}

// ObjectNamespace is a binding to the class of a Worker; Service "" means its own.
type ObjectNamespace struct {
	Class   string
	Service string
}

// Wrapped is a binding that a module of workerd, or one of Extensions, makes from
// Inner bindings.
type Wrapped struct {
	Module string
	Inner  []Binding
}

// External is an HTTP server; InjectHeaders replace headers of every request to it.
type External struct {
	Address       string // host:port or unix:/path
	InjectHeaders [][2]string
	CFBlobHeader  string
	ProtoHeader   string // request header that says "http" or "https"
	CapnpHost     string // the other side's Socket.CapnpHost
}

// Network reaches addresses of the kinds that Allow lists ("public", "private",
// "local", or CIDR), except those that Deny lists.
type Network struct {
	Allow    []string
	Deny     []string
	TrustCAs bool
}

// Disk is a folder that must exist.
type Disk struct {
	Path     string
	Writable bool
}

// Assets serves the static files of the folder Path; requests that its
// configuration sends to code go to User.
type Assets struct {
	Path               string
	Config             string // JSON
	User               *Designator
	CompatibilityDate  string // only without User
	CompatibilityFlags []string
}

// Text renders c as a capnp text configuration for a file in the folder dir.
func (c Config) Text(dir string) (string, error) {
	w := &writer{dir: dir}
	w.raw("using Workerd = import \"/workerd/workerd.capnp\";\nconst config :Workerd.Config = (\n services = [\n")
	for _, s := range c.Services {
		w.service(s)
	}
	w.raw(" ],\n sockets = [\n")
	for _, s := range c.Sockets {
		w.raw("  (")
		w.str("name", s.Name)
		w.raw("http = (")
		w.opt("forwardedProtoHeader", s.ProtoHeader)
		w.opt("cfBlobHeader", s.CFBlobHeader)
		w.opt("capnpConnectHost", s.CapnpHost)
		w.raw("), service = ")
		w.designator(s.Service)
		w.raw("),\n")
	}
	w.raw(" ],\n")
	if len(c.Extensions) > 0 {
		w.raw(" extensions = [(modules = [\n")
		for _, e := range c.Extensions {
			w.raw("  (")
			w.str("name", e.Name)
			w.str("esModule", e.Source)
			w.raw("internal = true),\n")
		}
		w.raw(" ])],\n")
	}
	w.strings("v8Flags", c.V8Flags)
	w.raw(");\n")
	return w.b.String(), w.err
}

// writer builds the text. Every value goes through quote; nothing of a Worker is
// ever written raw. A trailing comma is legal capnp.
type writer struct {
	b   strings.Builder
	dir string
	err error
}

func (w *writer) raw(s string) { w.b.WriteString(s) }

func (w *writer) str(field, value string) {
	w.raw(field + " = " + quote(value) + ", ")
}

func (w *writer) opt(field, value string) {
	if value != "" {
		w.str(field, value)
	}
}

func (w *writer) strings(field string, values []string) {
	if len(values) == 0 {
		return
	}
	w.raw(field + " = [")
	for _, v := range values {
		w.raw(quote(v) + ", ")
	}
	w.raw("], ")
}

func (w *writer) designator(d Designator) {
	w.raw("(")
	w.str("name", d.Service)
	w.opt("entrypoint", d.Entrypoint)
	if d.Props != "" {
		w.raw("props = (")
		w.str("json", d.Props)
		w.raw(")")
	}
	w.raw(")")
}

func (w *writer) designatorField(field string, d Designator) {
	if d == (Designator{}) {
		return
	}
	w.raw(field + " = ")
	w.designator(d)
	w.raw(", ")
}

// source writes a file as an embed relative to the configuration (capnp has no
// portable absolute form), and a text as it is.
func (w *writer) source(field string, s Source) {
	if s.File == "" {
		w.str(field, s.Text)
		return
	}
	rel, err := filepath.Rel(w.dir, s.File)
	if err != nil && w.err == nil {
		w.err = fmt.Errorf("module file outside the state folder: %w", err)
	}
	w.raw(field + " = embed " + quote(filepath.ToSlash(rel)) + ", ")
}

func (w *writer) service(s Service) {
	w.raw("  (")
	w.str("name", s.Name)
	switch {
	case s.Worker != nil:
		w.worker(s.Worker)
	case s.External != nil:
		w.external(s.External)
	case s.Network != nil:
		w.raw("network = (")
		w.strings("allow", s.Network.Allow)
		w.strings("deny", s.Network.Deny)
		if s.Network.TrustCAs {
			w.raw("tlsOptions = (trustBrowserCas = true)")
		}
		w.raw(")")
	case s.Disk != nil:
		w.raw("disk = (")
		w.str("path", s.Disk.Path)
		w.raw(fmt.Sprintf("writable = %t)", s.Disk.Writable))
	case s.Assets != nil:
		w.raw("assets = (")
		w.str("path", s.Assets.Path)
		w.str("config", s.Assets.Config)
		if s.Assets.User != nil {
			w.designatorField("userWorker", *s.Assets.User)
		}
		w.opt("compatibilityDate", s.Assets.CompatibilityDate)
		w.strings("compatibilityFlags", s.Assets.CompatibilityFlags)
		w.raw(")")
	}
	w.raw("),\n")
}

func (w *writer) external(e *External) {
	w.raw("external = (")
	w.str("address", e.Address)
	w.raw("http = (")
	w.opt("cfBlobHeader", e.CFBlobHeader)
	w.opt("forwardedProtoHeader", e.ProtoHeader)
	w.opt("capnpConnectHost", e.CapnpHost)
	if len(e.InjectHeaders) > 0 {
		w.raw("injectRequestHeaders = [")
		for _, h := range e.InjectHeaders {
			w.raw("(")
			w.str("name", h[0])
			w.str("value", h[1])
			w.raw("), ")
		}
		w.raw("]")
	}
	w.raw("))")
}

func (w *writer) worker(k *Worker) {
	w.raw("worker = (")
	if k.Script != nil {
		w.source("serviceWorkerScript", *k.Script)
	} else {
		w.raw("modules = [")
		for _, m := range k.Modules {
			w.raw("(")
			w.str("name", m.Name)
			w.source(string(m.Kind), m.Source)
			w.raw("), ")
		}
		w.raw("], ")
	}
	w.str("compatibilityDate", k.CompatibilityDate)
	w.strings("compatibilityFlags", k.CompatibilityFlags)
	if len(k.Bindings) > 0 {
		w.raw("bindings = [")
		for _, b := range k.Bindings {
			w.binding(b)
		}
		w.raw("], ")
	}
	if len(k.Namespaces) > 0 {
		w.raw("durableObjectNamespaces = [")
		for _, n := range k.Namespaces {
			w.raw("(")
			w.str("className", n.Class)
			w.str("uniqueKey", n.Key)
			w.raw(fmt.Sprintf("enableSql = %t), ", n.SQLite))
		}
		w.raw("], ")
		if k.ObjectDisk != "" {
			w.raw("durableObjectStorage = (")
			w.str("localDisk", k.ObjectDisk)
			w.raw("), ")
		} else {
			w.raw("durableObjectStorage = (inMemory = void), ")
		}
	}
	w.designatorField("globalOutbound", k.Outbound)
	w.designatorField("cacheApiOutbound", k.CacheOutbound)
	if len(k.Tails) > 0 {
		w.raw("tails = [")
		for _, t := range k.Tails {
			w.designator(t)
			w.raw(", ")
		}
		w.raw("], ")
	}
	w.raw(")")
}

func (w *writer) binding(b Binding) {
	w.raw("(")
	w.str("name", b.Name)
	switch {
	case b.Text != nil:
		w.str("text", *b.Text)
	case b.JSON != nil:
		w.str("json", *b.JSON)
	case b.Data != nil:
		w.source("data", *b.Data)
	case b.Wasm != nil:
		w.source("wasmModule", *b.Wasm)
	case b.Service != nil:
		w.designatorField("service", *b.Service)
	case b.Object != nil:
		w.raw("durableObjectNamespace = (")
		w.str("className", b.Object.Class)
		w.opt("serviceName", b.Object.Service)
		w.raw(")")
	case b.KV != nil:
		w.designatorField("kvNamespace", *b.KV)
	case b.R2 != nil:
		w.designatorField("r2Bucket", *b.R2)
	case b.Queue != nil:
		w.designatorField("queue", *b.Queue)
	case b.Key != nil:
		w.key(b.Key)
	case b.Loader != "":
		w.raw("workerLoader = (")
		w.str("id", b.Loader)
		w.raw(")")
	case b.Wrapped != nil:
		w.raw("wrapped = (")
		w.str("moduleName", b.Wrapped.Module)
		w.raw("innerBindings = [")
		for _, inner := range b.Wrapped.Inner {
			w.binding(inner)
		}
		w.raw("])")
	}
	w.raw("), ")
}

// quote makes a capnp text literal. capnp has C escapes, and hands other bytes
// through, so UTF-8 stays as it is.
func quote(s string) string {
	const hex = "0123456789abcdef"
	b := make([]byte, 0, len(s)+2)
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"', c == '\\':
			b = append(b, '\\', c)
		case c < 0x20, c == 0x7f:
			b = append(b, '\\', 'x', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return string(append(b, '"'))
}
