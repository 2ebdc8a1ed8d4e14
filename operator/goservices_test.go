package operator_test

import (
	"net/http"
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

// goPortfolio is a portfolio with one service of every type, in Go, named after its type.
func goPortfolio(t *testing.T) (dir string) {
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
		creation, err := open(t, dir).PlanService(t.Context(), scaffold.Request{Name: typ, Type: typ})
		if err != nil {
			t.Fatal(err)
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

// Every type of service in Go compiles for Workers, passes go vet and its own tests, and
// those that have the most to do work on the Cloudflare on this machine.
func TestServicesInGo(t *testing.T) {
	t.Parallel()
	npmtest.Workerd(t)
	dir := goPortfolio(t)
	var tools sync.WaitGroup // beside the deployment
	tools.Go(func() {
		goTool(t, dir, nil, "test", "-vet=all", "./...")
		goTool(t, dir, []string{"GOOS=js", "GOARCH=wasm"}, "build", "./...") // compiles, and links nothing
	})
	defer tools.Wait()

	example, err := os.ReadFile(filepath.Join(dir, "services", "auth-service", ".dev.vars.example"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "services/auth-service/.dev.vars", string(example))
	op := open(t, dir)
	report, err := op.Check(t.Context())
	if err != nil || len(report.Findings) > 0 {
		t.Fatal(err, report.Findings)
	}
	release := ship(t, op, project.Selector{Services: []string{"data-service", "auth-service", "content-service", "queue-processor"}})
	for _, target := range release.Targets {
		if target.Outcome != deploy.Released {
			t.Errorf("%+v", target)
		}
	}
	c := newCaller(t, op)
	t.Run("data-service", c.goData)
	t.Run("auth-service", c.goAuth)
	t.Run("content-service", c.goContent)
	t.Run("queue-processor", c.goQueue)
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
