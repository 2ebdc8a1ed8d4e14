package localcloud

import (
	"regexp"
	"strings"
	"testing"

	"github.com/tamylaa/clodo/internal/npmtest"
)

func TestWranglerAndTheOtherBindings(t *testing.T) {
	t.Parallel()
	for _, version := range []string{npmtest.WranglerOld, npmtest.WranglerCurrent} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			p := newProject(t, version)
			p.userWorkers()
			p.vectors()
			p.manyBindings(p.storedSecret())
			p.versionSecrets()
		})
	}
}

const plainWorker = `export default { fetch() { return new Response("NAME") } };`

// userWorkers makes a dispatch namespace with a Worker in it.
func (p *project) userWorkers() {
	p.write("user/wrangler.jsonc", `{"name": "ann", "main": "index.js", "compatibility_date": "2026-04-01"}`)
	p.write("user/index.js", strings.ReplaceAll(plainWorker, "NAME", "user ann"))
	p.run("Created dispatch namespace", "dispatch-namespace", "create", "customers")
	p.run("customers", "dispatch-namespace", "list")
	p.run("Renamed dispatch namespace", "dispatch-namespace", "rename", "customers", "people")
	p.run("people", "dispatch-namespace", "get", "people")
	p.run("Dispatch Namespace: people", "deploy", "--cwd", "user", "--dispatch-namespace", "people")
}

// vectors makes a Vectorize index and searches it.
func (p *project) vectors() {
	p.write("vectors.ndjson", `{"id":"cat","values":[1,0,0],"metadata":{"kind":"animal"}}
{"id":"car","values":[0,0,1],"metadata":{"kind":"thing"}}
`)
	p.run("words", "vectorize", "create", "words", "--dimensions", "3", "--metric", "cosine")
	p.run("words", "vectorize", "list")
	p.run("", "vectorize", "create-metadata-index", "words", "--property-name", "kind", "--type", "string")
	p.run("2 vectors", "vectorize", "insert", "words", "--file", "vectors.ndjson")
	p.run("vectorCount", "vectorize", "info", "words", "--json")
	if out := p.run(`"id": "cat"`, "vectorize", "query", "words", "--vector", "1", "--vector", "0.1", "--vector", "0", "--top-k", "1", "--filter", `{"kind":"animal"}`); strings.Contains(out, `"car"`) {
		p.t.Errorf("the filter let through what it should not: %s", out)
	}
}

// storedSecret makes a secret in the Secrets Store and gives the id of its store.
func (p *project) storedSecret() (store string) {
	out := p.run("Created store", "secrets-store", "store", "create", "keys", "--remote")
	store = regexp.MustCompile(`[0-9a-f]{32}`).FindString(out)
	p.run("keys", "secrets-store", "store", "list", "--remote")
	p.run("", "secrets-store", "secret", "create", store, "--name", "KEY", "--value", "first", "--scopes", "workers", "--remote")
	id := ""
	for _, found := range regexp.MustCompile(`[0-9a-f]{32}`).FindAllString(p.run("KEY", "secrets-store", "secret", "list", store, "--remote"), -1) {
		if found != store {
			id = found
		}
	}
	p.run("", "secrets-store", "secret", "update", store, "--secret-id", id, "--value", "second", "--scopes", "workers", "--remote")
	p.run("KEY", "secrets-store", "secret", "get", store, "--secret-id", id, "--remote")
	p.run("", "secrets-store", "secret", "duplicate", store, "--secret-id", id, "--name", "COPY", "--scopes", "workers", "--remote")
	p.run("", "secrets-store", "secret", "delete", store, "--secret-id", id, "--remote")
	return store
}

// manyBindings deploys a Worker that uses one binding of each kind.
func (p *project) manyBindings(store string) {
	p.write("wrangler.jsonc", `{
	"name": "web", "main": "index.js", "compatibility_date": "2026-04-01",
	"dispatch_namespaces": [{ "binding": "USERS", "namespace": "people" }],
	"vectorize": [{ "binding": "WORDS", "index_name": "words" }],
	"ratelimits": [{ "name": "LIMIT", "namespace_id": "7", "simple": { "limit": 1, "period": 60 } }],
	"ai": { "binding": "AI" },
	"images": { "binding": "IMAGES" },
	"secrets_store_secrets": [{ "binding": "COPY", "store_id": "`+store+`", "secret_name": "COPY" }, { "binding": "KEY", "store_id": "`+store+`", "secret_name": "KEY" }],
	"version_metadata": { "binding": "VERSION" },
}`)
	p.write("index.js", `
const attempt = async (f) => { try { return await f() } catch (e) { return "threw " + e.message } };
export default { async fetch(request, env) {
	if (new URL(request.url).pathname === "/secrets") return new Response([env.A, env.B].join(","));
	return Response.json([
		await attempt(async () => (await env.USERS.get("ann").fetch("https://ann.example/")).text()),
		await attempt(() => env.USERS.get("bob").fetch("https://bob.example/")),
		await attempt(async () => (await env.WORDS.query([1, 0, 0], { topK: 1 })).matches[0].id),
		await attempt(async () => (await env.LIMIT.limit({ key: request.url })).success),
		await attempt(() => env.AI.run("model", {})),
		await attempt(() => env.IMAGES.input(null)),
		await attempt(() => env.COPY.get()),
		await attempt(() => env.KEY.get()),
	]);
} };`)
	p.run(workersDev, "deploy")
	p.serves(workersDev, "/", `["user ann","threw Worker not found.","cat",true,`+
		`"threw 5000: the local cloud has no models: start it with --ai-upstream URL to have a server run them",`+
		`"threw binding \"IMAGES\": the local cloud has no Images","second","threw Secret \"KEY\" not found"]`)
}

// versionSecrets sets secrets of versions, and goes back over their changes.
func (p *project) versionSecrets() {
	p.runWith("1", "", "secret", "put", "A")
	var list struct {
		Deployments []struct {
			Versions []struct {
				ID string `json:"version_id"`
			}
		}
	}
	served := func() string {
		p.t.Helper()
		p.api("/workers/scripts/web/deployments", &list)
		return list.Deployments[0].Versions[0].ID
	}
	before := served()
	p.runWith("2", "", "versions", "secret", "put", "A")
	p.serves(workersDev, "/secrets", "1,")
	// The newest version does not serve: an edit would make it.
	if out, err := p.try("3", "secret", "put", "A"); err == nil || !strings.Contains(out, "latest version") {
		p.t.Errorf("a secret was set over a version that does not serve: %v\n%s", err, out)
	}
	p.write("more.json", `{"B": "b"}`)
	p.run("", "versions", "secret", "bulk", "more.json")
	p.run("B", "versions", "secret", "list", "--latest-version")
	p.run("", "versions", "secret", "delete", "A")
	var versions struct{ Items []struct{ ID string } }
	p.api("/workers/scripts/web/versions?deployable=true", &versions)
	p.run("", "versions", "deploy", versions.Items[0].ID+"@100%", "--yes")
	p.serves(workersDev, "/secrets", ",b")
	p.run("secrets have changed since version "+before, "rollback", before, "--yes", "--message", "back")
	p.serves(workersDev, "/secrets", "1,")
	p.run("", "dispatch-namespace", "delete", "people")
}
