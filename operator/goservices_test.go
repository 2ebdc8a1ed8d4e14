package operator_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tamylaa/clodo/deploy"
	"github.com/tamylaa/clodo/internal/npmtest"
	"github.com/tamylaa/clodo/project"
	"github.com/tamylaa/clodo/scaffold"
)

// portfolioOf is a portfolio with one service of every type, in a language, named after its
// type; each has at most ten files.
func portfolioOf(t *testing.T, language string) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "shop")
	p, err := scaffold.PlanPortfolio(scaffold.PortfolioRequest{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Write(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, typ := range scaffold.Types() {
		creation, err := open(t, dir).PlanService(t.Context(), scaffold.Request{Name: typ, Type: typ, Language: language})
		if err != nil {
			t.Fatal(err)
		}
		own := 0
		for _, f := range creation.Files {
			if strings.HasPrefix(f.Path, creation.Path+"/") {
				own++
			}
		}
		if own > 10 {
			t.Errorf("a %s has %d files, more than 10", typ, own)
		}
		if err := creation.Write(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// goTool runs the go command in a portfolio. Paths are trimmed, so that what was compiled
// in the folder of the last run is found in the cache.
func goTool(t *testing.T, dir string, env []string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "GOFLAGS=-trimpath", "GOWORK=off"), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// Every type of service in Go passes go vet and its own tests, and works on the Cloudflare
// on this machine as its README says. It is one cloud and one release: what costs most, the
// compiler and the runtime's start, is there once.
func TestServicesInGo(t *testing.T) {
	t.Parallel()
	npmtest.Workerd(t)
	dir := portfolioOf(t, "go")
	var tools sync.WaitGroup // beside the deployment
	tools.Go(func() { goTool(t, dir, nil, "test", "-vet=all", "./...") })
	defer tools.Wait()

	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "the origin's ", r.URL) }))
	t.Cleanup(origin.Close)
	example, err := os.ReadFile(filepath.Join(dir, "services", "api-gateway", ".dev.vars.example")) // as its README says
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "services/api-gateway/.dev.vars", string(example))
	write(t, dir, "services/edge-proxy/.dev.vars", "ORIGIN="+origin.URL+"\n")
	const gateway = "services/api-gateway/wrangler.jsonc"
	config, err := os.ReadFile(filepath.Join(dir, gateway))
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, gateway, strings.NewReplacer(`"ROUTES": {}`, `"ROUTES": { "hello": "worker" }`,
		`"observability"`, `"services": [{ "binding": "WORKER", "service": "worker" }], "observability"`).Replace(string(config)))
	op := open(t, dir)
	report, err := op.Check(t.Context())
	if err != nil || len(report.Findings) > 0 {
		t.Fatal(err, report.Findings)
	}
	for _, target := range ship(t, op, project.Selector{}).Targets {
		if target.Outcome != deploy.Released {
			t.Errorf("%+v", target)
		}
	}
	c := newCaller(t, op)
	t.Run("data-service", c.goData)
	t.Run("the program of data-service is small", c.goSmall)
	t.Run("auth-service", c.goAuth)
	t.Run("content-service", c.goContent)
	t.Run("queue-processor", c.goQueue)
	t.Run("worker", func(t *testing.T) {
		c.wants(t, "worker", "GET", "/?name=Ada", "", 200, `"message":"Hello, Ada!"`)
		c.wants(t, "worker", "POST", "/", "", 405, "method_not_allowed")
		c.wants(t, "worker", "GET", "/health", "", 200, `"status":"ok"`)
	})
	t.Run("static-site", func(t *testing.T) {
		c.wants(t, "static-site", "GET", "/", "", 200, "<title>Static site</title>")
		c.wants(t, "static-site", "GET", "/app.js", "", 200, "/api/site")
		c.wants(t, "static-site", "GET", "/api/site", "", 200, `"environment":"local"`)
		c.wants(t, "static-site", "GET", "/api/health", "", 200, `"status":"ok"`)
		c.wants(t, "static-site", "GET", "/nothing", "", 404, "<title>Not found</title>")
	})
	t.Run("api-gateway", func(t *testing.T) {
		c.wants(t, "api-gateway", "GET", "/hello/", "", 401, "credentials_missing")
		c.wants(t, "api-gateway", "GET", "/hello/?name=Ada", "", 200, `"message":"Hello, Ada!"`, "X-API-Key", "local")
		c.wants(t, "api-gateway", "GET", "/orders/7", "", 404, "not_found", "X-API-Key", "local")
		c.wants(t, "api-gateway", "GET", "/health", "", 200, `"status":"ok"`)
	})
	t.Run("cron-worker", func(t *testing.T) {
		c.wants(t, "cron-worker", "GET", "/cdn-cgi/handler/scheduled?cron=*/15+*+*+*+*&time=1793500200000", "", 200, "ok")
		c.wants(t, "cron-worker", "GET", "/cdn-cgi/handler/scheduled?cron=0+3+*+*+*&time=1793500200000", "", 200, "ok")
		c.wants(t, "cron-worker", "GET", "/runs", "", 200, `"result":"alive","failed":false`)
		c.wants(t, "cron-worker", "GET", "/runs", "", 200, `"job":"cleanup"`)
		c.wants(t, "cron-worker", "GET", "/health", "", 200, `"name":"database","ok":true`)
	})
	t.Run("edge-proxy", func(t *testing.T) {
		c.wants(t, "edge-proxy", "GET", "/page?a=b", "", 200, "the origin's /page?a=b")
		c.wants(t, "edge-proxy", "GET", "/old/page?a=b", "", 200, "the origin's /page?a=b") // the client follows
		c.wants(t, "edge-proxy", "GET", "/assets/a.css", "", 200, "the origin's /assets/a.css")
		c.wants(t, "edge-proxy", "GET", "/-/health", "", 200, `"status":"ok"`)
	})
	t.Run("ai-worker", func(t *testing.T) {
		c.wants(t, "ai-worker", "POST", "/chat", `{}`, 422, `"field":"messages"`, "Content-Type", "application/json")
		const question = `{"messages":[{"role":"user","content":"Who are you?"}]}`
		c.wants(t, "ai-worker", "POST", "/chat", question, 502, "model_failed", "Content-Type", "application/json")
		c.wants(t, "ai-worker", "POST", "/chat/stream", question, 502, "model_failed", "Content-Type", "application/json")
		c.wants(t, "ai-worker", "GET", "/health", "", 200, `"status":"ok"`)
	})
}

func (c caller) goData(t *testing.T) {
	const service = "data-service"
	json := []string{"Content-Type", "application/json"}
	c.wants(t, service, "POST", "/data-service", `{"item":"brick","count":3}`, 201, `"id":1`, json...)
	c.wants(t, service, "GET", "/data-service?count_gte=3&sort=-item", "", 200, `"item":"brick"`)
	c.wants(t, service, "PATCH", "/data-service/1", `{"count":4}`, 200, `"count":4`, json...)
	c.wants(t, service, "POST", "/data-service", `{"item":"'); DROP TABLE items; --","count":-1}`, 422, "RANGE_VIOLATION", json...)
	c.wants(t, service, "GET", "/data-service?sort=item;DROP+TABLE+items", "", 400, "")
	c.wants(t, service, "GET", "/openapi.json", "", 200, `"/data-service/{id}"`)
	c.wants(t, service, "DELETE", "/data-service/1", "", 204, "")
	c.wants(t, service, "GET", "/data-service/1", "", 404, "not_found")
}

// maxDataService is what the program of the data-service may have compressed: of what
// gzip -9 makes 2.0 MB, compress/gzip makes 1.5 % more.
const maxDataService = 2_030_000

// goSmall measures what was deployed.
func (c caller) goSmall(t *testing.T) {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet,
		c.info.API+"/accounts/"+c.info.AccountID+"/workers/scripts/data-service-local/content/v2", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.info.APIToken)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	_, params, err := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(res.Status, err)
	}
	for parts := multipart.NewReader(res.Body, params["boundary"]); ; {
		part, err := parts.NextPart()
		if err != nil {
			t.Fatalf("no program: %v", err) // the end of the modules included
		}
		if !strings.HasSuffix(part.FileName(), ".wasm") {
			continue
		}
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		n, err := io.Copy(w, part)
		if err := errors.Join(err, w.Close()); err != nil {
			t.Fatal(err)
		}
		t.Logf("%d bytes, %d compressed", n, packed.Len())
		if packed.Len() > maxDataService {
			t.Errorf("it has %d bytes compressed, more than %d", packed.Len(), maxDataService)
		}
		return
	}
}

func (c caller) goAuth(t *testing.T) {
	const service, address = "auth-service", "bob@example.com"
	json := []string{"Content-Type", "application/json"}
	c.wants(t, service, "POST", "/sign-in", `{"email":"`+address+`"}`, 202, "", json...)
	c.wants(t, service, "POST", "/sign-up", `{"email":"`+address+`","name":"Bob"}`, 202, "", json...)
	c.arrives(t, address) // it is sent beside the answer
	link := regexp.MustCompile(`/verify\?token=([A-Z2-7]+)`).FindStringSubmatch(c.mail(t, address))
	if link == nil {
		t.Fatalf("there is no link in %q", c.mail(t, address))
	}
	c.wants(t, service, "GET", link[0], "", 200, `<form method="post" action="/verify">`)
	form := []string{"Content-Type", "application/x-www-form-urlencoded"}
	token := field(t, c.wants(t, service, "POST", "/verify", "token="+link[1], 201, `"Bearer"`, form...), "access_token")
	c.wants(t, service, "POST", "/verify", "token="+link[1], 401, "invalid_link", form...)
	c.wants(t, service, "GET", "/me", "", 200, `"email":"`+address+`"`, "Authorization", "Bearer "+token)
	c.wants(t, service, "GET", "/me", "", 401, "", "Authorization", "Bearer "+token+"x")
	c.wants(t, service, "GET", "/.well-known/jwks.json", "", 200, `"kty":"OKP"`)
}

// arrives waits for an email to an address.
func (c caller) arrives(t *testing.T, to string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, strings.TrimSuffix(c.info.API, "/client/v4")+"/local/mailbox", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+c.info.APIToken)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var list strings.Builder
		err = res.Write(&list)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(list.String(), to) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("no email to %s arrives: %s", to, list.String())
		}
	}
}

func (c caller) goContent(t *testing.T) {
	const service = "content-service"
	text := strings.Repeat("0123456789", 1000)
	made := c.wants(t, service, "POST", "/files?name=report.txt&description=What+happened+in+May", text, 201, `"size":10000`, "X-API-Key", "local", "Content-Type", "text/plain")
	c.wants(t, service, "POST", "/files?name=report.txt", text, 401, "", "X-API-Key", "another")
	c.wants(t, service, "GET", "/files?q=happ+may", "", 200, `"name":"report.txt"`)
	c.wants(t, service, "GET", "/files?q=nothing", "", 200, `"files":[]`)
	file := "/files/" + field(t, made, "id")
	res, body := c.ask(t, service, "GET", file+"/content", "")
	if body != text || res.Header.Get("Content-Type") != "text/plain" {
		t.Errorf("got %d bytes of %s", len(body), res.Header.Get("Content-Type"))
	}
	c.wants(t, service, "GET", file+"/content", "", 206, "56789", "Range", "bytes=5-9")
	c.wants(t, service, "GET", file+"/content", "", 416, "", "Range", "bytes=20000-")
	c.wants(t, service, "GET", file+"/content", "", 304, "", "If-None-Match", res.Header.Get("ETag"))
	c.wants(t, service, "DELETE", file, "", 204, "", "X-API-Key", "local")
	c.wants(t, service, "GET", file+"/content", "", 404, "not_found")
}

func (c caller) goQueue(t *testing.T) {
	const service = "queue-processor"
	id := field(t, c.wants(t, service, "POST", "/tasks", `{"kind":"count-words","input":"three short words"}`, 202, "", "Content-Type", "application/json"), "id")
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		_, text := c.ask(t, service, "GET", "/tasks/"+id, "")
		if strings.Contains(text, `"state":"done"`) {
			if !strings.Contains(text, `"result":"3"`) {
				t.Error(text)
			}
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the task was never done: %s", text)
		}
	}
}
