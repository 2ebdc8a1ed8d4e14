package edge_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/cloudflare"
	"github.com/tamylaa/clodo/deploy"
	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/assets"
)

func testVersions(t *testing.T, w *world) {
	s := deploy.Script{Name: "versions"}
	if split, err := w.edge.Split(t.Context(), s); err != nil || split != nil {
		t.Errorf("before the first upload: got %v and %v, want nothing", split, err)
	}
	if _, err := w.edge.FindVersion(t.Context(), s, "one"); !errors.Is(err, deploy.ErrNotFound) {
		t.Errorf("before the first upload: got %v, want not found", err)
	}
	one, err := w.edge.Upload(t.Context(), worker(s.Name, "one", says("one"), nil))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"fetch"}, one.Handlers); d != "" || one.Tag != "one" {
		t.Errorf("got %+v", one)
	}
	u := worker(s.Name, "two", says("two"), nil)
	u.Mode = deploy.UploadVersion
	two := read(w.edge.Upload(t.Context(), u))(t)
	if d := cmp.Diff(deploy.Split{{Version: one.ID, Percent: 100}}, read(w.edge.Split(t.Context(), s))(t)); d != "" {
		t.Errorf("a version that was uploaded serves (-want +got):\n%s", d)
	}
	for tag, want := range map[string]string{"one": one.ID, "two": two.ID} {
		if v := read(w.edge.FindVersion(t.Context(), s, tag))(t); v.ID != want {
			t.Errorf("tag %s: found %s, want %s", tag, v.ID, want)
		}
	}
	if _, err := w.edge.FindVersion(t.Context(), s, "three"); !errors.Is(err, deploy.ErrNotFound) {
		t.Errorf("got %v, want not found", err)
	}

	half := deploy.Split{{Version: one.ID, Percent: 99.5}, {Version: two.ID, Percent: 0.5}}
	done(t, w.edge.SetSplit(t.Context(), s, half, "a little"))
	if d := cmp.Diff(half, read(w.edge.Split(t.Context(), s))(t)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	deployments := read(w.client.Deployments(t.Context(), account, s.Name))(t)
	if got := deployments[0].Annotations.Message; got != "a little" {
		t.Errorf("got message %q", got)
	}
	done(t, w.edge.SetTrigger(t.Context(), s, deploy.TriggerChange{Action: deploy.Update, Kind: deploy.TriggerWorkersDev, WorkersDev: true}))
	url := "https://" + s.Name + "." + w.info.WorkersDev + "/"
	header := map[string]string{"Cloudflare-Workers-Version-Overrides": fmt.Sprintf("%s=%q", s.Name, two.ID)}
	if a := w.answer(t, url, header); a.Body != "two" {
		t.Errorf("the version override gives %+v, want two", a)
	}

	// Going back to before a secret was changed is forced.
	done(t, w.edge.SetSplit(t.Context(), s, deploy.Split{{Version: two.ID, Percent: 100}}, "all"))
	read(w.client.PutSecret(t.Context(), account, s.Name, "LATER", cloudflare.NewSecret("x")))(t)
	done(t, w.edge.SetSplit(t.Context(), s, deploy.Split{{Version: one.ID, Percent: 100}}, "back"))
	if a := w.answer(t, url, nil); a.Body != "one" {
		t.Errorf("after going back: got %+v, want one", a)
	}
	err = w.edge.SetSplit(t.Context(), s, deploy.Split{{Version: "00000000-0000-4000-8000-000000000000", Percent: 100}}, "nowhere")
	if err == nil || errors.Is(err, deploy.ErrUnknownOutcome) {
		t.Errorf("a version that does not exist: got %v, want a refusal", err)
	}
}

func testLostUpload(t *testing.T, w *world) {
	for name, lost := range map[string]struct {
		mode deploy.UploadMode
		call string
	}{
		"lost-put":     {deploy.UploadPut, "PUT /scripts/lost-put"},
		"lost-version": {deploy.UploadVersion, "POST /versions"},
	} {
		s := deploy.Script{Name: name}
		read(w.edge.Upload(t.Context(), worker(name, "first", says("first"), nil)))(t)
		u := worker(name, "second", says("second"), nil)
		u.Mode = lost.mode
		w.lose.next(lost.call)
		if _, err := w.edge.Upload(t.Context(), u); !errors.Is(err, deploy.ErrUnknownOutcome) {
			t.Fatalf("%s: got %v, want an unknown outcome", name, err)
		}
		found := read(w.edge.FindVersion(t.Context(), s, "second"))(t)
		list := read(w.client.DeployableVersions(t.Context(), account, name))(t)
		if len(list) != 2 || list[0].ID != found.ID {
			t.Errorf("%s: got %d versions, found %s; want 2 and the newest", name, len(list), found.ID)
		}
	}
}

func testSecrets(t *testing.T, w *world) {
	u := worker("secrets", "one", `export default { fetch(r, env) { return Response.json([env.API_KEY, env.EMPTY, env.PLAIN]); } };`,
		map[string]any{"bindings": []any{map[string]any{"type": "plain_text", "name": "PLAIN", "text": "p"}}})
	u.Secrets = []string{"API_KEY", "EMPTY"}
	read(w.edge.Upload(t.Context(), u))(t)
	done(t, w.edge.SetTrigger(t.Context(), u.Script, deploy.TriggerChange{Action: deploy.Update, Kind: deploy.TriggerWorkersDev, WorkersDev: true}))
	url := "https://secrets." + w.info.WorkersDev + "/"
	if a := w.answer(t, url, nil); a.Body != `["s3cret","","p"]` {
		t.Errorf("got %+v", a)
	}
	u = worker("secrets", "two", `export default { fetch(r, env) { return Response.json([env.API_KEY, env.EMPTY]); } };`, nil)
	read(w.edge.Upload(t.Context(), u))(t)
	if a := w.answer(t, url, nil); a.Body != `["s3cret",""]` {
		t.Errorf("a version without secrets does not take over those before: got %+v", a)
	}
	u.Secrets, u.Tag = []string{"MISSING"}, "three"
	if _, err := w.edge.Upload(t.Context(), u); err == nil || !strings.Contains(err.Error(), "MISSING") {
		t.Errorf("got %v, want one that names the secret without a value", err)
	}
}

func testRefusedUpload(t *testing.T, w *world) {
	_, err := w.edge.Upload(t.Context(), worker("throws", "one", `confg.x; export default {};`, nil))
	de, ok := errors.AsType[*diag.Error](err)
	if !ok || de.Code != "D220" || !strings.Contains(de.Why, "confg is not defined") {
		t.Errorf("got %v, want D220 with the runtime's words", err)
	}
	if _, err := w.edge.FindVersion(t.Context(), deploy.Script{Name: "throws"}, "one"); !errors.Is(err, deploy.ErrNotFound) {
		t.Errorf("got %v, want no version", err)
	}
}

func testAssets(t *testing.T, w *world) {
	dir := t.TempDir()
	files := map[string]string{"index.html": "<h1>hello</h1>", "img/logo.svg": "<svg/>", "img/copy.svg": "<svg/>"}
	u := worker("assets", "one", `export default { fetch(r, env) { return env.ASSETS.fetch(r); } };`, map[string]any{
		"bindings": []any{map[string]any{"type": "assets", "name": "ASSETS"}},
		"assets":   map[string]any{"config": map[string]any{"html_handling": "auto-trailing-slash"}},
	})
	u.Artifact.AssetDir = dir
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		done(t, os.MkdirAll(filepath.Dir(path), 0o755))
		done(t, os.WriteFile(path, []byte(text), 0o644))
		u.Artifact.Assets = append(u.Artifact.Assets, deploy.Asset{
			Path: "/" + name, Hash: assets.Hash(name, []byte(text)), Size: int64(len(text)), File: name,
		})
	}
	read(w.edge.Upload(t.Context(), u))(t)
	done(t, w.edge.SetTrigger(t.Context(), u.Script, deploy.TriggerChange{Action: deploy.Update, Kind: deploy.TriggerWorkersDev, WorkersDev: true}))
	for path, want := range map[string]string{"": "<h1>hello</h1>", "img/logo.svg": "<svg/>", "img/copy.svg": "<svg/>"} {
		if a := w.answer(t, "https://assets."+w.info.WorkersDev+"/"+path, nil); a.Body != want || a.Status != 200 {
			t.Errorf("/%s: got %+v, want %s", path, a, want)
		}
	}

	u.Tag = "two" // the same files again: nothing of them is sent
	done(t, os.RemoveAll(dir))
	read(w.edge.Upload(t.Context(), u))(t)

	hash := func(text string) deploy.Asset {
		return deploy.Asset{Path: "/new.txt", Hash: assets.Hash("new.txt", []byte(text)), Size: int64(len(text)), File: "new.txt"}
	}
	u.Artifact.Assets = append(u.Artifact.Assets, hash("planned"))
	if _, err := w.edge.Upload(t.Context(), u); !errors.Is(err, deploy.ErrChanged) {
		t.Errorf("a file that is gone: got %v, want changed", err)
	}
	done(t, os.MkdirAll(dir, 0o755))
	done(t, os.WriteFile(filepath.Join(dir, "new.txt"), []byte("changed"), 0o644))
	if _, err := w.edge.Upload(t.Context(), u); !errors.Is(err, deploy.ErrChanged) || !strings.Contains(err.Error(), "/new.txt") {
		t.Errorf("a file that changed: got %v, want changed, and its name", err)
	}

	empty := worker("no-assets", "one", `export default { fetch(r, env) { return env.ASSETS.fetch(r); } };`, map[string]any{
		"bindings": []any{map[string]any{"type": "assets", "name": "ASSETS"}}, "assets": map[string]any{"config": map[string]any{}},
	})
	read(w.edge.Upload(t.Context(), empty))(t)
}
