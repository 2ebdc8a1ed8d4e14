package crashtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/internal/cli"
	"github.com/tamylaa/clodo/internal/term"
	"github.com/tamylaa/clodo/localcloud"
)

// full says to crash at every call, not at a sample of them.
func full() bool { return os.Getenv("CLODO_PROOF") == "full" }

// asClodo makes this test binary the clodo command.
const asClodo = "CLODO_CRASHTEST_COMMAND"

func TestMain(m *testing.M) {
	if dir := os.Getenv(asCloud); dir != "" {
		if err := serveCloud(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if os.Getenv(asClodo) != "" {
		os.Exit(cli.Main(os.Args[1:], term.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv}, ""))
	}
	os.Exit(m.Run())
}

// disaster is what happens at a call.
type disaster string

const (
	killBefore disaster = "killed before the call is carried out"
	killAfter  disaster = "killed after the call was carried out, before its answer"
	loseAnswer disaster = "the answer is lost and the command goes on"
)

// proxy stands between the command and the local cloud's API. At the call number at
// (counting those that change something, or all of them) it makes the disaster.
type proxy struct {
	target *httputil.ReverseProxy
	at     int
	what   disaster
	reads  bool // count reads too

	mu      sync.Mutex
	count   int
	changes int
	process *os.Process // of the command that runs
	struck  string      // the call that was hit
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	changes := r.Method != http.MethodGet && r.Method != http.MethodHead
	p.mu.Lock()
	if changes && !strings.HasSuffix(r.URL.Path, "/query") {
		p.changes++
	}
	if changes || p.reads {
		p.count++
	}
	hit := (changes || p.reads) && p.count == p.at
	if hit {
		p.struck = r.Method + " " + r.URL.Path
	}
	process := p.process
	p.mu.Unlock()
	if !hit {
		p.target.ServeHTTP(w, r)
		return
	}
	if p.what == killBefore {
		kill(process)
		panic(http.ErrAbortHandler)
	}
	answer := httptest.NewRecorder()
	p.target.ServeHTTP(answer, r)
	if p.what == killAfter {
		kill(process)
	}
	panic(http.ErrAbortHandler) // the connection ends without an answer
}

func kill(p *os.Process) { _ = p.Kill() } // SIGKILL; an error means that it has ended

// world is a local cloud with a project that is deployed to it through a proxy.
type world struct {
	t     *testing.T
	cloud *localcloud.Cloud
	proxy *proxy
	env   []string
	dir   string
}

var project = map[string]string{
	"clodo.yaml": `version: 1
portfolio: crash
services:
  shop: { path: ., secrets: { SIGN_KEY: { generate: jwt } }, checks: { health: { path: /, status: 200, timeout: 60s } } }
`,
	"wrangler.jsonc": `{
  "name": "shop",
  "main": "index.js",
  "compatibility_date": "2026-11-01",
  "vars": { "STAGE": "one" },
  "d1_databases": [{ "binding": "DB", "database_name": "shop-db", "migrations_dir": "migrations" }],
  "kv_namespaces": [{ "binding": "CACHE" }],
  "secrets": { "required": ["API_KEY"] },
  "triggers": { "crons": ["*/5 * * * *"] },
  "routes": [
    { "pattern": "shop.crash.example", "custom_domain": true },
    { "pattern": "www.crash.example/shop/*", "zone_name": "crash.example" }
  ]
}`,
	"index.js": `export default {
  async fetch(request, env) {
    const row = await env.DB.prepare("SELECT count(*) AS n FROM items").first();
    return Response.json({ stage: env.STAGE, items: row.n, key: Boolean(env.API_KEY), sign: env.SIGN_KEY?.length });
  },
  async scheduled() {},
};`,
	"migrations/0001_items.sql": "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT);\nINSERT INTO items (name) VALUES ('first');\n",
	"migrations/0002_more.sql":  "INSERT INTO items (name) VALUES ('second');\n",
}

func newWorld(t *testing.T) *world {
	t.Helper()
	ctx := t.Context()
	cloud, err := localcloud.Start(ctx, localcloud.Options{
		Dir: filepath.Join(t.TempDir(), "cloud"), APIAddr: "127.0.0.1:0", DataAddr: "127.0.0.1:0",
		Seed: localcloud.Seed{Zones: []string{"crash.example"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		closing, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := cloud.Close(closing); err != nil {
			t.Errorf("close the cloud: %v", err)
		}
	})
	api, err := url.Parse(cloud.Info().API)
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{target: &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = api.Scheme, api.Host, api.Host
	}}}
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	w := &world{t: t, cloud: cloud, proxy: p, dir: t.TempDir()}
	for name, text := range project {
		w.write(name, text)
	}
	home := t.TempDir()
	w.env = append(os.Environ(), asClodo+"=1", "CI=true", "CLODO_HOME="+home, "CLODO_SECRETS_PASSPHRASE=crash test",
		"DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent", // no keyring
		"CLOUDFLARE_API_BASE_URL="+server.URL+api.Path, "CLOUDFLARE_API_TOKEN="+cloud.Info().APIToken, "CLOUDFLARE_ACCOUNT_ID="+cloud.Info().AccountID)
	if out, err := w.clodo("value-of-the-key", "secret", "set", "shop", "API_KEY"); err != nil {
		t.Fatalf("set the secret: %v\n%s", err, out)
	}
	return w
}

func (w *world) write(name, text string) {
	w.t.Helper()
	path := filepath.Join(w.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

// clodo runs the command to its end, however that comes.
func (w *world) clodo(stdin string, args ...string) (string, error) {
	w.t.Helper()
	c := exec.Command(os.Args[0], args...)
	c.Dir, c.Env, c.Stdin = w.dir, w.env, strings.NewReader(stdin)
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	w.proxy.mu.Lock() // the first call waits until it is known whom to kill
	err := c.Start()
	w.proxy.process = c.Process
	w.proxy.mu.Unlock()
	if err != nil {
		w.t.Fatal(err)
	}
	err = c.Wait()
	return out.String(), err
}

// arm makes the next disaster, counting from now.
func (p *proxy) arm(at int, what disaster, reads bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at, p.what, p.reads, p.count, p.changes, p.struck = at, what, reads, 0, 0, ""
}

// deploy deploys everything and gives the exit code, -1 when it was killed.
func (w *world) deploy(args ...string) (out string, code int) {
	w.t.Helper()
	out, err := w.clodo("", append([]string{"deploy", "--yes"}, args...)...)
	var exit *exec.ExitError
	switch {
	case err == nil:
		return out, 0
	case errors.As(err, &exit):
		return out, exit.ExitCode()
	}
	w.t.Fatalf("deploy: %v", err)
	return "", 0
}

// nothingToResume is the exit code of `clodo deploy --resume` without an unfinished
// release.
const nothingToResume = 2

// recover brings the release to its end as a person would: resume, and deploy when
// there is nothing to resume. It wants the exit code that an undisturbed run has.
func (w *world) recover(want int) {
	w.t.Helper()
	out, code := w.deploy("--resume")
	if code == nothingToResume {
		out, code = w.deploy()
	}
	if code != want {
		w.t.Fatalf("recovering: exit %d, want %d\n%s", code, want, out)
	}
}

// picture is what can be seen of the account, without ids and times.
type picture struct {
	Versions   int
	Databases  []string
	Namespaces []string
	Migrations []string
	Items      float64
	Routes     []string
	Domains    []string
	Crons      []string
	Secrets    []string
	WorkersDev bool
	Answers    map[string]string // by URL
}

func (w *world) picture() picture {
	w.t.Helper()
	account := "/accounts/" + w.cloud.Info().AccountID
	script := account + "/workers/scripts/shop"
	var p picture
	p.Versions = len(list(w.get(script+"/versions?per_page=100"), "items"))
	var database string
	for _, d := range list(w.get(account+"/d1/database"), "") {
		p.Databases, database = append(p.Databases, d["name"].(string)), d["uuid"].(string)
	}
	for _, n := range list(w.get(account+"/storage/kv/namespaces"), "") {
		p.Namespaces = append(p.Namespaces, n["title"].(string))
	}
	for _, r := range w.rows(database, "SELECT name FROM d1_migrations ORDER BY id") {
		p.Migrations = append(p.Migrations, r["name"].(string))
	}
	p.Items = w.rows(database, "SELECT count(*) AS n FROM items")[0]["n"].(float64)
	zone := list(w.get("/zones?name=crash.example"), "")[0]["id"].(string)
	for _, r := range list(w.get("/zones/"+zone+"/workers/routes"), "") {
		p.Routes = append(p.Routes, fmt.Sprint(r["pattern"], " → ", r["script"]))
	}
	for _, d := range list(w.get(account+"/workers/domains"), "") {
		p.Domains = append(p.Domains, fmt.Sprint(d["hostname"], " → ", d["service"]))
	}
	for _, c := range list(w.get(script+"/schedules"), "schedules") {
		p.Crons = append(p.Crons, c["cron"].(string))
	}
	for _, s := range list(w.get(script+"/secrets"), "") {
		p.Secrets = append(p.Secrets, s["name"].(string))
	}
	p.WorkersDev = w.get(script + "/subdomain").(map[string]any)["enabled"].(bool)
	p.Answers = map[string]string{}
	for _, at := range []string{"shop.crash.example/", "www.crash.example/shop/x"} {
		p.Answers[at] = w.ask(at)
	}
	return p
}

// list is the objects at key of v, or v itself.
func list(v any, key string) []map[string]any {
	if key != "" {
		v = v.(map[string]any)[key]
	}
	var out []map[string]any
	for _, x := range v.([]any) {
		out = append(out, x.(map[string]any))
	}
	return out
}

func (w *world) rows(database, sql string) []map[string]any {
	w.t.Helper()
	body, err := json.Marshal(map[string]string{"sql": sql})
	if err != nil {
		w.t.Fatal(err)
	}
	r := w.call(http.MethodPost, "/accounts/"+w.cloud.Info().AccountID+"/d1/database/"+database+"/query", body)
	return list(r.([]any)[0], "results")
}

func (w *world) get(path string) any {
	w.t.Helper()
	return w.call(http.MethodGet, path, nil)
}

// call asks the local cloud directly, past the proxy.
func (w *world) call(method, path string, body []byte) any {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.cloud.Info().API+path, bytes.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+w.cloud.Info().APIToken)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	var envelope struct {
		Success bool
		Errors  []any
		Result  any
	}
	if err := json.NewDecoder(res.Body).Decode(&envelope); err != nil || !envelope.Success {
		w.t.Fatalf("%s %s: %s %v %v", method, path, res.Status, err, envelope.Errors)
	}
	return envelope.Result
}

// ask is the Worker's answer at a public address.
func (w *world) ask(at string) string {
	w.t.Helper()
	host, path, _ := strings.Cut(at, "/")
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.cloud.Info().Data+"/"+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	req.Host = host
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return res.Status + " " + string(text)
}

// scenario is a deploy that is disturbed. before is what was deployed until then,
// exit the code that it ends with when it is not disturbed.
type scenario struct {
	name   string
	before func(*world)
	exit   int
}

func scenarios() []scenario {
	first := func(w *world) {
		if out, code := w.deploy(); code != 0 {
			w.t.Fatalf("first deploy: exit %d\n%s", code, out)
		}
	}
	change := func(w *world) {
		w.write("wrangler.jsonc", strings.NewReplacer(`"one"`, `"two"`, "*/5", "*/7", "/shop/*", "/sh*").Replace(project["wrangler.jsonc"]))
		w.write("migrations/0003_third.sql", "INSERT INTO items (name) VALUES ('third');\n")
	}
	return []scenario{
		{name: "first deploy", before: func(*world) {}},
		{name: "a change", before: func(w *world) { first(w); change(w) }},
		{name: "a change that fails only at its real address, and is undone", exit: 6, before: func(w *world) {
			first(w)
			change(w)
			w.write("clodo.yaml", strings.Replace(project["clodo.yaml"], "timeout: 60s", "timeout: 2s", 1)) // it waits in vain
			w.write("index.js", strings.Replace(project["index.js"], "const row",
				`if (!request.headers.get("Cloudflare-Workers-Version-Overrides")) return new Response("", { status: 500 });
    const row`, 1))
		}},
	}
}

// TestEveryCallCanBeTheLast runs each scenario once undisturbed, and then with a
// disaster at each call that changes something.
func TestEveryCallCanBeTheLast(t *testing.T) {
	t.Parallel()
	for _, s := range scenarios() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			s.before(w)
			w.proxy.arm(-1, "", false)
			if out, code := w.deploy(); code != s.exit {
				t.Fatalf("undisturbed: exit %d, want %d\n%s", code, s.exit, out)
			}
			calls, want := w.proxy.count, w.picture()
			t.Logf("%d changing calls; %+v", calls, want)
			step := 1
			switch {
			case full():
			case testing.Short():
				step = calls
			default:
				step = calls/2 + 1
			}
			for at := 1; at <= calls; at += step {
				for _, what := range []disaster{killBefore, killAfter, loseAnswer} {
					t.Run(fmt.Sprintf("call %d: %s", at, what), func(t *testing.T) { s.disturb(t, at, what, want) })
				}
			}
		})
	}
}

// disturb runs the scenario with one disaster, recovers, and wants the account to
// look as it does after an undisturbed run.
func (s scenario) disturb(t *testing.T, at int, what disaster, want picture) {
	w := newWorld(t)
	s.before(w)
	w.proxy.arm(at, what, false)
	out, code := w.deploy()
	struck := w.proxy.struck
	if struck == "" {
		t.Fatalf("no call was hit:\n%s", out)
	}
	w.proxy.arm(-1, "", false)
	if code != s.exit {
		w.recover(s.exit)
	}
	if d := cmp.Diff(want, w.picture()); d != "" {
		t.Errorf("after %s at %s (-undisturbed +recovered):\n%s\nfirst run said:\n%s", what, struck, d, out)
	}
	if s.exit != 0 {
		return
	}
	w.proxy.arm(-1, "", false)
	if out, code := w.deploy(); code != 0 || w.proxy.changes != 0 {
		t.Errorf("deploying again: exit %d, %d changes\n%s", code, w.proxy.changes, out)
	}
}
