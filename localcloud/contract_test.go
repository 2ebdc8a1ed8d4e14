package localcloud

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/internal/bundle"
	"github.com/tamylaa/clodo/internal/contracttest"
	"github.com/tamylaa/clodo/internal/host"
	"github.com/tamylaa/clodo/internal/npmtest"
	config "github.com/tamylaa/clodo/project"
)

// demand compares what a kind's cases gave with what bindings promise.
func demand(t *testing.T, kind string, results []contracttest.Result) {
	t.Helper()
	var want []contracttest.Result
	for _, c := range contracttest.Kinds()[kind] {
		want = append(want, contracttest.Result{Name: c.Name, Got: c.Want})
	}
	if diff := cmp.Diff(want, results); diff != "" {
		t.Error(diff)
	}
}

func TestBindingsKeepTheirPromisesNatively(t *testing.T) {
	t.Parallel()
	d, err := OpenData(DataOptions{Dir: t.TempDir()})
	fatal(t, err)
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	bindings, err := d.Bindings(t.Context(), Program{Script: "contract", Bindings: contractBindings("db")})
	fatal(t, err)
	ctx := host.WithBindings(t.Context(), bindings)
	for _, kind := range contracttest.Names() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			demand(t, kind, contracttest.Run(ctx, kind))
		})
	}
}

// contractBindings are those that the cases use.
func contractBindings(database string) []json.RawMessage {
	var all []json.RawMessage
	for _, b := range []map[string]any{
		{"type": "d1", "name": "DB", "id": database},
	} {
		raw, err := json.Marshal(b)
		if err != nil {
			panic(err)
		}
		all = append(all, raw)
	}
	return all
}

func TestBindingsKeepTheirPromisesOnWorkers(t *testing.T) {
	t.Parallel()
	npmtest.Workerd(t)
	c := start(t, Options{Dir: t.TempDir()})
	r := remote{t, c.Info()}
	var database struct{ UUID string }
	fatal(t, json.Unmarshal(r.do("POST", "/client/v4/accounts/{a}/d1/database", map[string]string{"name": "contract"}), &database))
	r.program("contract", "../internal/contracttest/testdata/worker", contractBindings(database.UUID))
	for _, kind := range contracttest.Names() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.Info().Data+"/"+kind, nil)
			fatal(t, err)
			req.Host = "contract.localhost"
			res, err := http.DefaultClient.Do(req)
			fatal(t, err)
			body := text(t, res)
			var results []contracttest.Result
			if err := json.Unmarshal([]byte(body), &results); err != nil {
				t.Fatalf("%d %s", res.StatusCode, body)
			}
			demand(t, kind, results)
		})
	}
}

// program builds the Go program in dir and uploads it.
func (r remote) program(name, dir string, bindings []json.RawMessage) {
	r.t.Helper()
	// What the go command reads is unknown to the cache of test results, unless the test
	// reads it too.
	for _, pattern := range []string{"../*.go", "../internal/host/*.go", "../internal/host/shim/*.js", "../internal/host/shim/*/*.js", "../internal/jsonwire/*.go", "../bindings/*/*.go", dir + "/*.go", dir + "/../../*.go"} {
		names, err := filepath.Glob(pattern)
		fatal(r.t, err)
		for _, name := range names {
			_, err := os.ReadFile(name)
			fatal(r.t, err)
		}
	}
	dir, err := filepath.Abs(dir)
	fatal(r.t, err)
	w := config.Worker{Name: name, Dir: dir, File: "wrangler.jsonc"}
	w.Main.V = "main.go"
	built, err := bundle.Bundle(r.t.Context(), &w, dir)
	fatal(r.t, err)
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	metadata, err := json.Marshal(map[string]any{
		"main_module": built.MainModule, "compatibility_date": "2026-11-01", "compatibility_flags": []string{"enable_request_signal"}, "bindings": bindings,
	})
	fatal(r.t, err)
	fatal(r.t, form.WriteField("metadata", string(metadata)))
	for _, m := range built.Modules {
		h := textproto.MIMEHeader{}
		h.Set("Content-Disposition", fmt.Sprintf(`form-data; name=%q; filename=%q`, m.Name, m.Name))
		h.Set("Content-Type", m.ContentType)
		part, err := form.CreatePart(h)
		fatal(r.t, err)
		_, err = part.Write(m.Bytes)
		fatal(r.t, err)
	}
	fatal(r.t, form.Close())
	status, answer := r.send("PUT", "/client/v4/accounts/{a}/workers/scripts/"+name, form.FormDataContentType(), &b)
	r.result("upload "+name, status, answer)
}
