package typescript

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/internal/lazyregexp"
	"github.com/tamylaa/clodo/project"
)

// variable is one name of env, over all targets.
type variable struct {
	name  string
	types []string
	in    []project.TargetID
}

// env is the interface of what the service finds in env.
func (w *writer) env() {
	var all []*variable
	note := func(t *project.Target, name, typ string) {
		at := slices.IndexFunc(all, func(v *variable) bool { return v.name == name })
		if at < 0 {
			at = len(all)
			all = append(all, &variable{name: name})
		}
		v := all[at]
		if !slices.Contains(v.types, typ) {
			v.types = append(v.types, typ)
		}
		if !slices.Contains(v.in, t.TargetID) {
			v.in = append(v.in, t.TargetID)
		}
	}
	own := own()
	for _, t := range w.targets {
		for _, b := range t.Worker.Bindings {
			if own[b.Name] == "" && !b.Given {
				note(t, b.Name, w.typeOf(t, b))
			}
		}
		for _, name := range secrets(t) {
			note(t, name, "string")
		}
	}
	w.f("\n// What the Worker finds in env.\nexport interface Env {\n")
	for _, v := range all {
		mark := ""
		if len(v.in) < len(w.targets) {
			mark = "?"
			w.f("%s", comment("  ", "Only in "+targets(v.in)+"."))
		}
		w.f("  %s%s: %s;\n", property(v.name), mark, strings.Join(v.types, " | "))
	}
	w.f("  // What clodo deploy and clodo dev say.\n")
	for _, name := range slices.Sorted(maps.Keys(own)) {
		w.f("  %s?: %s;\n", name, own[name])
	}
	w.f("}\n")
}

// own are the names that clodo gives a service of its portfolio.
func own() map[string]string {
	return map[string]string{
		"CLODO_SERVICE": "string", "CLODO_ENVIRONMENT": "string", "CLODO_CUSTOMER": "string", "CLODO_DOMAIN": "string",
		"CLODO_VERSION": "WorkerVersionMetadata", "CLODO_FEATURES": "string", "CLODO_ENABLED": "string", "CLODO_FLAGS": "KVNamespace", "CLODO_SERVICES": "string",
	}
}

// secrets are the names of a target's secrets.
func secrets(t *project.Target) []string {
	var names []string
	for _, s := range t.Worker.RequiredSecrets {
		names = append(names, s.V)
	}
	for _, s := range t.Secrets {
		names = append(names, s.Name)
	}
	return names
}

// everywhere are the secrets that every target has, sorted.
func everywhere(all []*project.Target) []string {
	in := map[string]int{}
	for _, t := range all {
		for _, name := range slices.Compact(slices.Sorted(slices.Values(secrets(t)))) {
			in[name]++
		}
	}
	return slices.DeleteFunc(slices.Sorted(maps.Keys(in)), func(name string) bool { return in[name] < len(all) })
}

// targets names where something is.
func targets(ids []project.TargetID) string {
	var names []string
	for _, id := range ids {
		name := id.Environment
		if name == "" {
			name = "the top level"
		}
		if id.Customer != "" {
			name += " for " + id.Customer
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}

// kinds are the types of bindings, by their kind in an upload. Where Cloudflare's types
// have no name for one it is unknown.
func kinds() map[string]string {
	return map[string]string{
		"plain_text": "string", "secret_text": "string", "kv_namespace": "KVNamespace", "send_email": "SendEmail", "queue": "Queue",
		"r2_bucket": "R2Bucket", "d1": "D1Database", "vectorize": "Vectorize", "hyperdrive": "Hyperdrive", "service": "Fetcher",
		"analytics_engine": "AnalyticsEngineDataset", "dispatch_namespace": "DispatchNamespace", "mtls_certificate": "Fetcher",
		"ratelimit": "RateLimit", "worker_loader": "WorkerLoader", "ai": "Ai", "images": "ImagesBinding", "browser": "Fetcher",
		"version_metadata": "WorkerVersionMetadata", "assets": "Fetcher", "workflow": "Workflow", "secrets_store_secret": "SecretsStoreSecret",
		"vpc_service": "Fetcher", "vpc_network": "Fetcher",
	}
}

var identifier = lazyregexp.New(`^[A-Za-z_$][\w$]*$`)

func (w *writer) typeOf(t *project.Target, b project.Binding) string {
	switch b.Kind {
	case "json":
		return literal(b.JSON)
	case "durable_object_namespace":
		if class := w.class(t, b, b.ClassName); class != "" {
			return fmt.Sprintf("DurableObjectNamespace<%s>", class)
		}
		return "DurableObjectNamespace"
	case "service":
		if class := w.class(t, b, b.Entrypoint); class != "" {
			return fmt.Sprintf("Service<typeof %s>", class)
		}
	}
	if typ := kinds()[b.Kind]; typ != "" {
		return typ
	}
	return "unknown"
}

// literal is the type of a value in JSON: its form, not its content, which another
// environment may change.
func literal(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case string:
		return "string"
	case []any:
		var types []string
		for _, item := range v {
			if typ := literal(item); !slices.Contains(types, typ) {
				types = append(types, typ)
			}
		}
		if len(types) == 0 {
			return "unknown[]"
		}
		if len(types) == 1 {
			return types[0] + "[]"
		}
		return "(" + strings.Join(types, " | ") + ")[]"
	case map[string]any:
		var fields []string
		for _, key := range slices.Sorted(maps.Keys(v)) {
			fields = append(fields, property(key)+": "+literal(v[key]))
		}
		if len(fields) == 0 {
			return "Record<string, unknown>"
		}
		return "{ " + strings.Join(fields, "; ") + " }"
	}
	return "number"
}

// quote is a text, a number or a boolean as JavaScript writes it.
func quote(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // they have a JSON form
	}
	return string(b)
}

// property is a key of an object: bare where JavaScript allows it.
func property(name string) string {
	if identifier.MatchString(name) && name != "__proto__" {
		return name
	}
	return quote(name)
}

func array(list []string) string {
	var quoted []string
	for _, s := range list {
		quoted = append(quoted, quote(s))
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// comment is text as lines of a comment, or nothing.
func comment(indent, text string) string {
	var b strings.Builder
	for line := range strings.FieldsFuncSeq(text, func(c rune) bool { return c < ' ' || c == 0x7f || c == '\u2028' || c == '\u2029' }) {
		fmt.Fprintf(&b, "%s// %s\n", indent, strings.TrimSpace(line))
	}
	return b.String()
}
