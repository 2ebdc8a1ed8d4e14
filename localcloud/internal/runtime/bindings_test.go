package runtime

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tamylaa/clodo/localcloud/internal/ai"
	"github.com/tamylaa/clodo/localcloud/internal/clock"
	"github.com/tamylaa/clodo/localcloud/internal/vectorize"
)

// each is a Worker that answers what every use of its bindings gave, as JSON.
func each(uses ...string) string {
	return `
async function attempt(f) { try { return await f() } catch (e) { return "threw " + e.message } }
export default { async fetch(request, env, ctx) {
	const out = [];
	for (const use of [` + "() => " + strings.Join(uses, ", () => ") + `]) out.push(await attempt(use));
	return Response.json(out);
} }`
}

func TestWorkersShareTheCountersOfARateLimit(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	const binding = `{"type":"ratelimit","name":"LIMIT","namespace_id":"7","simple":{"limit":2,"period":60}}`
	use := `env.LIMIT.limit({ key: new URL(request.url).pathname }).then((r) => r.success)`
	bad := []string{`env.LIMIT.limit()`, `env.LIMIT.limit({ keys: "a" })`, `env.LIMIT.limit({ key: 1 })`, `env.LIMIT.limit({ key: "a", period: 5 })`}
	c.apply(worker("a", c.version(each(use), binding)), worker("b", c.version(each(append(bad, use)...), binding)),
		worker("c", c.version(each(use), strings.Replace(binding, `"7"`, `"8"`, 1))))
	c.want("http://a.localhost/x", 200, "[true]")
	c.want("http://a.localhost/x", 200, "[true]")
	c.want("http://b.localhost/x", 200, `["threw invalid rate limit options","threw bad rate limit options: [keys]","threw invalid key: 1","threw unsupported period: 5",false]`)
	c.want("http://a.localhost/y", 200, "[true]")
	c.want("http://c.localhost/x", 200, "[true]")
}

func TestTheVectorizeBindingSearchesItsIndex(t *testing.T) {
	t.Parallel()
	vectors, err := vectorize.Open(filepath.Join(t.TempDir(), "vectors.db"), &clock.Clock{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = vectors.Close() })
	if _, err := vectors.Create(t.Context(), vectorize.Index{Account: "acc", Name: "i", Dimensions: 2, Metric: vectorize.Euclidean}); err != nil {
		t.Fatal(err)
	}
	c := newCloudIn(t, t.TempDir(), func(o *Options) { o.Resources["vectorize"] = vectors.Binding })
	c.apply(worker("a", c.version(each(
		`env.V.insert([{ id: "x", values: [0, 0], metadata: { a: 1 } }, { id: "y", values: new Float32Array([3, 4]), namespace: "n" }]).then((r) => r.mutationId.length)`,
		`env.V.upsert([{ id: "z", values: [0, 1] }]).then((r) => r.mutationId.length)`,
		`env.V.query([0, 0], { topK: 2, returnMetadata: true })`,
		`env.V.queryById("y", { topK: 1, namespace: "n", returnValues: true })`,
		`env.V.getByIds(["z", "nope"])`,
		`env.V.deleteByIds(["z"]).then(() => env.V.describe()).then((d) => [d.dimensions, d.vectorCount])`,
		`env.V.query([0])`,
		`env.V.insert([{ id: "bad", values: [1] }])`,
		`env.GONE.describe()`,
	), `{"type":"vectorize","name":"V","index_name":"i"}`, `{"type":"vectorize","name":"GONE","index_name":"gone"}`)))
	c.want("http://a.localhost/", 200, `[36,36,`+
		`{"count":2,"matches":[{"id":"x","metadata":{"a":1},"score":0},{"id":"z","score":1}]},`+
		`{"count":1,"matches":[{"id":"y","values":[3,4],"namespace":"n","score":0}]},`+
		`[{"id":"z","values":[0,1]}],[2,2],`+
		`"threw VECTOR_QUERY_ERROR (code = 40006): invalid query vector, expected 2 dimensions, and got 1 dimensions",`+
		`"threw VECTOR_INSERT_ERROR (code = 40012): invalid vector for id=\"bad\", expected 2 dimensions, and got 1 dimensions",`+
		`"threw INDEX_GET_ERROR (code = 3000): vectorize.not_found: there is no index \"gone\""]`)
}

func TestTheAIBindingAsksTheUpstream(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inputs, _ := io.ReadAll(r.Body)
		switch r.URL.Path {
		case "/@cf/meta/llama":
			w.Header().Set("Content-Type", "application/json")
			_, _ = fmt.Fprintf(w, `{"success":true,"result":{"response":%q}}`, inputs)
		case "/stream":
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, "data: 1\n\n")
		default:
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{"errors":[{"code":7000,"message":"no such model"}]}`)
		}
	}))
	t.Cleanup(server.Close)
	uses := []string{
		`env.AI.run("@cf/meta/llama", { prompt: "hi" })`,
		`env.AI.run("stream", { prompt: "hi", stream: true }).then((s) => new Response(s).text())`,
		`env.AI.run("none", {})`,
		`env.AI.gateway("g").getUrl()`,
	}
	for upstream, want := range map[string]string{
		server.URL: `[{"response":"{\"prompt\":\"hi\"}"},"data: 1\n\n","threw 7000: no such model","threw`,
		"":         `["threw 5000: the local cloud has no models: start it with --ai-upstream URL to have a server run them","threw 5000: the local`,
	} {
		models, err := ai.New(ai.Options{Upstream: upstream})
		if err != nil {
			t.Fatal(err)
		}
		c := newCloudIn(t, t.TempDir(), func(o *Options) { o.Resources["ai"] = models.Binding })
		c.apply(worker("a", c.version(each(uses...), `{"type":"ai","name":"AI"}`)))
		if _, got := c.get("http://a.localhost/"); !strings.HasPrefix(got, want) {
			t.Errorf("with the upstream %q the Worker was told\n %s\nwant %s…", upstream, got, want)
		}
	}
}

func TestASecretKeyIsUsedAndNotRead(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.apply(worker("a", c.version(each(
		`env.RAW.type + " " + env.RAW.extractable + " " + env.RAW.usages`,
		`crypto.subtle.sign("HMAC", env.RAW, new TextEncoder().encode("text")).then((b) => crypto.subtle.verify("HMAC", env.JWK, b, new TextEncoder().encode("text")))`,
		`crypto.subtle.exportKey("raw", env.RAW)`,
	),
		`{"type":"secret_key","name":"RAW","algorithm":{"name":"HMAC","hash":"SHA-256"},"format":"raw","usages":["sign","verify"],"key_base64":"AAECAwQFBgcICQoLDA0ODw=="}`,
		`{"type":"secret_key","name":"JWK","algorithm":{"name":"HMAC","hash":"SHA-256"},"format":"jwk","usages":["verify"],"key_jwk":{"kty":"oct","k":"AAECAwQFBgcICQoLDA0ODw","alg":"HS256"}}`)))
	if _, got := c.get("http://a.localhost/"); !strings.HasPrefix(got, `["secret false sign,verify",true,"threw`) {
		t.Errorf("the Worker was told %s\n%s", got, c.log)
	}
	bad := c.version(hello, `{"type":"secret_key","name":"K","algorithm":"AES-GCM","format":"raw","usages":["x), evil = ("],"key_base64":"AA=="}`)
	if _, err := c.Check(t.Context(), "acc", "w", bad, nil); err == nil || !strings.Contains(err.Error(), "usage") {
		t.Errorf("a usage that is no word: %v", err)
	}
}

func TestALoaderRunsCodeThatAWorkerMakes(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.apply(worker("a", c.version(each(
		`env.LOADER.get("x", async () => ({ compatibilityDate: "2026-01-01", mainModule: "m.js", modules: { "m.js": "export default { fetch(r, env) { return new Response('made ' + env.WHO) } }" }, env: { WHO: "here" } })).getEntrypoint().fetch("http://x/").then((r) => r.text())`,
	), `{"type":"worker_loader","name":"LOADER"}`)))
	c.want("http://a.localhost/", 200, `["made here"]`)
}
