package project_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tamylaa/clodo/project"
)

func TestServicesAreToldWhatTheyAre(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"clodo.yaml": `version: 1
portfolio: shop
accounts: { main: { id: 0123456789abcdef0123456789abcdef } }
environments: { dev: { local: true }, production: {} }
services:
  api: { path: api, domains: { production: [api.shop.example, www.shop.example] } }
  web: { path: web, inherit: all }
  old: { path: old }
  site: { path: site, inherit: all }
customers:
  acme: { name: Acme, isolation: dedicated, domains: { production: { api: [api.acme.example] } } }
`,
		"api/wrangler.jsonc":     `{ "name": "go-api", "main": "cmd/MAIN.go", "compatibility_date": "2026-11-01", "env": { "production": {}, "dev": {} } }`,
		"web/wrangler.jsonc":     `{ "name": "web", "main": "a.ts", "compatibility_date": "2026-11-01" }`,
		"old/wrangler.jsonc":     `{ "name": "old", "main": "a.ts", "compatibility_date": "2026-11-01", "env": { "production": {}, "dev": {} } }`,
		"site/wrangler.jsonc":    `{ "name": "site", "assets": { "directory": "public" }, "compatibility_date": "2026-11-01" }`,
		"site/public/index.html": "x",
	}
	p := load(t, files, project.LoadOptions{})
	got := map[string]string{}
	for _, env := range []string{"dev", "production"} {
		targets, err := p.Targets(project.Selector{Environment: env, Customers: []string{"*"}})
		if err != nil {
			t.Fatal(err)
		}
		for _, target := range targets {
			for _, row := range p.Explain(target) {
				if strings.HasPrefix(row.Key, "CLODO_") {
					got[target.String()] += fmt.Sprintf("%s %s (%s)\n", strings.TrimPrefix(row.Key, "CLODO_"), row.Value, row.Origin)
				}
			}
		}
	}
	const version = "VERSION version_metadata (given by clodo)\n"
	want := map[string]string{
		"api/dev":             "SERVICE api (clodo.yaml:6:3)\nENVIRONMENT dev (clodo.yaml:4:17)\nDOMAIN go-api-dev.localhost (clodo.yaml:4:17)\n" + version,
		"api/dev/acme":        "SERVICE api (clodo.yaml:6:3)\nENVIRONMENT dev (clodo.yaml:4:17)\nCUSTOMER acme (clodo.yaml:11:3)\nDOMAIN go-api-dev--acme.localhost (clodo.yaml:4:17)\n" + version,
		"api/production":      "SERVICE api (clodo.yaml:6:3)\nENVIRONMENT production (clodo.yaml:4:39)\nDOMAIN api.shop.example (clodo.yaml:6:45)\n" + version,
		"api/production/acme": "SERVICE api (clodo.yaml:6:3)\nENVIRONMENT production (clodo.yaml:4:39)\nCUSTOMER acme (clodo.yaml:11:3)\nDOMAIN api.acme.example (clodo.yaml:11:76)\n" + version,
		"web/dev":             "SERVICE web (clodo.yaml:7:3)\nENVIRONMENT dev (clodo.yaml:4:17)\nDOMAIN web-dev.localhost (clodo.yaml:4:17)\n" + version,
		"web/dev/acme":        "SERVICE web (clodo.yaml:7:3)\nENVIRONMENT dev (clodo.yaml:4:17)\nCUSTOMER acme (clodo.yaml:11:3)\nDOMAIN web-dev--acme.localhost (clodo.yaml:4:17)\n" + version,
		"web/production":      "SERVICE web (clodo.yaml:7:3)\nENVIRONMENT production (clodo.yaml:4:39)\n" + version,
		"web/production/acme": "SERVICE web (clodo.yaml:7:3)\nENVIRONMENT production (clodo.yaml:4:39)\nCUSTOMER acme (clodo.yaml:11:3)\n" + version,
	} // old and site stay as they are
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTheDomainIsTheFirstHostnameOfARoute(t *testing.T) {
	t.Parallel()
	p := load(t, map[string]string{
		"wrangler.jsonc": `{ "name": "api", "main": "main.go", "compatibility_date": "2026-11-01", "routes": ["*.shop.example/*", "shop.example/app/*"] }`,
	}, project.LoadOptions{})
	targets, err := p.Targets(project.Selector{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, b := range targets[0].Worker.Bindings {
		got = append(got, b.Name+" "+b.Text)
	}
	if diff := cmp.Diff([]string{"CLODO_SERVICE api", "CLODO_DOMAIN shop.example", "CLODO_VERSION "}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestNamesOfTheContextBelongToClodo(t *testing.T) {
	t.Parallel()
	p := load(t, map[string]string{
		"wrangler.jsonc": `{ "name": "api", "main": "main.go", "compatibility_date": "2026-11-01", "vars": { "CLODO_SERVICE": "mine" } }`,
	}, project.LoadOptions{})
	_, err := p.Targets(project.Selector{})
	if err == nil || !strings.Contains(err.Error(), "two owners for CLODO_SERVICE") {
		t.Errorf("%v", err)
	}
}

func TestServicesAreToldWhereTheOthersAre(t *testing.T) {
	t.Parallel()
	p := load(t, map[string]string{
		"clodo.yaml": `version: 1
portfolio: shop
accounts: { main: { id: 0123456789abcdef0123456789abcdef } }
environments: { dev: { local: true }, production: {} }
services:
  api: { path: api, inherit: all, needs: [search, mail, auth] }
  auth: { path: auth, domains: { production: [auth.shop.example] } }
  search: { path: search, domains: { production: [search.shop.example], dev: [search.localhost] } }
  mail: { path: mail }
  other: { path: other, domains: { production: [other.shop.example] } }
customers:
  acme: { name: Acme, isolation: dedicated, domains: { production: { search: [search.acme.example] } } }
`,
		"api/wrangler.jsonc": `{ "name": "api", "main": "main.go", "compatibility_date": "2026-11-01", "services": [
			{ "binding": "AUTH_ADMIN", "service": "auth", "entrypoint": "Admin" }, { "binding": "AUTH", "service": "auth" }, { "binding": "FOREIGN", "service": "foreign" } ] }`,
		"auth/wrangler.jsonc":   `{ "name": "auth", "main": "main.go", "compatibility_date": "2026-11-01" }`,
		"search/wrangler.jsonc": `{ "name": "search", "main": "main.go", "compatibility_date": "2026-11-01" }`,
		"mail/wrangler.jsonc":   `{ "name": "mail", "main": "main.go", "compatibility_date": "2026-11-01" }`,
		"other/wrangler.jsonc":  `{ "name": "other", "main": "main.go", "compatibility_date": "2026-11-01" }`,
	}, project.LoadOptions{})
	got := map[string]string{}
	for _, env := range []string{"dev", "production"} {
		targets, err := p.Targets(project.Selector{Environment: env, Customers: []string{"*"}})
		if err != nil {
			t.Fatal(err)
		}
		for _, target := range targets {
			for _, b := range target.Worker.Bindings {
				if b.Name == "CLODO_SERVICES" {
					got[target.String()] = b.Text
				}
			}
		}
	}
	want := map[string]string{
		"api/dev":             `{"auth":{"binding":"AUTH"},"mail":{"url":"http://mail-dev.localhost"},"search":{"url":"http://search-dev.localhost"}}`,
		"api/dev/acme":        `{"auth":{"binding":"AUTH"},"mail":{"url":"http://mail-dev--acme.localhost"},"search":{"url":"http://search-dev--acme.localhost"}}`,
		"api/production":      `{"auth":{"binding":"AUTH"},"search":{"url":"https://search.shop.example"}}`,
		"api/production/acme": `{"auth":{"binding":"AUTH"},"search":{"url":"https://search.acme.example"}}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestProgramsInGoAreToldWhenAClientLeaves(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		main string
		want []string
	}{
		"a program in Go":           {`"main.go"`, []string{"enable_request_signal"}},
		"beside flags of its own":   {`"main.go", "compatibility_flags": ["nodejs_als"]`, []string{"nodejs_als", "enable_request_signal"}},
		"one that asks for it":      {`"main.go", "compatibility_flags": ["enable_request_signal"]`, []string{"enable_request_signal"}},
		"one that wants none of it": {`"main.go", "compatibility_flags": ["disable_request_signal"]`, []string{"disable_request_signal"}},
		"a Worker in TypeScript":    {`"main.ts"`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := load(t, map[string]string{"wrangler.jsonc": `{ "name": "api", "compatibility_date": "2026-11-01", "main": ` + test.main + ` }`}, project.LoadOptions{})
			targets, err := p.Targets(project.Selector{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, targets[0].Worker.CompatibilityFlags, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
