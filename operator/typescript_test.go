package operator_test

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tamylaa/clodo/deploy"
	"github.com/tamylaa/clodo/internal/npmtest"
	"github.com/tamylaa/clodo/operator"
	"github.com/tamylaa/clodo/project"
	"github.com/tamylaa/clodo/scaffold"
)

// typescriptPortfolio is a portfolio with one service of every type, in TypeScript, named
// after its type. tsc and node are run in it.
func typescriptPortfolio(t *testing.T) (dir string, tsc, node npmtest.Tool) {
	t.Helper()
	dir = portfolioOf(t, "ts")
	addFront(t, dir)
	tsc, modules := npmtest.TypeScript(t)
	if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	return dir, tsc, npmtest.Node(t)
}

// addFront adds a service that uses flags and calls others, one of them by its OpenAPI
// document.
func addFront(t *testing.T, dir string) {
	t.Helper()
	for from, to := range map[string]string{
		"index.ts": "services/front/src/index.ts", "wrangler.jsonc": "services/front/wrangler.jsonc", "openapi.yaml": "services/data-service/openapi.yaml",
	} {
		text, err := os.ReadFile(filepath.Join("testdata", "front", from))
		if err != nil {
			t.Fatal(err)
		}
		write(t, dir, to, string(text))
	}
	const gateway = "services/api-gateway/wrangler.jsonc"
	text, err := os.ReadFile(filepath.Join(dir, gateway))
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte("key")) // as its README says
	changed := strings.NewReplacer(`"ROUTES": {}`, `"ROUTES": { "hello": "worker" }`, `"API_KEYS": {}`, fmt.Sprintf(`"API_KEYS": { "%x": "shop" }`, digest),
		`"observability"`, `"services": [{ "binding": "WORKER", "service": "worker" }, { "binding": "GREETER", "service": "front", "entrypoint": "Greeter" }], "observability"`).Replace(string(text))
	write(t, dir, gateway, changed)
	write(t, dir, "services/api-gateway/src/greet.ts", `import type { Env } from "./clodo.gen.ts";

export const greet = async (env: Env): Promise<string> => await env.GREETER.greet("Ada");

// @ts-expect-error: the entrypoint has no such method
export const wrong = (env: Env) => env.GREETER.shout("Ada");
`)
	config, err := os.ReadFile(filepath.Join(dir, "clodo.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "services/front/tsconfig.json", `{ "extends": "../worker/tsconfig.json", "include": ["src"] }`)
	write(t, dir, "clodo.yaml", string(config)+`
  front: { path: services/front, inherit: all }

features:
  premium: { default: false, runtime: true }
  theme: { type: enum, values: [light, dark], default: light }
  hidden: { default: false }
`)
}

// Every type of service in TypeScript passes the compiler and its own test, and works on
// the Cloudflare on this machine.
func TestServicesInTypeScript(t *testing.T) {
	t.Parallel()
	dir, tsc, node := typescriptPortfolio(t)
	op := open(t, dir)
	if _, _, err := op.Types(t.Context(), operator.TypesRequest{}); err != nil {
		t.Fatal(err)
	}
	var tools sync.WaitGroup // beside the deployment
	for _, typ := range append(scaffold.Types(), "front") {
		tools.Go(func() {
			service := filepath.Join(dir, "services", typ)
			if out, err := tsc.Command(t.Context(), service).CombinedOutput(); err != nil {
				t.Errorf("%s: tsc: %v\n%s", typ, err, out)
			}
			if typ == "front" {
				return // this test is its test
			}
			if out, err := node.Command(t.Context(), service, "--no-warnings", "test/index.test.ts").CombinedOutput(); err != nil {
				t.Errorf("%s: its test: %v\n%s", typ, err, out)
			}
		})
	}
	defer tools.Wait()

	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "the origin's ", r.URL) }))
	t.Cleanup(origin.Close)
	write(t, dir, "services/edge-proxy/.dev.vars", "ORIGIN="+origin.URL+"\n")
	report, err := op.Check(t.Context())
	if err != nil || len(report.Findings) > 0 {
		t.Fatal(err, report.Findings)
	}
	files, warnings, err := op.Types(t.Context(), operator.TypesRequest{Check: true})
	if err != nil || len(files) != len(scaffold.Types())+1 || len(warnings) > 0 {
		t.Fatalf("clodo types --check: %v, %v, %v", files, warnings, err)
	}
	for _, target := range ship(t, op, project.Selector{}).Targets {
		if target.Outcome != deploy.Released {
			t.Errorf("%+v", target)
		}
	}
	changed, err := op.SetFlag(t.Context(), operator.FlagScope{}, operator.FlagChange{Flag: "premium", Value: true})
	if err != nil || len(changed) != 1 || !changed[0].Changed {
		t.Fatalf("premium: %+v, %v", changed, err)
	}
	c := newCaller(t, op)
	t.Run("flags and calls", c.front)
	t.Run("worker", func(t *testing.T) { c.wants(t, "worker", "GET", "/?name=Ada", "", 200, `"message":"Hello, Ada!"`) })
	t.Run("data-service", c.data)
	t.Run("auth-service", c.auth)
	t.Run("content-service", c.content)
	t.Run("api-gateway", func(t *testing.T) {
		c.wants(t, "api-gateway", "GET", "/hello", "", 401, `"code":"unauthorized"`)
		c.wants(t, "api-gateway", "GET", "/hello/?name=Ada", "", 200, `"message":"Hello, Ada!"`, "X-API-Key", "key")
		c.wants(t, "api-gateway", "GET", "/orders/7", "", 404, "There is no route for /orders", "X-API-Key", "key")
		c.wants(t, "api-gateway", "GET", "/health", "", 200, `"ok"`)
	})
	t.Run("static-site", func(t *testing.T) {
		c.wants(t, "static-site", "GET", "/", "", 200, "<title>Static site</title>")
		c.wants(t, "static-site", "GET", "/api/site", "", 200, `"environment":"local"`)
	})
	t.Run("queue-processor", c.queue)
	t.Run("cron-worker", func(t *testing.T) {
		c.wants(t, "cron-worker", "GET", "/cdn-cgi/handler/scheduled?cron=*/15+*+*+*+*&time=1793500200000", "", 200, "ok")
		c.wants(t, "cron-worker", "GET", "/runs", "", 200, `"result":"alive","failed":false`)
	})
	t.Run("edge-proxy", func(t *testing.T) {
		c.wants(t, "edge-proxy", "GET", "/page?a=b", "", 200, "the origin's /page?a=b")
	})
	t.Run("ai-worker", func(t *testing.T) {
		c.wants(t, "ai-worker", "POST", "/chat", `{}`, 422, `"field":"messages"`)
		c.wants(t, "ai-worker", "POST", "/chat", `{"messages":[{"role":"user","content":"Who are you?"}]}`, 503, "model_failed")
	})
	t.Run("health", func(t *testing.T) {
		elsewhere := map[string]string{"static-site": "/api/health", "edge-proxy": "/_health"}
		for _, typ := range scaffold.Types() {
			c.wants(t, typ, "GET", cmp.Or(elsewhere[typ], "/health"), "", 200, `"status":"ok"`)
		}
	})
}

// caller asks the Workers of a local cloud.
type caller struct {
	info operator.CloudInfo
}

func newCaller(t *testing.T, op *operator.Operator) caller {
	t.Helper()
	info, err := op.Cloud(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return caller{info}
}

// ask sends a request to a Worker; header has names and values in turn.
func (c caller) ask(t *testing.T, service, method, path, body string, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, c.info.Data+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Host = service + "-local.localhost"
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(b)
}

func (c caller) wants(t *testing.T, service, method, path, body string, status int, part string, header ...string) string {
	t.Helper()
	res, text := c.ask(t, service, method, path, body, header...)
	if res.StatusCode != status || !strings.Contains(text, part) {
		t.Errorf("%s %s: %d %s; want %d with %s", method, path, res.StatusCode, text, status, part)
	}
	return text
}

// field is a text in an answer in JSON.
func field(t *testing.T, answer, name string) string {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(answer), &m); err != nil {
		t.Fatalf("%v: %s", err, answer)
	}
	s, _ := m[name].(string)
	if s == "" {
		t.Fatalf("%s has no %s", answer, name)
	}
	return s
}

func (c caller) front(t *testing.T) {
	const service = "front"
	c.wants(t, service, "GET", "/me", "", 200, `"service":"front","environment":"local","customer":"","domain":"front-local.localhost","version":"`)
	c.wants(t, service, "GET", "/greeting", "", 200, `"message":"Hello, Front!"`)
	c.wants(t, service, "GET", "/flags", "", 200, `[{"value":true,"reason":"runtime-environment"},{"value":"light","reason":"default"},false]`)
	c.wants(t, service, "GET", "/premium", "", 200, "paid")
	c.wants(t, service, "GET", "/hidden", "", 404, `{"error":"Feature not available","feature":"hidden","message":"The hidden feature is not enabled for this domain"}`)
	c.wants(t, service, "GET", "/notes", "", 200, `["from the front"]`)
	c.wants(t, service, "GET", "/wrong", "", 200, `[422,"MIN_LENGTH_VIOLATION"]`)
	c.wants(t, service, "GET", "/down", "", 503, `"code":"service_unavailable"`)
}

func (c caller) data(t *testing.T) {
	const service = "data-service"
	one := field(t, c.wants(t, service, "POST", "/notes", `{"title":"one"}`, 201, `"state":"open"`), "id")
	c.wants(t, service, "POST", "/notes", `{"title":"two"}`, 201, "")
	first := c.wants(t, service, "GET", "/notes?limit=2", "", 200, `"title":`)
	second := c.wants(t, service, "GET", "/notes?limit=2&cursor="+field(t, first, "next"), "", 200, `"next":null`)
	for _, title := range []string{"one", "two", "from the front"} {
		if n := strings.Count(first+second, `"title":"`+title+`"`); n != 1 {
			t.Errorf("%q is on the pages %d times: %s %s", title, n, first, second)
		}
	}
	c.wants(t, service, "PATCH", "/notes/"+one, `{"state":"done"}`, 200, `"state":"done"`)
	c.wants(t, service, "POST", "/notes", `{"title":"'); DROP TABLE notes; --","state":"lost"}`, 422, "ENUM_VIOLATION")
	c.wants(t, service, "GET", "/notes?state='%20OR%201=1", "", 200, `"data":[]`)
	c.wants(t, service, "DELETE", "/notes/"+one, "", 204, "")
	c.wants(t, service, "GET", "/notes/"+one, "", 404, `"code":"not_found"`)
}

func (c caller) auth(t *testing.T) {
	const service = "auth-service"
	c.wants(t, service, "POST", "/sign-in", `{"email":"ada@example.com"}`, 202, "on its way")
	link := regexp.MustCompile(`/verify\?token=[\w-]+`).FindString(c.mail(t, "ada@example.com"))
	c.wants(t, service, "GET", link, "", 200, `<form method="post">`)
	token := field(t, c.wants(t, service, "POST", link, "", 200, `"Bearer"`), "access_token")
	c.wants(t, service, "POST", link, "", 401, "invalid_link")
	c.wants(t, service, "GET", "/me", "", 200, `"email":"ada@example.com"`, "Authorization", "Bearer "+token)
	c.wants(t, service, "GET", "/me", "", 401, "unauthorized", "Authorization", "Bearer "+token+"x")
	c.wants(t, service, "GET", "/me", "", 401, "unauthorized")
}

// mail is the text of what was sent to an address last.
func (c caller) mail(t *testing.T, to string) string {
	t.Helper()
	get := func(path string) []byte {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, strings.TrimSuffix(c.info.API, "/client/v4")+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+c.info.APIToken)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	list := string(get("/local/mailbox"))
	if !strings.Contains(list, to) {
		t.Fatalf("no email to %s: %s", to, list)
	}
	id := regexp.MustCompile(`"id":\s*"([^"]+)"`).FindStringSubmatch(list)
	if id == nil {
		t.Fatalf("no email has an id: %s", list)
	}
	m, err := mail.ReadMessage(bytes.NewReader(get("/local/mailbox/" + id[1])))
	if err != nil {
		t.Fatal(err)
	}
	part := m.Body
	for kind := m.Header.Get("Content-Type"); strings.HasPrefix(kind, "multipart/"); {
		_, words, err := mime.ParseMediaType(kind)
		if err != nil {
			t.Fatal(err)
		}
		first, err := multipart.NewReader(part, words["boundary"]).NextPart() // it also decodes
		if err != nil {
			t.Fatal(err)
		}
		part, kind = first, first.Header.Get("Content-Type")
	}
	b, err := io.ReadAll(part)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func (c caller) content(t *testing.T) {
	const service = "content-service"
	text := strings.Repeat("0123456789", 1000)
	made := c.wants(t, service, "POST", "/files?title=A+report+of+May", text, 201, `"size":10000`, "Content-Type", "text/plain")
	c.wants(t, service, "POST", "/files?title=Pictures", "png", 201, "", "Content-Type", "image/png")
	c.wants(t, service, "GET", "/files?q=report", "", 200, `"title":"A report of May"`)
	c.wants(t, service, "GET", "/files?q=nothing", "", 200, `"data":[]`)
	file := "/files/" + field(t, made, "id")
	res, body := c.ask(t, service, "GET", file+"/content", "")
	if body != text || res.Header.Get("Content-Type") != "text/plain" {
		t.Errorf("got %d bytes of %s", len(body), res.Header.Get("Content-Type"))
	}
	if again, _ := c.ask(t, service, "GET", file+"/content", "", "If-None-Match", res.Header.Get("ETag")); again.StatusCode != http.StatusNotModified {
		t.Errorf("with its ETag: %s", again.Status)
	}
	c.wants(t, service, "GET", file+"/content", "", 206, "56789", "Range", "bytes=5-9")
	c.wants(t, service, "POST", "/files?title=page", "<script>", 415, "unsupported_type", "Content-Type", "text/html")
	c.wants(t, service, "DELETE", file, "", 204, "")
	c.wants(t, service, "GET", file+"/content", "", 404, "not_found")
}

func (c caller) queue(t *testing.T) {
	const service = "queue-processor"
	id := field(t, c.wants(t, service, "POST", "/jobs", `{"text":"three short words"}`, 202, ""), "id")
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		res, text := c.ask(t, service, "GET", "/jobs/"+id, "")
		if res.StatusCode == http.StatusOK {
			if !strings.Contains(text, `"words":3`) {
				t.Error(text)
			}
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the job was never done: %s", text)
		}
	}
}
