package runtime

import (
	"cmp"
	"embed"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/tamylaa/clodo/internal/lazyregexp"
	"github.com/tamylaa/clodo/internal/workerd"
)

//go:embed js/d1rpc.js
var d1rpcJS string

//go:embed js/missing.js
var missingJS string

//go:embed js/email.js
var emailJS string // what workerd wants of its embedder for cloudflare:email

// bindingModules make the bindings that workerd does not have itself.
//
//go:embed js/bindings
var bindingModules embed.FS

// ownDate is the compatibility date of the Workers that this package adds.
const ownDate = "2026-11-01"

// binding is one of metadata.bindings; which fields count depends on Type.
type binding struct {
	Type         string
	Name         string
	Text         string
	JSON         json.RawMessage
	ID           string
	DatabaseID   string `json:"database_id"`
	NamespaceID  string `json:"namespace_id"`
	Service      string
	Entrypoint   string
	ClassName    string `json:"class_name"`
	ScriptName   string `json:"script_name"`
	Part         string // the module that a service worker finds under Name
	Simple       json.RawMessage
	Dataset      string
	Namespace    string
	Algorithm    json.RawMessage
	Format       string
	Usages       []string
	KeyBase64    string          `json:"key_base64"`
	KeyJWK       json.RawMessage `json:"key_jwk"`
	IndexName    string          `json:"index_name"`
	BucketName   string          `json:"bucket_name"`
	Jurisdiction string
	QueueName    string   `json:"queue_name"`
	Senders      []string `json:"allowed_sender_addresses"`
	Destination  string   `json:"destination_address"`
	Destinations []string `json:"allowed_destination_addresses"`
	Delay        *int     `json:"delivery_delay"` // seconds
	StoreID      string   `json:"store_id"`
	SecretName   string   `json:"secret_name"`
}

func decodeBindings(v *Version) ([]binding, error) {
	all := make([]binding, len(v.Bindings))
	for i, raw := range v.Bindings {
		if err := json.Unmarshal(raw, &all[i]); err != nil {
			return nil, fmt.Errorf("binding %d of version %s: %w", i, v.ID, err)
		}
	}
	return all, nil
}

// targets are the other Workers that a version's bindings need.
func targets(script string, bindings []binding) []string {
	var names []string
	for _, b := range bindings {
		switch {
		case b.Type == "service" && b.Service != script:
			names = append(names, b.Service)
		case b.Type == "durable_object_namespace" && b.ScriptName != "" && b.ScriptName != script:
			names = append(names, b.ScriptName)
		}
	}
	return names
}

// bind turns a version's bindings into workerd's, adding the services they need.
func (c *configuration) bind(w *Worker, v *Version) ([]workerd.Binding, error) {
	bindings, err := decodeBindings(v)
	if err != nil {
		return nil, err
	}
	out := make([]workerd.Binding, 0, len(bindings))
	for _, b := range bindings {
		one, err := c.one(w, v, b)
		if err != nil {
			return nil, err
		}
		if one.Wrapped != nil && v.BodyPart != "" { // workerd finds no module for a script, and its words help nobody
			return nil, &StartupError{Message: fmt.Sprintf("binding %q of the kind %s is for Workers in module syntax, which have an `export default`", b.Name, b.Type), Code: CodeStartup}
		}
		one.Name = b.Name
		out = append(out, one)
	}
	return out, nil
}

func (c *configuration) one(w *Worker, v *Version, b binding) (workerd.Binding, error) {
	resource := b.resource(w.Account, w.Script)
	switch b.Type {
	case "plain_text", "secret_text":
		return workerd.Binding{Text: &b.Text}, nil
	case "secret_key":
		return key(b)
	case "worker_loader":
		return workerd.Binding{Loader: w.Account + "/" + w.Script + "/" + v.ID + "/" + b.Name}, nil
	case "json":
		text := string(b.JSON)
		return workerd.Binding{JSON: &text}, nil
	case "text_blob", "data_blob", "wasm_module":
		return partOf(v, b)
	case "version_metadata":
		text, err := versionMetadata(v)
		return workerd.Binding{JSON: &text}, err
	case "d1":
		return c.d1(v, resource), nil
	case "kv_namespace":
		return workerd.Binding{KV: &workerd.Designator{Service: c.resource(resource)}}, nil
	case "dispatch_namespace":
		return c.wrapped(b.Type, c.inner("service", resource)), nil
	case "ai":
		return workerd.Binding{Wrapped: &workerd.Wrapped{Module: "cloudflare-internal:ai-api", Inner: []workerd.Binding{c.inner("fetcher", resource)}}}, nil
	case "vectorize":
		return c.vectors(b, resource), nil
	case "analytics_engine":
		return c.wrapped(b.Type, c.inner("store", resource)), nil
	case "secrets_store_secret":
		return c.wrapped(b.Type, c.inner("store", resource)), nil
	case "ratelimit":
		usual := string(b.Simple)
		return c.wrapped(b.Type, c.inner("counters", resource), workerd.Binding{Name: "usual", JSON: &usual}), nil
	case "r2_bucket":
		return workerd.Binding{R2: &workerd.Designator{Service: c.resource(resource)}}, nil
	case "queue":
		return workerd.Binding{Queue: &workerd.Designator{Service: c.resource(resource)}}, nil
	case "send_email":
		rules, err := json.Marshal(map[string]any{"senders": b.Senders, "destination": b.Destination, "destinations": b.Destinations})
		text := string(rules)
		return c.wrapped(b.Type, c.inner("mailbox", resource), workerd.Binding{Name: "rules", JSON: &text}), err
	case "service":
		return workerd.Binding{Service: c.service(w, b)}, nil
	case "durable_object_namespace":
		return workerd.Binding{Object: c.object(w, b)}, nil
	case "assets":
		if v.Assets == nil {
			return workerd.Binding{}, &StartupError{Message: fmt.Sprintf("binding %q is for assets, and the version has none", b.Name), Code: CodeStartup}
		}
		return workerd.Binding{Service: &workerd.Designator{Service: assetsName(w, v), Entrypoint: "AssetWorker"}}, nil
	}
	if kind, _ := KindOf(b.Type); kind.State == Fails {
		return c.wrapped("unavailable", workerd.Binding{Name: "message", Text: new("binding \"" + b.Name + "\": " + kind.Note)}), nil
	}
	return workerd.Binding{}, &UnsupportedError{Kind: b.Type, Name: b.Name}
}

// wrapped is a binding that the module js/bindings/KIND.js makes from inner bindings.
// For one that this program answers, the inner binding is a Service to a resource.
func (c *configuration) wrapped(kind string, inner ...workerd.Binding) workerd.Binding {
	name := "clodo:" + kind
	if !c.have[name] {
		c.have[name] = true
		source, err := bindingModules.ReadFile("js/bindings/" + kind + ".js")
		if err != nil {
			panic(err) // a kind without its file is a mistake of this package
		}
		c.out.Extensions = append(c.out.Extensions, workerd.Extension{Name: name, Source: string(source)})
	}
	return workerd.Binding{Wrapped: &workerd.Wrapped{Module: name, Inner: inner}}
}

// inner is a resource as the inner binding of a wrapped one.
func (c *configuration) inner(name, resource string) workerd.Binding {
	return workerd.Binding{Name: name, Service: &workerd.Designator{Service: c.resource(resource)}}
}

var keyUsage = lazyregexp.New(`^[a-zA-Z]+$`)

// key is a secret that a Worker has as a CryptoKey.
func key(b binding) (workerd.Binding, error) {
	k := &workerd.CryptoKey{Algorithm: string(b.Algorithm), Usages: b.Usages}
	pem := func(what string) string {
		return "-----BEGIN " + what + "-----\n" + b.KeyBase64 + "\n-----END " + what + "-----\n"
	}
	switch b.Format {
	case "raw":
		k.Base64 = b.KeyBase64
	case "pkcs8":
		k.PKCS8 = pem("PRIVATE KEY")
	case "spki":
		k.SPKI = pem("PUBLIC KEY")
	default:
		k.JWK = string(b.KeyJWK)
	}
	if i := slices.IndexFunc(b.Usages, func(u string) bool { return !keyUsage.MatchString(u) }); i >= 0 {
		return workerd.Binding{}, &StartupError{Message: fmt.Sprintf("binding %q has the usage %q, which keys do not have", b.Name, b.Usages[i]), Code: CodeStartup}
	}
	return workerd.Binding{Key: k}, nil
}

// partOf is a module of the upload as a global of a service worker, which cannot
// import it.
func partOf(v *Version, b binding) (workerd.Binding, error) {
	i := slices.IndexFunc(v.Modules, func(m Module) bool { return m.Name == b.Part })
	if i < 0 {
		return workerd.Binding{}, &StartupError{Message: fmt.Sprintf("binding %q is for the part %q, which the upload does not have", b.Name, b.Part), Code: CodeStartup}
	}
	source := workerd.Source{File: v.Modules[i].Path}
	switch b.Type {
	case "data_blob":
		return workerd.Binding{Data: &source}, nil
	case "wasm_module":
		return workerd.Binding{Wasm: &source}, nil
	}
	bytes, err := os.ReadFile(source.File)
	if err != nil {
		return workerd.Binding{}, &StartupError{Message: fmt.Sprintf("the bytes of module %q are gone: %v", b.Part, err), Code: CodeStartup}
	}
	text := string(bytes)
	return workerd.Binding{Text: &text}, nil
}

func versionMetadata(v *Version) (string, error) {
	b, err := json.Marshal(struct {
		ID        string `json:"id"`
		Tag       string `json:"tag"`
		Timestamp string `json:"timestamp"`
	}{v.ID, v.Tag, v.CreatedOn.UTC().Format(time.RFC3339Nano)})
	return string(b), err
}

// resource adds the way to something that this program keeps.
func (c *configuration) resource(name string) string {
	c.add(c.backend.service(name))
	return name
}

// d1 is workerd's own D1 binding over HTTP. With the compatibility flag for RPC the
// binding calls a method, which HTTP cannot carry, so a Worker stands between.
func (c *configuration) d1(v *Version, resource string) workerd.Binding {
	service := c.resource(resource)
	if slices.Contains(v.CompatibilityFlags, "d1_binding_jsrpc") {
		rpc := strings.Replace(resource, "d1:", "d1rpc:", 1)
		c.add(workerd.Service{Name: rpc, Worker: &workerd.Worker{
			Modules:           []workerd.Module{{Name: "d1rpc.js", Kind: workerd.ESModule, Source: workerd.Source{Text: d1rpcJS}}},
			CompatibilityDate: ownDate,
			Bindings:          []workerd.Binding{{Name: "DATABASE", Service: &workerd.Designator{Service: service}}},
		}})
		service = rpc
	}
	return workerd.Binding{Wrapped: &workerd.Wrapped{
		Module: "cloudflare-internal:d1-api",
		Inner:  []workerd.Binding{{Name: "fetcher", Service: &workerd.Designator{Service: service}}},
	}}
}

// vectors is workerd's own Vectorize binding over HTTP.
func (c *configuration) vectors(b binding, resource string) workerd.Binding {
	yes := "true"
	return workerd.Binding{Wrapped: &workerd.Wrapped{
		Module: "cloudflare-internal:vectorize-api",
		Inner: []workerd.Binding{
			c.inner("fetcher", resource),
			{Name: "indexId", Text: &b.IndexName},
			{Name: "indexVersion", Text: new("v2")},
			{Name: "useNdJson", JSON: &yes},
		},
	}}
}

// service is the target of a service binding: the version of the other Worker that
// has most of its traffic.
func (c *configuration) service(w *Worker, b binding) *workerd.Designator {
	target := c.find(w.Account, b.Service)
	if target == nil {
		return &workerd.Designator{Service: c.missing(b.Service, "")}
	}
	v := target.current()
	if b.Entrypoint == "" {
		return &workerd.Designator{Service: frontName(target, v)}
	}
	d := workerd.Designator{Service: codeName(target, v), Entrypoint: b.Entrypoint}
	if !v.hasCode() || c.absent[d] {
		return &workerd.Designator{Service: c.stand(fmt.Sprintf("the Worker %q has no entrypoint %q, which a binding names", b.Service, b.Entrypoint), "")}
	}
	return &d
}

// object is the class of a durable object binding. The objects of a Worker with two
// versions run the code of the one with most of the traffic: an object cannot have
// two.
func (c *configuration) object(w *Worker, b binding) *workerd.ObjectNamespace {
	script := b.ScriptName
	if script == "" {
		script = w.Script
	}
	target := c.find(w.Account, script)
	if target == nil {
		return &workerd.ObjectNamespace{Class: b.ClassName, Service: c.missing(script, b.ClassName)}
	}
	if message := c.broken[codeName(target, target.current())]; message != "" {
		return &workerd.ObjectNamespace{Class: b.ClassName, Service: c.stand(message, b.ClassName)}
	}
	if !slices.ContainsFunc(target.Classes, func(k Class) bool { return k.Name == b.ClassName }) {
		message := fmt.Sprintf("the Worker %q has no durable object class %q, which a binding names", script, b.ClassName)
		return &workerd.ObjectNamespace{Class: b.ClassName, Service: c.stand(message, b.ClassName)}
	}
	return &workerd.ObjectNamespace{Class: b.ClassName, Service: codeName(target, target.current())}
}

// missing adds a stand-in for a script that is not deployed.
func (c *configuration) missing(script, class string) string {
	return c.stand(fmt.Sprintf("the Worker %q, which a binding names, is not deployed", script), class)
}

// stand adds a Worker that throws message whenever it is called. It has class, if
// that is not empty.
func (c *configuration) stand(message, class string) string {
	name := "missing:" + class + ":" + message
	k := standIn(message, class)
	if class != "" {
		k.Namespaces = []workerd.Namespace{{Class: class, Key: name, SQLite: true}}
	}
	c.add(workerd.Service{Name: name, Worker: k})
	return name
}

// standIn is a Worker that throws message. It exports class, if there is one.
func standIn(message, class string) *workerd.Worker {
	code := replaceQuoted(replaceQuoted(missingJS, "MESSAGE", message), "CLASS", cmp.Or(class, "Missing"))
	return &workerd.Worker{
		Modules:           []workerd.Module{{Name: "missing.js", Kind: workerd.ESModule, Source: workerd.Source{Text: code}}},
		CompatibilityDate: ownDate,
	}
}

// replaceQuoted puts text into a program of ours in place of the string "MARK". JSON
// with its HTML escapes is a JavaScript string.
func replaceQuoted(program, mark, text string) string {
	quoted, err := json.Marshal(text)
	if err != nil {
		panic(err) // a string always encodes
	}
	return strings.ReplaceAll(program, `"`+mark+`"`, string(quoted))
}
