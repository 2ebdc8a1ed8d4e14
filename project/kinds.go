package project

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/source"
)

// bindingKind says how one kind of binding is written in a wrangler file and how it
// travels in an upload.
type bindingKind struct {
	kind  string   // type in the upload's metadata
	at    []string // where wrangler files have it
	named string   // the key that names the binding: "binding" unless said
	one   bool     // a single map rather than a list
	// copy tells where fields go: "from=to", or "from" when both are the same. "#id",
	// "#resource", "#class", "#script", "#service" and "#entrypoint" are Binding's own.
	copy string
	// needs are fields of which one must be there; the shape has the others.
	needs string
	// makes: clodo makes the resource when it does not exist, named after the Worker
	// when the file has no name for it.
	makes bool
	apart bool // holds data, so that dedicated customers never share it
	local bool // the local cloud runs it
	fails bool // the local cloud takes it, and it fails there when it is used
}

// bindingKinds is in the order in which wrangler uploads bindings, after plain_text
// and json.
func bindingKinds() []bindingKind {
	return []bindingKind{
		{kind: "kv_namespace", at: []string{"kv_namespaces"}, copy: "id=#id", makes: true, apart: true, local: true},
		{kind: "send_email", at: []string{"send_email"}, named: "name", copy: "allowed_sender_addresses destination_address allowed_destination_addresses", local: true},
		{kind: "durable_object_namespace", at: []string{"durable_objects", "bindings"}, named: "name", copy: "class_name=#class script_name=#script environment", local: true},
		{kind: "workflow", at: []string{"workflows"}, copy: "name=#resource class_name=#class script_name=#script"},
		{kind: "queue", at: []string{"queues", "producers"}, copy: "queue=#resource delivery_delay", makes: true, apart: true, local: true},
		{kind: "r2_bucket", at: []string{"r2_buckets"}, copy: "bucket_name=#resource jurisdiction", makes: true, apart: true, local: true},
		{kind: "d1", at: []string{"d1_databases"}, copy: "database_id=#id database_name=#resource database_internal_env=internalEnv", makes: true, apart: true, local: true},
		{kind: "vectorize", at: []string{"vectorize"}, copy: "index_name=#resource", local: true},
		{kind: "ai_search_namespace", at: []string{"ai_search_namespaces"}, copy: "namespace", fails: true},
		{kind: "ai_search", at: []string{"ai_search"}, copy: "instance_name", fails: true},
		{kind: "agent_memory", at: []string{"agent_memory"}, copy: "namespace", fails: true},
		{kind: "hyperdrive", at: []string{"hyperdrive"}, copy: "id=#id", fails: true},
		{kind: "secrets_store_secret", at: []string{"secrets_store_secrets"}, copy: "store_id secret_name", local: true},
		{kind: "artifacts", at: []string{"artifacts"}, copy: "namespace", fails: true},
		{kind: "unsafe_hello_world", at: []string{"unsafe_hello_world"}, copy: "enable_timer", fails: true},
		{kind: "flagship", at: []string{"flagship"}, copy: "app_id", needs: "app_id", fails: true},
		{kind: "ratelimit", at: []string{"ratelimits"}, named: "name", copy: "namespace_id simple", local: true},
		{kind: "vpc_service", at: []string{"vpc_services"}, copy: "service_id", fails: true},
		{kind: "vpc_network", at: []string{"vpc_networks"}, copy: "tunnel_id network_id", needs: "tunnel_id network_id", fails: true},
		{kind: "service", at: []string{"services"}, copy: "service=#service entrypoint=#entrypoint environment props cross_account_grant", local: true},
		{kind: "analytics_engine", at: []string{"analytics_engine_datasets"}, copy: "dataset=#resource", local: true},
		{kind: "dispatch_namespace", at: []string{"dispatch_namespaces"}, copy: "namespace outbound", needs: "namespace", local: true},
		{kind: "mtls_certificate", at: []string{"mtls_certificates"}, copy: "certificate_id", fails: true},
		{kind: "pipelines", at: []string{"pipelines"}, copy: "stream pipeline", needs: "stream pipeline", fails: true},
		{kind: "k2", at: []string{"k2"}, copy: "stream", fails: true},
		{kind: "worker_loader", at: []string{"worker_loaders"}, local: true},
		{kind: "logfwdr", at: []string{"logfwdr", "bindings"}, named: "name", copy: "destination", fails: true},
		{kind: "browser", at: []string{"browser"}, one: true, fails: true},
		{kind: "analytics", at: []string{"analytics"}, one: true, fails: true},
		{kind: "ai", at: []string{"ai"}, one: true, copy: "staging", local: true},
		{kind: "images", at: []string{"images"}, one: true, fails: true},
		{kind: "stream", at: []string{"stream"}, one: true, fails: true},
		{kind: "media", at: []string{"media"}, one: true, fails: true},
		{kind: "version_metadata", at: []string{"version_metadata"}, one: true, local: true},
		{kind: "assets", at: []string{"assets"}, one: true, local: true},
	}
}

// locally reports what the local cloud does with a kind of binding: it runs it, or it
// takes it and fails when a Worker uses it.
func locally(kind string) (runs, fails bool) {
	switch kind {
	case "plain_text", "json", "secret_text":
		return true, false
	}
	for _, k := range bindingKinds() {
		if k.kind == kind {
			return k.local, k.fails
		}
	}
	return false, false
}

// bindings reads every binding of a merged wrangler tree, variables first, in the
// order in which wrangler uploads them.
func (r *resolver) bindings(tree *source.Value) []Binding {
	var out []Binding
	var plain, json []Binding
	for _, p := range r.vars(tree.Get("vars")) {
		if p.Value.Kind == source.String {
			plain = append(plain, Binding{Kind: "plain_text", Name: p.Key, Text: p.Value.Text, Pos: p.Value.Pos})
		} else {
			json = append(json, Binding{Kind: "json", Name: p.Key, JSON: p.Value.Any(), Pos: p.Value.Pos})
		}
	}
	out = append(plain, json...)
	for _, k := range bindingKinds() {
		list := tree.Get(k.at...).List()
		if v := tree.Get(k.at...); k.one && v != nil {
			list = []*source.Value{v}
		}
		for _, v := range list {
			if b, ok := r.binding(k, v); ok {
				out = append(out, b)
			}
		}
	}
	for _, v := range tree.Get("unsafe", "bindings").List() {
		b := Binding{Kind: v.Get("type").Str(), Name: v.Get("name").Str(), Pos: v.Get("name").At()}
		for _, p := range v.Map() {
			if p.Key != "type" && p.Key != "name" && p.Key != "dev" {
				b.extra(p.Key, p.Value.Any())
			}
		}
		out = append(out, b)
	}
	r.uniqueNames(out)
	return out
}

func (b *Binding) extra(key string, v any) {
	if b.Extra == nil {
		b.Extra = map[string]any{}
	}
	b.Extra[key] = v
}

func (r *resolver) binding(k bindingKind, v *source.Value) (Binding, bool) {
	nameKey := k.named
	if nameKey == "" {
		nameKey = "binding"
	}
	b := Binding{Kind: k.kind, Name: v.Get(nameKey).Str(), Pos: v.Get(nameKey).At()}
	if b.Name == "" { // assets without a binding; elsewhere the shape has been reported
		return b, false
	}
	for _, pair := range strings.Fields(k.copy) {
		from, to, ok := strings.Cut(pair, "=")
		if !ok {
			to = from
		}
		if f := v.Get(from); f != nil && f.Kind != source.Null {
			r.field(&b, to, f)
		}
	}
	if k.needs != "" && !anyOf(v, strings.Fields(k.needs)) {
		r.fail("C011", v.Pos, fmt.Sprintf("the binding %q needs %s", b.Name, strings.Join(strings.Fields(k.needs), " or ")),
			"clodo makes databases, KV namespaces, R2 buckets and queues; anything else must exist", fmt.Sprintf("add %q, naming one that exists", strings.Fields(k.needs)[0]))
	}
	switch b.Kind {
	case "send_email": // wrangler sends one of the two
		if b.Extra["destination_address"] != nil {
			delete(b.Extra, "allowed_destination_addresses")
		}
	case "vpc_network":
		if b.Extra["tunnel_id"] != nil {
			delete(b.Extra, "network_id")
		}
	case "pipelines":
		if b.Extra["stream"] != nil {
			delete(b.Extra, "pipeline")
		}
	case "d1":
		r.migrations(&b, v)
	}
	if k.makes && b.ID == "" && b.Resource == "" {
		b.Resource = defaultResource(r.name, b.Name)
	}
	return b, true
}

func (r *resolver) field(b *Binding, to string, v *source.Value) {
	switch to {
	case "#id":
		b.ID = v.Str()
	case "#resource":
		b.Resource = v.Str()
	case "#class":
		b.ClassName = v.Str()
	case "#script":
		b.ScriptName = v.Str()
	case "#service":
		b.Service = v.Str()
	case "#entrypoint":
		b.Entrypoint = v.Str()
	case "outbound":
		b.extra(to, outbound(v))
	default:
		b.extra(to, v.Any())
	}
}

// outbound is a dispatch namespace's outbound Worker in the words of the API.
func outbound(v *source.Value) map[string]any {
	worker := map[string]any{"service": v.Get("service").Str()}
	if e := v.Get("environment").Str(); e != "" {
		worker["environment"] = e
	}
	out := map[string]any{"worker": worker}
	if p := v.Get("parameters"); p != nil {
		var params []any
		for _, item := range p.List() {
			params = append(params, map[string]any{"name": item.Str()})
		}
		out["params"] = params
	}
	return out
}

// migrations finds the folder of a database's migrations: the one that is written,
// else wrangler's default when it exists.
func (r *resolver) migrations(b *Binding, v *source.Value) {
	b.MigrationsTable = "d1_migrations"
	if t := v.Get("migrations_table").Str(); t != "" {
		b.MigrationsTable = t
	}
	dir := v.Get("migrations_dir").Str()
	switch {
	case dir != "":
		b.MigrationsDir = r.path(dir)
	case isDir(filepath.Join(r.dir, "migrations")):
		b.MigrationsDir = filepath.Join(r.dir, "migrations")
	}
	if p := v.Get("migrations_pattern"); p != nil && p.Str() != "" {
		r.fail("C016", p.Pos, "clodo does not read migrations_pattern yet", "it takes the .sql files of migrations_dir in the order of their names", "put the files into one folder and remove migrations_pattern")
	}
}

// defaultResource is the name that wrangler gives to a resource that has none.
func defaultResource(worker, binding string) string {
	return worker + "-" + strings.ReplaceAll(strings.ToLower(binding), "_", "-")
}

func anyOf(v *source.Value, keys []string) bool {
	for _, k := range keys {
		if f := v.Get(k); f != nil && f.Kind != source.Null {
			return true
		}
	}
	return false
}

// uniqueNames reports two bindings with one name: the later one would win silently.
func (r *resolver) uniqueNames(all []Binding) {
	seen := map[string]diag.Position{}
	for _, b := range all {
		if first, twice := seen[b.Name]; twice {
			r.fail("C024", b.Pos, fmt.Sprintf("two bindings are called %q", b.Name), "the first one is at "+first.String(), "rename one of the two, here and in the code")
			continue
		}
		seen[b.Name] = b.Pos
	}
}
