package runtime

// How a kind of binding works here.
const (
	Native  = "native"  // workerd has it
	Local   = "local"   // this program stands behind it
	Fails   = "fails"   // the upload is taken; whatever is done with the binding throws Note
	Refused = "refused" // an upload that has it is refused by name
)

// Kind is one kind of binding that Cloudflare knows.
type Kind struct {
	Name    string // its type in an upload's metadata
	State   string // Native, Local, Fails or Refused
	Note    string // what is not there, or is done in another way
	Objects []Object
}

// Object is what a Worker gets for the expression Of, in which env.X is the binding,
// and the methods that it then has.
type Object struct {
	Of      string
	Methods []string // sorted
}

// of is an Object by the expression and the methods.
func of(expression string, methods ...string) Object { return Object{Of: expression, Methods: methods} }

// Caches is the Cache API, which a Worker has without a binding, as far as workerd
// implements it; X is a name.
func Caches() []Object {
	return []Object{
		of("caches", "open"),
		of("caches.default", "delete", "match", "put"),
		of(`caches.open("X")`, "delete", "match", "put"),
	}
}

// Kinds are all kinds of bindings. A product that the local cloud lacks is accepted
// where a Worker is of use without it: it fails when it is used, and says why. Refused
// is what a deployment has to set up at Cloudflare beside the upload.
func Kinds() []Kind {
	return []Kind{
		{Name: "plain_text", State: Native},
		{Name: "secret_text", State: Native},
		{Name: "secret_key", State: Native},
		{Name: "json", State: Native},
		{Name: "text_blob", State: Native, Note: "service workers only"},
		{Name: "data_blob", State: Native, Note: "service workers only"},
		{Name: "wasm_module", State: Native, Note: "service workers only"},
		{Name: "version_metadata", State: Native},
		{Name: "service", State: Native, Objects: []Object{of("env.X", "connect", "fetch")}},
		{Name: "durable_object_namespace", State: Native, Objects: []Object{
			of("env.X", "get", "getByName", "idFromName", "idFromString", "jurisdiction", "newUniqueId"),
			of(`env.X.idFromName("a")`, "equals", "toString"),
		}},
		{Name: "assets", State: Native, Objects: []Object{of("env.X", "connect", "fetch")}},
		{Name: "worker_loader", State: Native, Objects: []Object{of("env.X", "get", "load")}},
		{Name: "d1", State: Local, Objects: []Object{
			of("env.X", "batch", "dump", "exec", "prepare", "query", "withSession"),
			of(`env.X.prepare("SELECT 1")`, "all", "bind", "first", "raw", "run"),
			of("env.X.withSession()", "batch", "getBookmark", "prepare"),
		}},
		{Name: "kv_namespace", State: Local, Objects: []Object{of("env.X", "delete", "get", "getWithMetadata", "list", "put")}},
		{Name: "dispatch_namespace", State: Local, Note: "user Workers are called by fetch only; limits are not enforced; there are no outbound Workers", Objects: []Object{of("env.X", "get"), of(`env.X.get("a")`, "fetch")}},
		{Name: "ai", State: Local, Note: "models run on the server of --ai-upstream, and without one every call fails; of the methods only run does anything, without AI Gateway and WebSockets", Objects: []Object{of("env.X", "aiSearch", "autorag", "fetch", "gateway", "getLogs", "models", "run", "toMarkdown", "websearch")}},
		{Name: "vectorize", State: Local, Note: "searches are exact, and changes are there at once", Objects: []Object{of("env.X", "deleteByIds", "describe", "getByIds", "insert", "query", "queryById", "upsert")}},
		{Name: "analytics_engine", State: Local, Note: "the number of points of an invocation is not limited; nothing is sampled", Objects: []Object{of("env.X", "writeDataPoint")}},
		{Name: "ratelimit", State: Local, Note: "counts exactly, where Cloudflare counts in each of its places by itself", Objects: []Object{of("env.X", "limit")}},
		{Name: "r2_bucket", State: Local, Objects: []Object{of("env.X", "createMultipartUpload", "delete", "get", "head", "list", "put", "resumeMultipartUpload")}},
		{Name: "send_email", State: Local, Note: "email goes into a mailbox on this machine", Objects: []Object{of("env.X", "send")}},
		{Name: "secrets_store_secret", State: Local, Note: "the store of a binding is there from the upload on; its secrets are set through the API, and until then get() throws", Objects: []Object{of("env.X", "get")}},
		{Name: "queue", State: Local, Objects: []Object{of("env.X", "metrics", "send", "sendBatch")}},
		fails("agent_memory", "has no agent memory"),
		fails("ai_search", "has no AI Search"),
		fails("ai_search_namespace", "has no AI Search"),
		fails("analytics", "has no analytics of Cloudflare's own Workers"),
		fails("artifacts", "has no Artifacts"),
		fails("browser", "has no browser rendering"),
		fails("flagship", "has no Flagship"),
		fails("hyperdrive", "has no Hyperdrive: connect to the database by its own address"),
		fails("images", "has no Images"),
		fails("k2", "has no K2"),
		fails("logfwdr", "forwards no logs"),
		fails("media", "has no Media Transformations"),
		fails("mtls_certificate", "keeps no client certificates"),
		fails("pipelines", "has no Pipelines"),
		fails("stream", "has no Stream"),
		fails("unsafe_hello_world", "has no hello-world binding"),
		fails("vpc_network", "reaches no private networks of Cloudflare"),
		fails("vpc_service", "reaches no private networks of Cloudflare"),
		{Name: "workflow", State: Refused, Note: "a workflow is registered and run by a service that is not there"},
	}
}

func fails(name, note string) Kind {
	return Kind{Name: name, State: Fails, Note: "the local cloud " + note}
}

// KindOf is the kind of that name.
func KindOf(name string) (Kind, bool) {
	for _, k := range Kinds() {
		if k.Name == name {
			return k, true
		}
	}
	return Kind{}, false
}
