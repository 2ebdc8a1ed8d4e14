package edge_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/check"
	"github.com/tamylaa/clodo/cloudflare"
	"github.com/tamylaa/clodo/deploy"
	"github.com/tamylaa/clodo/internal/assets"
	"github.com/tamylaa/clodo/internal/edge"
	"github.com/tamylaa/clodo/internal/npmtest"
	"github.com/tamylaa/clodo/internal/openapitest"
	"github.com/tamylaa/clodo/localcloud"
)

const (
	limited = "clodo_local_reads_scripts_only" // may read Workers and nothing else
	zones   = 60                               // more than one page of the API's list
)

// world is a local cloud and the real client in front of it, every exchange of which
// is checked against Cloudflare's document.
type world struct {
	cloud  *localcloud.Cloud
	info   localcloud.Info
	client *cloudflare.Client
	edge   *edge.Edge
	lose   *losing
}

// losing loses the answer to the first call that it is told to lose.
type losing struct {
	base http.RoundTripper
	mu   sync.Mutex
	call string // METHOD and end of the path, "" for none
}

func (l *losing) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := l.base.RoundTrip(r)
	l.mu.Lock()
	defer l.mu.Unlock()
	method, end, _ := strings.Cut(l.call, " ")
	if err == nil && l.call != "" && r.Method == method && strings.HasSuffix(r.URL.Path, end) {
		l.call = ""
		return nil, errors.Join(errors.New("the connection was reset"), resp.Body.Close())
	}
	return resp, err
}

func (l *losing) next(call string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.call = call
}

func (w *world) edgeWith(t *testing.T, token string, secrets values) *edge.Edge {
	t.Helper()
	client, err := cloudflare.New(cloudflare.Options{
		BaseURL: w.info.API, Local: true, Token: cloudflare.NewSecret(token), HTTPClient: &http.Client{Transport: w.lose},
	})
	if err != nil {
		t.Fatal(err)
	}
	if w.client == nil {
		w.client = client
	}
	return edge.New(accounts{&edge.Account{Client: client, ID: w.info.AccountID, Name: "acme"}}, secrets, assets.Hash)
}

func newWorld(t *testing.T) *world {
	t.Helper()
	npmtest.Workerd(t)
	seed := localcloud.Seed{
		Accounts: []localcloud.Account{{ID: account, Name: "acme"}},
		Tokens:   []localcloud.Token{{Value: limited, Accounts: []string{account}, Groups: []string{"Workers Scripts Read"}}},
	}
	for i := range zones {
		seed.Zones = append(seed.Zones, fmt.Sprintf("zone%02d.example", i))
	}
	cloud, err := localcloud.Start(t.Context(), localcloud.Options{
		Dir: filepath.Join(t.TempDir(), "cloud"), APIAddr: "127.0.0.1:0", DataAddr: "127.0.0.1:0", Seed: seed,
	})
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := cloud.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	w := &world{cloud: cloud, info: cloud.Info()}
	w.lose = &losing{base: openapitest.Load(t).Transport(t, transport)}
	w.edge = w.edgeWith(t, w.info.APIToken, values{"API_KEY": "s3cret", "EMPTY": ""})
	return w
}

// answer is what the Worker at host says.
func (w *world) answer(t *testing.T, url string, header map[string]string) check.Answer {
	t.Helper()
	p, err := edge.NewProber(w.info.Data)
	if err != nil {
		t.Fatal(err)
	}
	a, err := p.Get(t.Context(), check.Request{URL: url, Header: header})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// worker is an upload of code, with more fields of metadata than main_module.
func worker(name, tag, code string, more map[string]any) deploy.Upload {
	metadata := map[string]any{
		"main_module": "index.js", "bindings": []any{}, "compatibility_date": "2026-01-01", "compatibility_flags": []string{},
		"keep_bindings": []string{"secret_text", "secret_key"}, "annotations": map[string]any{"workers/tag": tag, "workers/message": "clodo"},
	}
	for k, v := range more {
		metadata[k] = v
	}
	raw, err := json.Marshal(metadata)
	if err != nil {
		panic(err) // made of JSON values only
	}
	return deploy.Upload{
		Script: deploy.Script{Name: name}, Mode: deploy.UploadPut, Metadata: raw, Tag: tag,
		Artifact: deploy.Artifact{MainModule: "index.js", Modules: []deploy.Module{
			deploy.NewModule("index.js", "application/javascript+module", []byte(code)),
		}},
	}
}

func says(text string) string {
	return `export default { fetch() { return new Response(` + fmt.Sprintf("%q", text) + `); } };`
}

// done ends the test unless err is nil.
func done(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// read takes the value of a call apart from its error, which must be nil.
func read[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		done(t, err)
		return v
	}
}

// The subtests share one cloud, and each has a Worker of its own.
func TestAgainstTheLocalCloud(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, test := range map[string]func(*testing.T, *world){
		"a resource is made once and found by its exact name":           testResources,
		"a query answers rows, refuses in SQLite's words, and is whole": testQuery,
		"a first upload serves, a version waits for its share":          testVersions,
		"an upload whose answer is lost is found by its tag":            testLostUpload,
		"secrets travel with an upload, also an empty one":              testSecrets,
		"an upload that throws at its start leaves nothing":             testRefusedUpload,
		"assets are read in their folder and verified":                  testAssets,
		"routes and domains are attached and detached, also twice":      testAttach,
		"what belongs to another Worker is a conflict":                  testConflicts,
		"a queue is read by the Worker that is attached to it":          testConsumers,
		"crons, workers.dev and settings are read as they were set":     testUpdates,
		"a Worker is deleted, also when it is gone":                     testDelete,
		"what a request logged and threw is found by its ray":           testLogged,
		"Live reads the whole account and the targets' Workers":         testLive,
		"Live notes what the token may not read":                        testLiveRefused,
	} {
		t.Run(name, func(t *testing.T) { test(t, w) })
	}
}

func testLogged(t *testing.T, w *world) {
	read(w.edge.Upload(t.Context(), worker("logs", "t1", `export default { fetch(request) {
		console.log("asked for", new URL(request.url).pathname);
		if (request.url.endsWith("/throws")) throw new RangeError("too far");
		return new Response("fine");
	} };`, nil)))(t)
	for path, want := range map[string][]string{"/throws": {"asked for /throws", "RangeError: too far"}, "/fine": {"asked for /fine"}} {
		a := w.answer(t, "https://logs.localhost"+path, nil)
		if got := read(w.edge.Logged(t.Context(), "", a.Ray))(t); !cmp.Equal(got, want) {
			t.Errorf("%s, answered %d, logged %q, want %q", path, a.Status, got, want)
		}
	}
}

func testResources(t *testing.T, w *world) {
	for kind, name := range map[deploy.ResourceKind]string{deploy.KindD1: "orders", deploy.KindKV: "cache", deploy.KindR2: "files", deploy.KindQueue: "jobs"} {
		if _, err := w.edge.FindResource(t.Context(), "", kind, name); !errors.Is(err, deploy.ErrNotFound) {
			t.Errorf("%s before it is made: got %v, want not found", kind, err)
		}
		read(w.edge.CreateResource(t.Context(), "", kind, name+"-2"))(t) // contains the name
		id := read(w.edge.CreateResource(t.Context(), "", kind, name))(t)
		if _, err := w.edge.CreateResource(t.Context(), "", kind, name); !errors.Is(err, deploy.ErrConflict) {
			t.Errorf("%s made twice: got %v, want a conflict", kind, err)
		}
		if got := read(w.edge.FindResource(t.Context(), "", kind, name))(t); got != id || id == "" {
			t.Errorf("%s: found %q, want %q", kind, got, id)
		}
	}
}

func testQuery(t *testing.T, w *world) {
	id := read(w.edge.CreateResource(t.Context(), "", deploy.KindD1, "queried"))(t)
	db := w.edge.Database("", id)
	read(db.Query(t.Context(), "CREATE TABLE t (a INTEGER, b TEXT); INSERT INTO t VALUES (9007199254740993, 'x');"))(t)
	_, err := db.Query(t.Context(), "INSERT INTO t VALUES (2, 'y'); INSERT INTO nowhere VALUES (1);")
	if err == nil || !strings.Contains(err.Error(), "no such table: nowhere") || strings.Contains(err.Error(), "POST") {
		t.Errorf("got %v, want SQLite's words", err)
	}
	got, err := db.Query(t.Context(), "SELECT a, b FROM t WHERE b = ?", "x")
	want := []map[string]any{{"a": json.Number("9007199254740993"), "b": "x"}}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, d)
	}
	if all, err := db.Query(t.Context(), "SELECT a FROM t"); len(all) != 1 || err != nil {
		t.Errorf("got %v and %v, want the one row: what failed halfway changed nothing", all, err)
	}
	if _, err := w.edge.Database("", "00000000-0000-4000-8000-000000000000").Query(t.Context(), "SELECT 1"); !errors.Is(err, deploy.ErrNotFound) {
		t.Errorf("a database that does not exist: got %v, want not found", err)
	}
}

func testDelete(t *testing.T, w *world) {
	s := deploy.Script{Name: "deleted"}
	read(w.edge.Upload(t.Context(), worker(s.Name, "one", says("one"), nil)))(t)
	for range 2 {
		done(t, w.edge.DeleteWorker(t.Context(), s))
	}
	if split, err := w.edge.Split(t.Context(), s); err != nil || split != nil {
		t.Errorf("got %v and %v, want nothing", split, err)
	}
}

func decoded(t *testing.T, raw []byte) any {
	t.Helper()
	var v any
	done(t, json.Unmarshal(raw, &v))
	return v
}
