package project_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/project"
)

const (
	boundWeb = `{ "name": "web", "main": "a.ts", "compatibility_date": "2026-11-01",
  "env": { "staging": { "services": [{ "binding": "API", "service": "api" }] } } }`
	boundAPI = `{ "name": "api", "main": "a.ts", "compatibility_date": "2026-11-01", "env": { "staging": {} } }`
	pinned   = `{ "name": "api", "main": "a.ts", "compatibility_date": "2026-11-01",
  "kv_namespaces": [{ "binding": "CACHE", "id": "11111111111111111111111111111111" }],
  "d1_databases": [{ "binding": "DB", "database_id": "11111111-2222-3333-4444-555555555555" }, { "binding": "OWN", "database_id": "11111111-2222-3333-4444-555555555556" }],
  "env": { "live": { "d1_databases": [{ "binding": "DB", "database_id": "11111111-2222-3333-4444-555555555557" }] } } }`
)

func TestCheckFindsWhatNoSingleFileShows(t *testing.T) {
	t.Parallel()
	clodo := func(rest string) string { return "version: 1\nportfolio: p\n" + rest }
	tests := map[string]struct {
		files map[string]string
		want  []string
	}{
		"a binding that leaves the environment": {
			map[string]string{"web/wrangler.jsonc": boundWeb, "api/wrangler.jsonc": boundAPI},
			[]string{`warning W004 web/wrangler.jsonc:2:69 environment "staging" is bound to "api", the top level of api/wrangler.jsonc`},
		},
		"ids that several environments share, unless one is its own": {
			map[string]string{
				"clodo.yaml":         clodo("environments: {dev: {local: true}, staging: {}, live: {}}\nservices: {api: {path: api, inherit: all, database: {binding: OWN}}}\n"),
				"api/wrangler.jsonc": pinned,
			},
			[]string{`warning W005 api/wrangler.jsonc:2:49 staging and live would use one kv_namespace together, through the binding "CACHE"`},
		},
		"an environment that wrangler would refuse": {
			map[string]string{"clodo.yaml": clodo("environments: {dev: {local: true}, staging: {}, live: {}}\nservices: {web: {path: web}}\n"), "web/wrangler.jsonc": boundWeb},
			[]string{`error C023 web/wrangler.jsonc:1:11 web/wrangler.jsonc has no environment "live"`},
		},
		"names that are too long together": {
			map[string]string{
				"clodo.yaml":         clodo("environments: {staging: {}}\nservices: {api: {path: api}}\ncustomers: {" + strings.Repeat("c", 40) + ": {name: C, isolation: dedicated}}\n"),
				"api/wrangler.jsonc": strings.ReplaceAll(boundAPI, `"api"`, `"a-service-with-a-name"`),
			},
			[]string{`error C041 api/wrangler.jsonc:1:11 the Worker's name "a-service-with-a-name-staging--` + strings.Repeat("c", 40) + `" has 71 characters, the highest allowed number is 63`},
		},
		"an environment whose name no Worker can have": {
			map[string]string{"wrangler.jsonc": strings.ReplaceAll(boundAPI, "staging", "Staging")},
			[]string{`error C014 wrangler.jsonc:1:11 the Worker's name "api-Staging" is not in the right form`},
		},
		"an environment that does not say which account": {
			map[string]string{"clodo.yaml": clodo("accounts: {a: {}, b: {}}\nenvironments: {staging: {}, dev: {local: true}}\nservices: {api: {path: api}}\n"), "api/wrangler.jsonc": boundAPI},
			[]string{"error C011 clodo.yaml:4:16 environments.staging needs account"},
		},
		"a route that two services have": {
			map[string]string{
				"a/wrangler.jsonc": `{ "name": "a", "main": "a.ts", "compatibility_date": "2026-11-01", "route": "example.com/*" }`,
				"b/wrangler.jsonc": `{ "name": "b", "main": "a.ts", "compatibility_date": "2026-11-01", "routes": ["https://example.com/*"] }`,
			},
			[]string{"error C021 b/wrangler.jsonc:1:79 route https://example.com/* is claimed twice"},
		},
		"a hostname that is missing in many targets is told once": {
			map[string]string{
				"clodo.yaml": clodo("environments: {live: {}}\nservices: {api: {path: api, vars: {URL: 'https://{domain:api}'}}}\n" +
					"customers: {a: {name: A, isolation: dedicated}, b: {name: B, isolation: dedicated}}\n"),
				"api/wrangler.jsonc": wranglerFile("api"),
			},
			[]string{"warning C025 clodo.yaml:4:41 api/live and 2 more run without the variable URL"},
		},
		"a configuration that a build tool wrote": {
			map[string]string{"wrangler.jsonc": boundAPI, ".wrangler/deploy/config.json": "{}"},
			[]string{"warning W012 wrangler.jsonc:1:11 wrangler would deploy another configuration than wrangler.jsonc"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, found := project.Load(project.LoadOptions{Dir: whole(t, tt.files)})
			var got []string
			for _, f := range p.Check(found) {
				got = append(got, string(f.Severity)+" "+f.Code+" "+f.Pos.String()+" "+f.Message)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
		})
	}
}
