package localcloud

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tamylaa/clodo/internal/npmtest"
	"github.com/tamylaa/clodo/internal/openapitest"
)

// project is a wrangler project and the wrangler that works on it, against one cloud.
type project struct {
	t     *testing.T
	dir   string
	tool  npmtest.Tool
	cloud Info
}

func newProject(t *testing.T, version string) *project {
	t.Helper()
	tool := npmtest.Wrangler(t, version)
	npmtest.Workerd(t) // so that it is installed outside of the test's own time
	checker := openapitest.Load(t)
	c := start(t, Options{
		Dir: t.TempDir(), Seed: Seed{Zones: []string{"shop.example"}},
		wrapAPI: func(next http.Handler) http.Handler { return checker.ResponseMiddleware(t, next) },
	})
	info := c.Info()
	tool.Env = append(tool.Env, "CLOUDFLARE_API_BASE_URL="+info.API, "CLOUDFLARE_API_TOKEN="+info.APIToken, "CLOUDFLARE_ACCOUNT_ID="+info.AccountID,
		"NODE_COMPILE_CACHE="+filepath.Join(os.TempDir(), "clodo-test-node-cache"))
	return &project{t: t, dir: t.TempDir(), tool: tool, cloud: info}
}

func (p *project) write(name, content string) {
	p.t.Helper()
	file := filepath.Join(p.dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// try runs wrangler and answers what it printed.
func (p *project) try(stdin string, args ...string) (string, error) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), time.Minute)
	defer cancel()
	cmd := p.tool.Command(ctx, p.dir, args...)
	cmd.Stdin = strings.NewReader(stdin)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	began := time.Now()
	err := cmd.Run()
	p.t.Logf("%5.2fs wrangler %s", time.Since(began).Seconds(), strings.Join(args, " "))
	return out.String(), err
}

// run is try for a command that has to succeed and to print want.
func (p *project) run(want string, args ...string) string {
	p.t.Helper()
	return p.runWith("", want, args...)
}

func (p *project) runWith(stdin, want string, args ...string) string {
	p.t.Helper()
	out, err := p.try(stdin, args...)
	if err != nil {
		p.t.Fatalf("wrangler %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	if !strings.Contains(out, want) {
		p.t.Errorf("wrangler %s: no %q in what it printed:\n%s", strings.Join(args, " "), want, out)
	}
	return out
}

// get asks a Worker through the data port.
func (p *project) get(host, path string) (int, string) {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), "GET", p.cloud.Data+path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	req.Host = host
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

func (p *project) serves(host, path, want string) {
	p.t.Helper()
	if code, got := p.get(host, path); code != 200 || got != want {
		p.t.Errorf("GET http://%s%s: %d %q, want %q", host, path, code, got, want)
	}
}

// api asks the cloud itself.
func (p *project) api(path string, into any) {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), "GET", p.cloud.API+"/accounts/"+p.cloud.AccountID+path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+p.cloud.APIToken)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	var envelope struct{ Result json.RawMessage }
	if err := json.NewDecoder(res.Body).Decode(&envelope); err != nil {
		p.t.Fatal(err)
	}
	if err := json.Unmarshal(envelope.Result, into); err != nil {
		p.t.Fatal(err)
	}
}

// worker writes a Worker that says who it is and what it is bound to.
func (p *project) worker(who string) {
	p.t.Helper()
	p.write("src/index.ts", `
interface Env { DB: any; KV: any; WHO: string; KEY?: string; OTHER?: string }
export default {
	async fetch(request: Request, env: Env): Promise<Response> {
		const { pathname } = new URL(request.url);
		if (pathname === "/orders") {
			const { results } = await env.DB.prepare("SELECT name FROM orders ORDER BY id").all();
			return new Response(results.map((r: any) => r.name).join(","));
		}
		if (pathname === "/cached") return new Response(await env.KV.get("greeting"));
		if (pathname === "/secrets") return new Response([env.KEY, env.OTHER].join(","));
		return new Response("`+who+` " + env.WHO);
	},
	async scheduled(controller: any, env: Env) { await env.KV.put("cron", controller.cron); },
};`)
}

func TestWrangler(t *testing.T) {
	t.Parallel()
	for _, version := range []string{npmtest.WranglerOld, npmtest.WranglerCurrent} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			p := newProject(t, version)
			p.run(p.cloud.AccountID, "whoami")
			db, kv := p.storage()
			p.deployment(db, kv)
			p.secrets()
			p.gradual()
			p.mistakes()
			p.app()
			p.cleanUp(db, kv)
		})
	}
}

// storage makes a database and a namespace and works with both.
func (p *project) storage() (db, kv string) {
	p.write("wrangler.jsonc", `{"name": "web", "main": "src/index.ts", "compatibility_date": "2026-04-01"}`)
	p.run("shop-db", "d1", "create", "shop-db")
	p.run("shop-cache", "kv", "namespace", "create", "shop-cache")
	var databases []struct{ UUID string }
	p.api("/d1/database", &databases)
	var namespaces []struct{ ID string }
	p.api("/storage/kv/namespaces", &namespaces)
	if len(databases) != 1 || len(namespaces) != 1 {
		p.t.Fatalf("databases %v, namespaces %v", databases, namespaces)
	}
	db, kv = databases[0].UUID, namespaces[0].ID
	p.write("wrangler.jsonc", fmt.Sprintf(`{
	"name": "web", "main": "src/index.ts", "compatibility_date": "2026-04-01",
	"vars": { "WHO": "shop" },
	"d1_databases": [{ "binding": "DB", "database_name": "shop-db", "database_id": %q }],
	"kv_namespaces": [{ "binding": "KV", "id": %q }],
	"routes": [{ "pattern": "shop.example/api/*", "zone_name": "shop.example" }, { "pattern": "www.shop.example", "custom_domain": true }],
	"triggers": { "crons": ["*/5 * * * *"] },
	"workers_dev": true,
}`, db, kv))
	p.write("migrations/0001_orders.sql", "CREATE TABLE orders(id INTEGER PRIMARY KEY, name TEXT NOT NULL);\nINSERT INTO orders(name) VALUES('first');\n")
	p.run("shop-db", "d1", "list")
	p.run(db, "d1", "info", "shop-db")
	p.run("0001_orders.sql", "d1", "migrations", "list", "shop-db", "--remote")
	p.run("0001_orders.sql", "d1", "migrations", "apply", "shop-db", "--remote")
	p.run("No migrations to apply", "d1", "migrations", "list", "shop-db", "--remote")
	p.run("second", "d1", "execute", "shop-db", "--remote", "--command", "INSERT INTO orders(name) VALUES('second'); SELECT name FROM orders")
	p.run("shop-cache", "kv", "namespace", "list")
	p.run("", "kv", "key", "put", "greeting", "hello", "--namespace-id", kv, "--remote")
	p.run("hello", "kv", "key", "get", "greeting", "--namespace-id", kv, "--remote")
	p.run("greeting", "kv", "key", "list", "--namespace-id", kv, "--remote")
	return db, kv
}

const workersDev = "web.local.workers.dev"

func (p *project) deployment(_, _ string) {
	p.worker("one")
	p.run(workersDev, "deploy")
	for _, host := range []string{workersDev, "www.shop.example"} {
		p.serves(host, "/", "one shop")
	}
	p.serves("shop.example", "/api/x", "one shop")
	p.serves(workersDev, "/orders", "first,second")
	p.serves(workersDev, "/cached", "hello")
	p.worker("two")
	p.run("", "deploy", "--message", "the second")
	p.serves(workersDev, "/", "two shop")
}

func (p *project) secrets() {
	p.runWith("s3cret", "", "secret", "put", "KEY")
	p.serves(workersDev, "/secrets", "s3cret,")
	p.write("secrets.json", `{"OTHER": "0ther"}`)
	p.run("", "secret", "bulk", "secrets.json")
	p.serves(workersDev, "/secrets", "s3cret,0ther")
	if out := p.run("OTHER", "secret", "list"); strings.Contains(out, "0ther") {
		p.t.Errorf("a secret's value is told: %s", out)
	}
	p.run("", "secret", "delete", "KEY")
	p.serves(workersDev, "/secrets", ",0ther")
}

// gradual ships a version by percentages and takes it back.
func (p *project) gradual() {
	var list struct {
		Deployments []struct {
			Versions []struct {
				ID string `json:"version_id"`
			}
		}
	}
	p.api("/workers/scripts/web/deployments", &list)
	before := list.Deployments[0].Versions[0].ID
	p.worker("three")
	out := p.run("", "versions", "upload", "--tag", "t3", "--message", "the third", "--preview-alias", "my-third")
	next := regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}`).FindString(out)
	p.serves(workersDev, "/", "two shop")
	for _, preview := range []string{next[:8] + "-" + workersDev, "my-third-" + workersDev} {
		if !strings.Contains(out, "https://"+preview) {
			p.t.Errorf("wrangler does not tell the preview URL %s: %s", preview, out)
		}
		p.serves(preview, "/", "three shop")
	}
	p.run(next, "versions", "list")
	p.run("", "versions", "deploy", before+"@50%", next+"@50%", "--yes")
	seen := map[string]int{}
	for range 200 {
		_, body := p.get(workersDev, "/")
		seen[body]++
	}
	// Were the shares not 50 to 50, 200 draws would all but never be this even; a fair
	// coin misses this range once in 10^9 runs.
	if two, three := seen["two shop"], seen["three shop"]; two+three != 200 || two < 55 || three < 55 {
		p.t.Errorf("of 200 requests at 50%% each: %v", seen)
	}
	p.run(next, "deployments", "list")
	p.run("", "versions", "deploy", next+"@100%", "--yes")
	p.serves(workersDev, "/", "three shop")
	p.run("", "rollback", before, "--yes", "--message", "back")
	p.serves(workersDev, "/", "two shop")
}

// mistakes are refused and change nothing.
func (p *project) mistakes() {
	p.write("src/index.ts", `throw new Error("boom at the start"); export default { fetch() {} };`)
	out, err := p.try("", "deploy")
	if err == nil || !strings.Contains(out, "boom at the start") || strings.Contains(out, "startup") {
		p.t.Errorf("deploying a Worker that throws: %v\n%s", err, out)
	}
	p.serves(workersDev, "/", "two shop")
}

// app deploys a second Worker with static files, a durable object and a binding to
// the first, twice.
func (p *project) app() {
	p.write("app/wrangler.jsonc", `{
	"name": "app", "main": "index.ts", "compatibility_date": "2026-04-01",
	"assets": { "directory": "public", "binding": "ASSETS" },
	"durable_objects": { "bindings": [{ "name": "COUNTER", "class_name": "Counter" }] },
	"migrations": [{ "tag": "v1", "new_sqlite_classes": ["Counter"] }],
	"services": [{ "binding": "WEB", "service": "web" }],
	"version_metadata": { "binding": "VERSION" },
	"observability": { "enabled": true },
}`)
	p.write("app/public/index.html", "<h1>static</h1>")
	p.write("app/public/deep/style.css", "h1 { color: red }")
	code := `
import { DurableObject } from "cloudflare:workers";
export class Counter extends DurableObject {
	async add() { const n = ((await this.ctx.storage.get<number>("n")) ?? 0) + 1; await this.ctx.storage.put("n", n); return n; }
}
export default {
	async fetch(request: Request, env: any) {
		const n = await env.COUNTER.get(env.COUNTER.idFromName("x")).add();
		const web = await (await env.WEB.fetch("http://web/")).text();
		return new Response("TAG " + n + " " + web + " " + (env.VERSION.id.length === 36));
	},
};`
	p.write("app/index.ts", strings.ReplaceAll(code, "TAG", "app"))
	p.run("app.local.workers.dev", "deploy", "--cwd", "app")
	p.serves("app.local.workers.dev", "/", "<h1>static</h1>")
	p.serves("app.local.workers.dev", "/deep/style.css", "h1 { color: red }")
	p.serves("app.local.workers.dev", "/api", "app 1 two shop true")
	p.write("app/index.ts", strings.ReplaceAll(code, "TAG", "again"))
	p.run("", "deploy", "--cwd", "app")
	p.serves("app.local.workers.dev", "/", "<h1>static</h1>")
	p.serves("app.local.workers.dev", "/api", "again 2 two shop true")
}

func (p *project) cleanUp(db, kv string) {
	p.run("", "delete", "--force")
	if code, body := p.get(workersDev, "/"); code != 404 {
		p.t.Errorf("a deleted Worker answers %d %q", code, body)
	}
	p.run("", "kv", "key", "delete", "greeting", "--namespace-id", kv, "--remote")
	p.run("", "kv", "namespace", "delete", "--namespace-id", kv)
	p.run("", "d1", "delete", "shop-db", "--skip-confirmation")
	var left []any
	p.api("/d1/database", &left)
	if len(left) != 0 {
		p.t.Errorf("databases that are left: %v (%s was deleted)", left, db)
	}
}
