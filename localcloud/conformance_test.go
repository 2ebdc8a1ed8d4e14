package localcloud

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/internal/openapitest"
	"github.com/tamylaa/clodo/localcloud/internal/api"
	"github.com/tamylaa/clodo/localcloud/internal/runtime"
)

var update = flag.Bool("update", false, "write docs/local-cloud.md")

// The page is written from the router, from Cloudflare's own document and from the
// table of bindings, so that it cannot say what is not so.
func TestTheConformancePageSaysWhatIsThere(t *testing.T) {
	t.Parallel()
	page := filepath.Join("..", "docs", "local-cloud.md")
	got := conformancePage(api.Endpoints(), openapitest.Load(t).Routes(), runtime.Kinds())
	if *update {
		fatal(t, os.WriteFile(page, []byte(got), 0o644))
	}
	was, err := os.ReadFile(page)
	fatal(t, err)
	if diff := cmp.Diff(string(was), got); diff != "" {
		t.Errorf("docs/local-cloud.md is not what the code has; go test ./localcloud -run Conformance -update writes it (-page +code):\n%s", diff)
	}
}

// products are the parts of the API by the paths that they begin with; the first that
// fits counts.
var products = []struct{ name, path string }{
	{"D1", "/accounts/{}/d1/"},
	{"KV", "/accounts/{}/storage/kv/"},
	{"R2", "/accounts/{}/r2/"},
	{"Queues", "/accounts/{}/queues"},
	{"Vectorize", "/accounts/{}/vectorize/"},
	{"Secrets Store", "/accounts/{}/secrets_store/"},
	{"Workers AI", "/accounts/{}/ai/"},
	{"Workers: the newer endpoints", "/accounts/{}/workers/workers"},
	{"Workers for Platforms", "/accounts/{}/workers/dispatch/"},
	{"Workers: logs and telemetry", "/accounts/{}/workers/observability/"},
	{"Workers: scripts", "/accounts/{}/workers/scripts"},
	{"Workers: routes", "/zones/{}/workers/"},
	{"Workers: everything else", "/accounts/{}/workers/"},
	{"Cache", "/zones/{}/purge_cache"},
	{"Zones and DNS", "/zones"},
	{"Analytics", "/graphql"},
	{"Analytics", "/accounts/{}/analytics_engine/"},
	{"Audit logs and billing", "/accounts/{}/logs/"},
	{"Audit logs and billing", "/accounts/{}/audit_logs"},
	{"Audit logs and billing", "/accounts/{}/billable"},
	{"Accounts, tokens and users", "/"},
}

var placeholder = regexp.MustCompile(`\{[^}]*\}`)

// shape is a path without the names of its variables.
func shape(path string) string { return placeholder.ReplaceAllString(path, "{}") }

// paths are the methods by path, in two columns: answered, and answered 501.
type paths map[string]*[2][]string

func (p paths) add(path, method string, column int) {
	if p[path] == nil {
		p[path] = &[2][]string{}
	}
	p[path][column] = append(p[path][column], method)
}

func conformancePage(endpoints []api.Endpoint, documented []string, kinds []runtime.Kind) string {
	names := map[string]string{} // our spelling of a path by its shape
	known := map[string]bool{}
	byProduct := map[string]paths{}
	have, lacking := 0, 0
	put := func(method, path string, column int) {
		i := slices.IndexFunc(products, func(p struct{ name, path string }) bool { return strings.HasPrefix(shape(path), p.path) })
		name := products[i].name
		if byProduct[name] == nil {
			byProduct[name] = paths{}
		}
		if ours, ok := names[shape(path)]; ok {
			path = ours
		}
		byProduct[name].add(path, method, column)
		if column == 0 {
			have++
		} else {
			lacking++
		}
	}
	for _, e := range endpoints {
		names[shape(e.Pattern)] = e.Pattern
	}
	for _, e := range endpoints {
		known[e.Method+" "+shape(e.Pattern)] = true
		put(e.Method, e.Pattern, 0)
	}
	for _, route := range documented {
		method, path, _ := strings.Cut(route, " ")
		if !known[method+" "+shape(path)] {
			put(method, path, 1)
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, `# What the local cloud has

<!-- Written by go test ./localcloud -run Conformance -update; the same test compares it with the code. -->

How to use it: [the local cloud](guide/local-cloud.md). This page is written from the router's own table,
from Cloudflare's OpenAPI document and from the table of bindings.

## REST API

%d endpoints answer. In the tests each of their answers is checked against Cloudflare's document, or a
schema of ours for the few that it does not have. %d more of the same products are in the document and
answer 501, naming themselves; so does every route that this page does not have.
`, have, lacking)
	var order []string
	for _, p := range products {
		if !slices.Contains(order, p.name) && byProduct[p.name] != nil {
			order = append(order, p.name)
		}
	}
	slices.Sort(order)
	for _, name := range order {
		fmt.Fprintf(&b, "\n### %s\n\n| path | answered | 501 |\n|---|---|---|\n", name)
		for _, path := range slices.Sorted(maps.Keys(byProduct[name])) {
			columns := byProduct[name][path]
			slices.Sort(columns[0])
			slices.Sort(columns[1])
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", path, strings.Join(columns[0], ", "), strings.Join(columns[1], ", "))
		}
	}
	bindingTables(&b, kinds)
	return b.String()
}

// bindingTables are the kinds of bindings by state, and the methods of those that work.
func bindingTables(b *strings.Builder, kinds []runtime.Kind) {
	b.WriteString("\n## Bindings\n\nAn upload may have these. What a Worker finds in `env.X`, in which `X` is the binding's name, comes from workerd.\n" +
		"\"Local\" means that its calls end in this cloud and not at Cloudflare: [how they differ from Miniflare's](local-cloud-bindings.md).\n" +
		"\n| kind | state | methods | |\n|---|---|---|---|\n")
	for _, k := range kinds {
		if k.State != runtime.Native && k.State != runtime.Local {
			continue
		}
		var methods []string
		for _, o := range k.Objects {
			methods = append(methods, "`"+o.Of+"`: "+strings.Join(o.Methods, ", "))
		}
		state := map[string]string{runtime.Native: "workerd's own", runtime.Local: "local"}[k.State]
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", k.Name, state, strings.ReplaceAll(strings.Join(methods, "<br>"), "|", `\|`), k.Note)
	}
	b.WriteString("\n### Without a binding\n\nThe [Cache API](guide/local-bindings.md#the-cache-api), which is local, too.\n\n| object | methods |\n|---|---|\n")
	for _, o := range runtime.Caches() {
		fmt.Fprintf(b, "| `%s` | %s |\n", o.Of, strings.Join(o.Methods, ", "))
	}
	b.WriteString("\n### Accepted, and fail when they are used\n\nThe Worker deploys and runs; whatever it does with the binding throws the reason.\n\n| kind | reason |\n|---|---|\n")
	for _, k := range kinds {
		if k.State == runtime.Fails {
			fmt.Fprintf(b, "| `%s` | %s |\n", k.Name, k.Note)
		}
	}
	b.WriteString("\n### Refused\n\nAn upload with one of these is refused by name, as is any other kind that this page does not have.\n\n| kind | reason |\n|---|---|\n")
	for _, k := range kinds {
		if k.State == runtime.Refused {
			fmt.Fprintf(b, "| `%s` | %s |\n", k.Name, k.Note)
		}
	}
}
