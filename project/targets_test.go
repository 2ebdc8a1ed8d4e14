package project_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/project"
)

const plainAPI = `{
  "name": "api", "main": "src/index.ts", "compatibility_date": "2026-11-01",
  "routes": ["api.example.com/*"],
  "env": { "staging": { "routes": [{ "pattern": "api.staging.example.com", "custom_domain": true }] } }
}`

const plainWeb = `name = "web"
main = "src/index.ts"
compatibility_date = "2026-11-01"
[[services]]
binding = "API"
service = "api"
`

func load(t *testing.T, files map[string]string, opts project.LoadOptions) *project.Portfolio {
	t.Helper()
	dir := whole(t, files)
	opts.Dir = filepath.Join(dir, opts.Dir)
	p, found := project.Load(opts)
	if diag.HasErrors(found) {
		t.Fatal(rendered(t, found))
	}
	return p
}

func names(targets []*project.Target) []string {
	var out []string
	for _, x := range targets {
		out = append(out, x.String())
	}
	return out
}

func TestSelectorsFindTargets(t *testing.T) {
	t.Parallel()
	plain := map[string]string{"services/api/wrangler.jsonc": plainAPI, "services/web/wrangler.toml": plainWeb}
	one := map[string]string{"clodo.yaml": "version: 1\nportfolio: one\nenvironments: {dev: {local: true}, live: {}}\nservices: {api: {path: services/api, inherit: all}}\n", "services/api/wrangler.jsonc": plainWeb}
	one["services/api/wrangler.jsonc"] = `{"name": "api", "main": "a.ts", "compatibility_date": "2026-11-01"}`
	none := map[string]string{"clodo.yaml": "version: 1\nportfolio: none\nservices: {api: {path: api}}\n", "api/wrangler.jsonc": plainAPI}
	tests := map[string]struct {
		files map[string]string
		sel   project.Selector
		want  []string
	}{
		"with a clodo.yaml without environments the top level is meant": {none, project.Selector{}, []string{"api"}},
		"and its hostnames are found":                                   {none, project.Selector{Services: []string{"api.example.com"}}, []string{"api"}},
		"without clodo.yaml everything at the top level":                {plain, project.Selector{}, []string{"api", "web"}},
		"without clodo.yaml an environment of wrangler":                 {plain, project.Selector{Environment: "staging", Services: []string{"api"}}, []string{"api/staging"}},
		"a file without environments takes any, as wrangler does":       {plain, project.Selector{Environment: "staging"}, []string{"api/staging", "web/staging"}},
		"by name":                                         {plain, project.Selector{Services: []string{"web"}}, []string{"web"}},
		"by glob":                                         {plain, project.Selector{Services: []string{"a*"}}, []string{"api"}},
		"by folder":                                       {plain, project.Selector{Services: []string{"./services/web/"}}, []string{"web"}},
		"by the hostname of a route":                      {plain, project.Selector{Services: []string{"api.example.com"}}, []string{"api"}},
		"by the hostname of an environment":               {plain, project.Selector{Services: []string{"api.staging.example.com"}}, []string{"api/staging"}},
		"by the address in a local cloud":                 {plain, project.Selector{Services: []string{"http://web.localhost:7788"}}, []string{"web"}},
		"by the address of an environment there":          {plain, project.Selector{Services: []string{"api-staging.localhost"}}, []string{"api/staging"}},
		"by the address of a customer there":              {example(t), project.Selector{Services: []string{"data-api-production--acme.localhost:7788"}}, []string{"data-api/production/acme"}},
		"by an address as it is printed":                  {plain, project.Selector{Services: []string{"https://api.staging.example.com/"}}, []string{"api/staging"}},
		"twice the same is once":                          {plain, project.Selector{Services: []string{"api", "a*", "services/api"}}, []string{"api"}},
		"the only environment that is not local is meant": {one, project.Selector{}, []string{"api/live"}},
		"with the local cloud the only local one is":      {one, project.Selector{Local: true}, []string{"api/dev"}},
		"the shared targets of an environment": {
			example(t),
			project.Selector{Environment: "production"},
			[]string{"auth/production", "data-api/production", "web/production"},
		},
		"a dedicated customer has targets of its own": {
			example(t),
			project.Selector{Environment: "production", Customers: []string{"acme"}},
			[]string{"auth/production/acme", "data-api/production/acme", "web/production/acme"},
		},
		"a shared customer's targets are the shared ones": {
			example(t),
			project.Selector{Environment: "production", Customers: []string{"globex"}, Services: []string{"web"}},
			[]string{"web/production"},
		},
		"a star is everything that runs in the environment": {
			example(t),
			project.Selector{Environment: "development", Customers: []string{"*"}},
			[]string{"auth/development", "data-api/development", "web/development"},
		},
		"a customer's hostname names service, environment and customer": {example(t), project.Selector{Services: []string{"api.acme.example"}}, []string{"data-api/production/acme"}},
		"a shared customer's hostname leads to the shared target":       {example(t), project.Selector{Services: []string{"globex.greatidude.com"}}, []string{"web/production"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			targets, err := load(t, tt.files, project.LoadOptions{}).Targets(tt.sel)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, names(targets)); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
		})
	}
}

func TestSelectorsThatMeanNothingSayWhatThereIs(t *testing.T) {
	t.Parallel()
	plain := map[string]string{"services/api/wrangler.jsonc": plainAPI, "services/web/wrangler.toml": plainWeb}
	tests := map[string]struct {
		files map[string]string
		sel   project.Selector
		want  string
	}{
		"several environments and none named": {
			example(t),
			project.Selector{},
			"U002: which environment is not said, and there are several | environments are: development, staging, production | say which one: -e development, -e staging, -e production",
		},
		"an environment misspelt": {
			example(t),
			project.Selector{Environment: "prodution"},
			`C020: there is no environment named "prodution" | environments in clodo.yaml:10 are: development, staging, production | did you mean ` + "`-e production`?",
		},
		"a service misspelt":                   {example(t), project.Selector{Environment: "staging", Services: []string{"outh"}}, `C020: there is no service named "outh" | services are: auth, data-api, web | did you mean ` + "`auth`?"},
		"an address in a local cloud misspelt": {plain, project.Selector{Services: []string{"http://wbe.localhost:7788"}}, `C020: there is no service or hostname named "http://wbe.localhost:7788" | services are: api, web | did you mean ` + "`web.localhost`?"},
		"a hostname misspelt":                  {example(t), project.Selector{Services: []string{"api.acme.exampel"}}, `C020: there is no service or hostname named "api.acme.exampel" | services are: auth, data-api, web | did you mean ` + "`api.acme.example`?"},
		"a hostname of another environment": {
			example(t),
			project.Selector{Environment: "staging", Services: []string{"api.acme.example"}},
			`C020: the hostname "api.acme.example" does not belong to environment "staging" | leave out -e: the hostname names the environment`,
		},
		"a customer misspelt":                      {example(t), project.Selector{Environment: "staging", Customers: []string{"acmee"}}, `C020: there is no customer named "acmee" | customers are: acme, globex | did you mean ` + "`--customer acme`?"},
		"a customer that does not run there":       {example(t), project.Selector{Environment: "staging", Customers: []string{"globex"}}, `C020: customer "globex" does not run in environment "staging" | its environments are: production | add it at clodo.yaml:77:3`},
		"no customers at all":                      {plain, project.Selector{Customers: []string{"acme"}}, `C020: there is no customer named "acme" | no customers are configured`},
		"an environment that no wrangler file has": {plain, project.Selector{Environment: "stagin"}, `C020: there is no environment named "stagin" | environments are: staging | did you mean ` + "`-e staging`?"},
		"an environment that one of several lacks": {
			map[string]string{"a/wrangler.jsonc": plainAPI, "b/wrangler.jsonc": strings.ReplaceAll(strings.ReplaceAll(plainAPI, "staging", "live"), `"api"`, `"b"`)},
			project.Selector{Environment: "live"},
			`C020: a/wrangler.jsonc has no environment named "live" | its environments are: staging | name the services that have it, or add env.live there`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := load(t, tt.files, project.LoadOptions{}).Targets(tt.sel)
			var e *diag.Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v", err)
			}
			got := e.Code + ": " + e.Message
			for _, s := range []string{e.Why, e.Fix} {
				if s != "" {
					got += " | " + s
				}
			}
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if e.Exit != diag.ExitUsage || e.State != diag.NothingChanged {
				t.Errorf("exit %d, state %q", e.Exit, e.State)
			}
		})
	}
}

func TestInheritAllMergesAndLinksWithinTheEnvironment(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"clodo.yaml": `version: 1
portfolio: shop
environments:
  staging: { vars: { LEVEL: debug } }
  production: {}
services:
  api: { path: api, inherit: all, vars: { REGION: us, GONE: null }, database: { binding: DB } }
  auth: { path: auth }
customers:
  acme: { name: Acme, isolation: dedicated, vars: { api: { LEVEL: trace } } }
`,
		"api/wrangler.jsonc": `{
  "name": "api", "main": "a.ts", "compatibility_date": "2026-11-01",
  "vars": { "LEVEL": "info", "REGION": "eu", "GONE": "x", "KEPT": { "a": 1 } },
  "kv_namespaces": [{ "binding": "CACHE", "id": "11111111111111111111111111111111" }, { "binding": "OTHER" }],
  "d1_databases": [{ "binding": "DB", "database_name": "shop", "database_id": "11111111-2222-3333-4444-555555555555" }],
  "services": [{ "binding": "AUTH", "service": "auth" }, { "binding": "ELSEWHERE", "service": "not-ours" }],
  "tail_consumers": [{ "service": "auth" }],
  "durable_objects": { "bindings": [{ "name": "ROOM", "class_name": "Room", "script_name": "auth" }] },
  "env": { "production": {
    "vars": { "REGION": "asia", "KEPT": { "b": 2 } },
    "kv_namespaces": [{ "binding": "CACHE", "id": "22222222222222222222222222222222" }],
    "d1_databases": [{ "binding": "DB", "database_id": "99999999-2222-3333-4444-555555555555" }]
  } }
}`,
		"auth/wrangler.jsonc": `{ "name": "auth", "main": "a.ts", "compatibility_date": "2026-11-01" }`,
	}
	p := load(t, files, project.LoadOptions{})
	tests := map[string]struct {
		sel  project.Selector
		want []string
	}{
		"staging has the top level, laid over by service and environment": {
			project.Selector{Environment: "staging", Services: []string{"api"}},
			[]string{
				"plain_text LEVEL=debug", "plain_text REGION=us", "json KEPT", "kv_namespace CACHE id 11111111111111111111111111111111", "kv_namespace OTHER api-staging-other",
				"durable_object_namespace ROOM of auth-staging", "d1 DB shop-staging", "service AUTH auth-staging (auth)", "service ELSEWHERE not-ours ()",
				"plain_text CLODO_SERVICE=api", "plain_text CLODO_ENVIRONMENT=staging", `plain_text CLODO_SERVICES={"auth":{"binding":"AUTH"}}`, "version_metadata CLODO_VERSION", "tail auth-staging",
			},
		},
		"production's own section wins where it says something": {
			project.Selector{Environment: "production", Services: []string{"api"}},
			[]string{
				"plain_text LEVEL=info", "plain_text REGION=us", "json KEPT", "kv_namespace CACHE id 22222222222222222222222222222222", "kv_namespace OTHER api-production-other",
				"durable_object_namespace ROOM of auth-production", "d1 DB id 99999999-2222-3333-4444-555555555555", "service AUTH auth-production (auth)", "service ELSEWHERE not-ours ()",
				"plain_text CLODO_SERVICE=api", "plain_text CLODO_ENVIRONMENT=production", `plain_text CLODO_SERVICES={"auth":{"binding":"AUTH"}}`, "version_metadata CLODO_VERSION", "tail auth-production",
			},
		},
		"a dedicated customer shares neither data nor Workers": {
			project.Selector{Environment: "staging", Services: []string{"api"}, Customers: []string{"acme"}},
			[]string{
				"plain_text LEVEL=trace", "plain_text REGION=us", "json KEPT", "kv_namespace CACHE api-cache-staging--acme", "kv_namespace OTHER api-other-staging--acme",
				"durable_object_namespace ROOM of auth-staging--acme", "d1 DB shop-staging--acme", "service AUTH auth-staging--acme (auth)", "service ELSEWHERE not-ours ()",
				"plain_text CLODO_SERVICE=api", "plain_text CLODO_ENVIRONMENT=staging", "plain_text CLODO_CUSTOMER=acme", `plain_text CLODO_SERVICES={"auth":{"binding":"AUTH"}}`, "version_metadata CLODO_VERSION", "tail auth-staging--acme",
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			targets, err := p.Targets(tt.sel)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, b := range targets[0].Worker.Bindings {
				line := b.Kind + " " + b.Name
				switch {
				case b.Kind == "plain_text":
					line += "=" + b.Text
				case b.Kind == "service":
					line += " " + b.Service + " (" + b.Portfolio + ")"
				case b.ScriptName != "":
					line += " of " + b.ScriptName
				case b.ID != "":
					line += " id " + b.ID
				case b.Resource != "":
					line += " " + b.Resource
				}
				got = append(got, line)
			}
			got = append(got, "tail "+targets[0].Worker.TailConsumers[0]["service"].(string))
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
			if d := cmp.Diff([]string{"auth"}, targets[0].Needs); d != "" {
				t.Errorf("needs: -want +got\n%s", d)
			}
		})
	}
}

func TestInheritWranglerNeverRewrites(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"clodo.yaml":         "version: 1\nportfolio: p\nenvironments: {staging: {}}\nservices: {web: {path: web}, api: {path: api}}\n",
		"web/wrangler.toml":  plainWeb,
		"api/wrangler.jsonc": plainAPI,
	}
	targets, err := load(t, files, project.LoadOptions{}).Targets(project.Selector{Services: []string{"web"}})
	if err != nil {
		t.Fatal(err)
	}
	b := targets[0].Worker.Bindings[0]
	if b.Service != "api" || b.Portfolio != "" || len(targets[0].Needs) != 0 {
		t.Errorf("got %+v, needs %v: the binding is to another environment's Worker", b, targets[0].Needs)
	}
}

func TestLocalFindingsNameEveryKindThatTheLocalCloudLacks(t *testing.T) {
	t.Parallel()
	p, _ := project.Load(project.LoadOptions{Dir: filepath.Join("testdata", "wrangler", "kinds")})
	targets, err := p.Targets(project.Selector{})
	if err != nil {
		t.Fatal(err)
	}
	runs := map[string]bool{
		"plain_text": true, "json": true, "kv_namespace": true, "d1": true, "service": true, "assets": true,
		"durable_object_namespace": true, "version_metadata": true, "ratelimit": true, "vectorize": true, "ai": true, "worker_loader": true, "r2_bucket": true, "queue": true, "send_email": true, "analytics_engine": true, "secrets_store_secret": true,
	}
	fails := map[string]bool{"hyperdrive": true, "browser": true, "images": true, "mtls_certificate": true, "vpc_service": true}
	found := map[string]diag.Finding{}
	for _, f := range p.LocalFindings(targets[0]) {
		if f.Pos.Line == 0 || f.Source == "" {
			t.Errorf("finding %+v", f)
		}
		found[f.Pos.String()] = f
	}
	for _, b := range targets[0].Worker.Bindings {
		f, there := found[b.Pos.String()]
		switch {
		case runs[b.Kind], b.Kind == "dispatch_namespace" && b.Extra["outbound"] == nil:
			if there {
				t.Errorf("%s runs, but: %v", b.Kind, f)
			}
		case !there:
			t.Errorf("there is no finding about %s", b.Kind)
		case fails[b.Kind] && (f.Severity != diag.SeverityWarning || f.Code != "W021"):
			t.Errorf("%s fails only when it is used, but: %v", b.Kind, f)
		case f.Severity == diag.SeverityError && f.Code != "C017":
			t.Errorf("%s: %v", b.Kind, f)
		}
	}
}
