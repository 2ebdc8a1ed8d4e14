package paritytest

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/tamylaa/clodo/cloudflare"
	"github.com/tamylaa/clodo/internal/npmtest"
	"github.com/tamylaa/clodo/localcloud"
	"github.com/tamylaa/clodo/operator"
	"github.com/tamylaa/clodo/project"
	"github.com/tamylaa/clodo/secret"
)

// fixture is a project. Its comment may hold the lines "environment: NAME", "secret:
// NAME=VALUE" and "old" (it is tried with the older wrangler too); files below "then/"
// are laid over the project for a second deploy.
type fixture struct {
	name, environment string
	old               bool
	files, then       map[string][]byte
	secrets           map[string]string
}

func fixtures(t *testing.T) []fixture {
	t.Helper()
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(names) < 10 {
		t.Fatalf("got %d fixture projects, want at least 10 (%v)", len(names), err)
	}
	var list []fixture
	for _, name := range names {
		a, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f := fixture{name: strings.TrimSuffix(filepath.Base(name), ".txtar"), files: map[string][]byte{}, then: map[string][]byte{}, secrets: map[string]string{}}
		for line := range strings.Lines(string(a.Comment)) {
			key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
			switch key {
			case "environment":
				f.environment = value
			case "secret":
				name, text, _ := strings.Cut(value, "=")
				f.secrets[name] = text
			case "old":
				f.old = true
			}
		}
		for _, file := range a.Files {
			name, data := file.Name, file.Data
			if plain, ok := strings.CutSuffix(name, ".hex"); ok {
				name = plain
				if data, err = hex.DecodeString(strings.Join(strings.Fields(string(data)), "")); err != nil {
					t.Fatal(err)
				}
			}
			if later, ok := strings.CutPrefix(name, "then/"); ok {
				f.then[later] = data
			} else {
				f.files[name] = data
			}
		}
		list = append(list, f)
	}
	return list
}

// world is a local cloud with a recorder in front of it, for one tool.
type world struct {
	info     localcloud.Info
	database string // id of the database "orders"
	space    string // id of the namespace "cache"
}

const accountID = "0123456789abcdef0123456789abcdef"

func newWorld(t *testing.T) *world {
	t.Helper()
	cloud, err := localcloud.Start(t.Context(), localcloud.Options{
		Dir: filepath.Join(t.TempDir(), "cloud"), APIAddr: "127.0.0.1:0", DataAddr: "127.0.0.1:0",
		Seed: localcloud.Seed{Accounts: []localcloud.Account{{ID: accountID, Name: "acme"}}, Zones: []string{"shop.example"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cloud.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	w := &world{info: cloud.Info()}
	client, err := cloudflare.New(cloudflare.Options{BaseURL: w.info.API, Local: true, Token: cloudflare.NewSecret(w.info.APIToken)})
	if err != nil {
		t.Fatal(err)
	}
	database, err := client.CreateDatabase(t.Context(), accountID, cloudflare.NewDatabase{Name: "orders"})
	if err != nil {
		t.Fatal(err)
	}
	space, err := client.CreateNamespace(t.Context(), accountID, "cache")
	if err != nil {
		t.Fatal(err)
	}
	w.database, w.space = database.ID, space.ID
	// What fixtures bind to.
	_, err = client.PutScript(t.Context(), accountID, "other", cloudflare.Upload{
		Metadata: cloudflare.Metadata{
			MainModule: "index.js", CompatibilityDate: "2026-01-01",
			Migrations: &cloudflare.Migrations{NewTag: "v1", Steps: []cloudflare.MigrationStep{{NewSQLiteClasses: []string{"Remote"}}}},
		},
		Modules: []cloudflare.Module{{Name: "index.js", ContentType: cloudflare.TypeESModule, Content: []byte(`import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";
export class Remote extends DurableObject {}
export class Admin extends WorkerEntrypoint {}
export default { fetch() { return new Response("other"); }, tail() {} };`)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// folder is files with the world's ids in them.
func (w *world) folder(t *testing.T, dir string, files map[string][]byte) {
	t.Helper()
	ids := strings.NewReplacer("ORDERS_ID", w.database, "CACHE_ID", w.space)
	for name, data := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(name, "wrangler.") {
			data = []byte(ids.Replace(string(data)))
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// deployed is what a tool uploads when it deploys f, with each deploy of it.
func (w *world) deployed(t *testing.T, f fixture, tool func(t *testing.T, api, dir string)) []upload {
	t.Helper()
	r, err := newRecorder(w.info.API)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(r)
	defer server.Close()
	defer func() {
		if t.Failed() {
			t.Logf("calls that were refused:\n%s", strings.Join(r.refused, "\n"))
		}
	}()
	dir := t.TempDir()
	w.folder(t, dir, f.files)
	tool(t, server.URL+"/client/v4", dir)
	if len(f.then) > 0 {
		w.folder(t, dir, f.then)
		tool(t, server.URL+"/client/v4", dir)
	}
	return r.uploads
}

// wrangler deploys with Cloudflare's tool.
func (w *world) wrangler(f fixture, tool npmtest.Tool) func(*testing.T, string, string) {
	return func(t *testing.T, api, dir string) {
		t.Helper()
		args := []string{"deploy"}
		if f.environment != "" {
			args = append(args, "--env", f.environment)
		}
		if len(f.secrets) > 0 {
			raw, err := json.Marshal(f.secrets)
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), "secrets.json")
			if err := os.WriteFile(file, raw, 0o600); err != nil {
				t.Fatal(err)
			}
			args = append(args, "--secrets-file", file)
		}
		tool.Env = append(slices.Clone(tool.Env), "CLOUDFLARE_API_BASE_URL="+api, "CLOUDFLARE_API_TOKEN="+w.info.APIToken, "CLOUDFLARE_ACCOUNT_ID="+accountID,
			"NODE_COMPILE_CACHE="+filepath.Join(os.TempDir(), "clodo-test-node-cache"))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if out, err := tool.Command(ctx, dir, args...).CombinedOutput(); err != nil {
			t.Errorf("wrangler: %v\n%s", err, out)
		}
	}
}

// clodo deploys with this module's public way in.
func (w *world) clodo(f fixture) func(*testing.T, string, string) {
	return func(t *testing.T, api, dir string) {
		t.Helper()
		op, err := operator.New(operator.Options{
			Dir: dir, APIBaseURL: api, DataURL: w.info.Data, Token: w.info.APIToken, AccountID: accountID, Home: t.TempDir(),
			Getenv: func(name string) string { return map[string]string{"CLODO_SECRETS_PASSPHRASE": "a passphrase"}[name] },
		})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := op.Close(); err != nil {
				t.Error(err)
			}
		}()
		sel := project.Selector{Environment: f.environment}
		for name, text := range f.secrets {
			if _, err := op.SetSecret(t.Context(), sel, name, secret.New(text)); err != nil {
				t.Fatal(err)
			}
		}
		plan, err := op.Plan(t.Context(), sel)
		if err != nil {
			t.Fatalf("clodo: %v", err)
		}
		if _, err := op.Deploy(t.Context(), plan, operator.DeployOptions{}); err != nil {
			t.Fatalf("clodo: %v", err)
		}
	}
}

func TestUploadsEqualWranglers(t *testing.T) {
	t.Parallel()
	npmtest.Workerd(t)
	for _, version := range []string{npmtest.WranglerCurrent, npmtest.WranglerOld} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			tool := npmtest.Wrangler(t, version)
			theirs, ours := newWorld(t), newWorld(t)
			for _, f := range fixtures(t) {
				if version == npmtest.WranglerOld && !f.old {
					continue
				}
				t.Run(f.name, func(t *testing.T) {
					t.Parallel()
					got := normal(t, ours, ours.deployed(t, f, ours.clodo(f)))
					want := normal(t, theirs, theirs.deployed(t, f, theirs.wrangler(f, tool)))
					for i := range max(len(want), len(got)) {
						if i >= len(want) || i >= len(got) {
							t.Fatalf("wrangler made %d uploads, clodo %d", len(want), len(got))
						}
						for _, d := range differences() {
							if d.version == "" || d.version == version {
								d.level(&want[i], &got[i])
							}
						}
						if d := cmp.Diff(want[i], got[i]); d != "" {
							t.Errorf("upload %d (-wrangler %s +clodo):\n%s", i+1, version, d)
						}
					}
				})
			}
		})
	}
}

// The kinds are those that wrangler itself sent for a file with all of them.
func TestFixturesHaveEveryKindOfBinding(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../project/testdata/wrangler/kinds/upload.json")
	if err != nil {
		t.Fatal(err)
	}
	var all struct {
		Bindings []struct{ Type string }
	}
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{}
	for _, f := range fixtures(t) {
		dir := t.TempDir()
		new(world).folder(t, dir, f.files)
		p, found := project.Load(project.LoadOptions{Dir: dir})
		if p == nil {
			t.Fatalf("%s: %v", f.name, found)
		}
		targets, err := p.Targets(project.Selector{Environment: f.environment})
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range targets[0].Worker.Bindings {
			have[b.Kind] = true
		}
	}
	for _, b := range all.Bindings {
		if !have[b.Type] {
			t.Errorf("no fixture has a binding of type %s", b.Type)
		}
	}
}

// normal is uploads with names instead of what each cloud makes up: ids and tickets.
func normal(t *testing.T, w *world, list []upload) []upload {
	t.Helper()
	names := strings.NewReplacer(w.database, "ORDERS_ID", w.space, "CACHE_ID")
	for i := range list {
		raw, err := json.Marshal(list[i].Metadata)
		if err != nil {
			t.Fatal(err)
		}
		list[i].Metadata = nil
		if err := json.Unmarshal([]byte(names.Replace(string(raw))), &list[i].Metadata); err != nil {
			t.Fatal(err)
		}
		if assets, ok := list[i].Metadata["assets"].(map[string]any); ok && assets["jwt"] != nil {
			assets["jwt"] = "TICKET"
		}
	}
	return list
}
