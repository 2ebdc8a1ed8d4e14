package project_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/feature"
	"github.com/tamylaa/clodo/project"
)

const flagged = `version: 1
portfolio: shop
environments:
  staging: { features: { premium: true } }
  production: {}
features:
  premium:
    default: false
    runtime: true
    rollout: 25
    requires: [analytics]
    domains: { acme.example.com: true, app.example.com: false }
  analytics: { default: true }
  theme:
    type: enum
    values: [light, dark]
    default: light
    rules:
      - { when: [{ attribute: plan, in: [pro, team] }, { attribute: customer, equals: acme }], value: dark, percentage: 50 }
services:
  api: { path: services/api }
  app: { path: services/app, inherit: all, domains: { production: [app.example.com] } }
  old: { path: services/old }
customers:
  acme: { name: Acme, isolation: dedicated, domains: { production: { app: [acme.example.com] } }, features: { premium: true } }
  globex: { name: Globex, isolation: shared, domains: { production: { app: [globex.example.com] } }, features: { theme: dark } }
`

func flaggedFiles() map[string]string {
	return map[string]string{
		"clodo.yaml":                  flagged,
		"services/api/wrangler.jsonc": `{"name": "api", "main": "main.go", "compatibility_date": "2026-11-01"}`,
		"services/app/wrangler.jsonc": `{"name": "app", "main": "index.ts", "compatibility_date": "2026-11-01"}`,
		"services/old/wrangler.jsonc": `{"name": "old", "main": "index.ts", "compatibility_date": "2026-11-01"}`,
	}
}

// flagBindings are the bindings that features brought, by target.
func flagBindings(t *testing.T, files map[string]string) map[string][]string {
	t.Helper()
	p, found := project.Load(project.LoadOptions{Dir: whole(t, files)})
	if err := diag.Findings(found); err != nil {
		t.Fatalf("%v\n%s", err, rendered(t, found))
	}
	got := map[string][]string{}
	for _, env := range []string{"staging", "production"} {
		targets, err := p.Targets(project.Selector{Environment: env, Customers: []string{"*"}})
		if err != nil {
			t.Fatal(err)
		}
		for _, target := range targets {
			for _, b := range target.Worker.Bindings {
				if strings.HasPrefix(b.Name, "CLODO_F") || strings.HasPrefix(b.Name, "CLODO_EN") && b.Name != "CLODO_ENVIRONMENT" {
					got[target.String()] = append(got[target.String()], fmt.Sprint(b.Name, " ", b.Text, b.Resource, b.ID))
				}
			}
		}
	}
	return got
}

func TestServicesAreToldTheirFlags(t *testing.T) {
	t.Parallel()
	const (
		analytics = `"analytics":{"default":true}`
		theme     = `{"type":"enum","values":["light","dark"],"default":"light",%s"rules":[{"when":[{"attribute":"plan","in":["pro","team"]},{"attribute":"customer","equals":"acme"}],"value":"dark","percentage":50}]}`
		rest      = `"rules":[{"value":true,"percentage":25}],"requires":["analytics"],"runtime":true}`
	)
	document := func(head, premium, dark string) string {
		return fmt.Sprintf(`CLODO_FEATURES {"v":1,%s,"flags":{%s,"premium":{"default":false,%s%s,"theme":%s}}`, head, analytics, premium, rest, fmt.Sprintf(theme, dark))
	}
	const both = "CLODO_ENABLED analytics,premium"
	staging := []string{document(`"environment":"staging"`, `"environment":true,`, `"customers":{"globex":"dark"},`), both, "CLODO_FLAGS shop-flags-staging"}
	stagingAcme := []string{document(`"environment":"staging","customer":"acme"`, `"environment":true,"customers":{"acme":true},`, ""), both, "CLODO_FLAGS shop-flags-staging--acme"}
	production := []string{document(`"environment":"production","hosts":{"globex.example.com":"globex"}`, `"domains":{"app.example.com":false},`, `"customers":{"globex":"dark"},`), "CLODO_ENABLED analytics", "CLODO_FLAGS shop-flags-production"}
	acme := []string{document(`"environment":"production","customer":"acme"`, `"customers":{"acme":true},"domains":{"acme.example.com":true},`, ""), both, "CLODO_FLAGS shop-flags-production--acme"}
	want := map[string][]string{
		"api/staging": staging, "app/staging": staging, "api/staging/acme": stagingAcme, "app/staging/acme": stagingAcme,
		"api/production": production, "app/production": production, "api/production/acme": acme, "app/production/acme": acme,
	} // old takes nothing from clodo
	if diff := cmp.Diff(want, flagBindings(t, flaggedFiles())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTheWranglerFileMayNameTheNamespaceOfChanges(t *testing.T) {
	t.Parallel()
	files := flaggedFiles()
	files["services/api/wrangler.jsonc"] = `{"name": "api", "main": "main.go", "compatibility_date": "2026-11-01", "env": {"staging": {}, "production": {"kv_namespaces": [{"binding": "CLODO_FLAGS", "id": "0123"}]}}}`
	got := flagBindings(t, files)["api/production"]
	if !slices.Contains(got, "CLODO_FLAGS 0123") || len(got) != 3 {
		t.Errorf("%q", got)
	}
}

func TestNamesOfFlagsBelongToClodo(t *testing.T) {
	t.Parallel()
	files := flaggedFiles()
	files["services/api/wrangler.jsonc"] = `{"name": "api", "main": "main.go", "compatibility_date": "2026-11-01", "vars": {"CLODO_FEATURES": "mine", "CLODO_FLAGS": "mine"}}`
	p, _ := project.Load(project.LoadOptions{Dir: whole(t, files)})
	_, err := p.Targets(project.Selector{Services: []string{"api"}, Environment: "staging"})
	if err == nil || strings.Count(err.Error(), "two owners") == 0 {
		t.Errorf("it is taken: %v", err)
	}
}

func TestWithoutFeaturesNothingIsAdded(t *testing.T) {
	t.Parallel()
	files := flaggedFiles()
	before, after, _ := strings.Cut(flagged, "features:\n")
	_, after, _ = strings.Cut(after, "services:\n")
	text := before + "services:\n" + after
	for _, flags := range []string{"features: { premium: true }", ", features: { theme: dark }", ", features: { premium: true }"} {
		text = strings.ReplaceAll(text, flags, "")
	}
	files["clodo.yaml"] = text
	if got := flagBindings(t, files); len(got) > 0 {
		t.Errorf("%q", got)
	}
}

func TestALongDocumentIsSplit(t *testing.T) {
	t.Parallel()
	files := flaggedFiles()
	var more strings.Builder
	for i := range 100 {
		fmt.Fprintf(&more, "  flag-%d: { type: string, default: %q }\n", i, strings.Repeat("ü", 50))
	}
	files["clodo.yaml"] = strings.Replace(flagged, "features:\n  premium", "features:\n"+more.String()+"  premium", 1)
	p, found := project.Load(project.LoadOptions{Dir: whole(t, files)})
	if err := diag.Findings(found); err != nil {
		t.Fatal(err)
	}
	targets, err := p.Targets(project.Selector{Services: []string{"api"}, Environment: "staging"})
	if err != nil {
		t.Fatal(err)
	}
	text, parts := "", 0
	for _, b := range targets[0].Worker.Bindings {
		if strings.HasPrefix(b.Name, "CLODO_FEATURES") {
			if parts++; parts > 1 && b.Name != fmt.Sprintf("CLODO_FEATURES_%d", parts) || len(b.Text) > 5000 {
				t.Errorf("%s has %d bytes", b.Name, len(b.Text))
			}
			text += b.Text
		}
	}
	d, err := feature.ParseDocument(text)
	if err != nil || parts < 3 || len(d.Flags) != 103 {
		t.Errorf("%d flags in %d parts: %v", len(d.Flags), parts, err)
	}
}

// What clodo.yaml says and what a service makes of it are the same.
func TestEffectiveValuesAreThoseOfTheService(t *testing.T) {
	t.Parallel()
	p, found := project.Load(project.LoadOptions{Dir: whole(t, flaggedFiles())})
	if err := diag.Findings(found); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(p.Flags("production", ""))
	if err != nil {
		t.Fatal(err)
	}
	d, err := feature.ParseDocument(string(text))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, domain := range []string{"app.example.com", "globex.example.com", ""} {
		e, err := feature.Evaluate(d, feature.Changes{}, feature.Context{Domain: domain})
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range e.Names() {
			detail, _ := e.Detail(name)
			got[domain+" "+name] = fmt.Sprint(detail.Value, " ", detail.Reason, " ", p.FlagOrigin(name, "production", d.Hosts[domain], domain, detail.Reason))
		}
	}
	want := map[string]string{
		" analytics": "true default clodo.yaml:13:25", " premium": "false default clodo.yaml:8:14", " theme": "light default clodo.yaml:17:14",
		"app.example.com analytics": "true default clodo.yaml:13:25", "app.example.com premium": "false domain clodo.yaml:12:57", "app.example.com theme": "light default clodo.yaml:17:14",
		"globex.example.com analytics": "true default clodo.yaml:13:25", "globex.example.com premium": "false default clodo.yaml:8:14", "globex.example.com theme": "dark customer clodo.yaml:26:121",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := slices.Sorted(maps.Keys(d.Hosts)); !slices.Equal(got, []string{"globex.example.com"}) {
		t.Errorf("hosts: %q", got)
	}
}
