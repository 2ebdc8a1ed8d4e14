package project_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/project"
)

// The upload*.json files below testdata/wrangler are what wrangler 4.164.0 itself
// sent as metadata for the wrangler file beside them.

type uploaded struct {
	Bindings           []map[string]any `json:"bindings"`
	CompatibilityDate  string           `json:"compatibility_date"`
	CompatibilityFlags []string         `json:"compatibility_flags"`
	Logpush            *bool            `json:"logpush"`
	Placement          map[string]any   `json:"placement"`
	TailConsumers      []map[string]any `json:"tail_consumers"`
	StreamingTail      any              `json:"streaming_tail_consumers"`
	Limits             map[string]any   `json:"limits"`
	Observability      map[string]any   `json:"observability"`
	CacheOptions       any              `json:"cache_options"`
	Extra              any              `json:"extra"`
	Migrations         struct {
		Steps []project.DOMigration `json:"steps"`
	} `json:"migrations"`
	Assets struct {
		Config struct {
			HTMLHandling   string `json:"html_handling"`
			RunWorkerFirst any    `json:"run_worker_first"`
		} `json:"config"`
	} `json:"assets"`
}

// asUploaded puts a Worker into the form of an upload.
func asUploaded(w project.Worker) uploaded {
	u := uploaded{
		CompatibilityDate: w.CompatibilityDate.V, CompatibilityFlags: w.CompatibilityFlags, Logpush: w.Logpush, Placement: w.Placement,
		TailConsumers: w.TailConsumers, Limits: w.Limits, Observability: w.Observability,
		StreamingTail: w.Metadata["streaming_tail_consumers"], CacheOptions: w.Metadata["cache_options"], Extra: w.Metadata["extra"],
	}
	for _, b := range w.Bindings {
		u.Bindings = append(u.Bindings, b.Metadata(""))
	}
	for _, m := range w.DOMigrations {
		m.Tag = "" // travels beside the steps
		u.Migrations.Steps = append(u.Migrations.Steps, m)
	}
	if w.Assets != nil {
		u.Assets.Config.HTMLHandling, u.Assets.Config.RunWorkerFirst = w.Assets.HTMLHandling, w.Assets.RunWorkerFirst
	}
	return u
}

func TestTargetsUploadWhatWranglerUploads(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ dir, env, file, worker string }{
		"every kind of binding, in wrangler's order":                      {"kinds", "", "upload.json", "all-kinds"},
		"the top level of a file with environments":                       {"environments", "", "upload.json", "shop"},
		"an environment inherits settings, but neither bindings nor vars": {"environments", "staging", "upload.staging.json", "shop-staging"},
		"an environment with a name of its own":                           {"environments", "production", "upload.production.json", "shop-live"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join("testdata", "wrangler", tt.dir)
			p, found := project.Load(project.LoadOptions{Dir: dir})
			if len(found) > 0 {
				t.Fatal(rendered(t, found))
			}
			targets, err := p.Targets(project.Selector{Environment: tt.env})
			if err != nil {
				t.Fatal(err)
			}
			if got := targets[0].Worker.Name; got != tt.worker {
				t.Errorf("the Worker is called %q, want %q", got, tt.worker)
			}
			text, err := os.ReadFile(filepath.Join(dir, tt.file))
			if err != nil {
				t.Fatal(err)
			}
			var want uploaded
			if err := json.Unmarshal(text, &want); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(asJSON(t, want), asJSON(t, asUploaded(targets[0].Worker))); d != "" {
				t.Errorf("-wrangler +clodo\n%s", d)
			}
		})
	}
}

// asJSON goes through JSON, so that 4 and 4.0 are the same number, and empty lists
// the same as missing ones.
func asJSON(t *testing.T, v any) any {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return withoutEmpty(out)
}

func withoutEmpty(v any) any {
	m, ok := v.(map[string]any)
	if !ok {
		return v
	}
	for k, member := range m {
		switch member := withoutEmpty(member).(type) {
		case nil:
			delete(m, k)
		case []any:
			if len(member) == 0 {
				delete(m, k)
			}
		}
	}
	return m
}
