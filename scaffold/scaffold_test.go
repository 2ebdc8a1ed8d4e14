package scaffold

import (
	"encoding/json"
	"go/format"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/source"
)

func templates(t *testing.T) []Template {
	t.Helper()
	all, err := Templates()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// rendered is every file of a template for a service called try-it.
func rendered(t *testing.T, tmpl Template) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, name := range tmpl.Files {
		text, err := tmpl.source(embedded, name)
		if err != nil {
			t.Fatal(err)
		}
		if files[name], err = render(text, values("try-it", "shop", "shop")); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	return files
}

func TestTheManifestOfATemplateSaysWhatIsThere(t *testing.T) {
	t.Parallel()
	for _, tmpl := range templates(t) {
		t.Run(tmpl.Language+" "+tmpl.Type, func(t *testing.T) {
			t.Parallel()
			var there []string
			err := fs.WalkDir(embedded, tmpl.dir(), func(name string, d fs.DirEntry, err error) error {
				if err == nil && !d.IsDir() && path.Base(name) != manifest {
					there = append(there, strings.TrimSuffix(strings.TrimPrefix(name, tmpl.dir()+"/"), suffix))
				}
				return err
			})
			if err != nil {
				t.Fatalf("its type or language is not that of its folder: %v", err)
			}
			want := slices.Sorted(slices.Values(tmpl.Files))
			slices.Sort(there)
			if diff := cmp.Diff(want, there); diff != "" {
				t.Errorf("template.json and the folder differ:\n%s", diff)
			}
			if !slices.Contains(Types(), tmpl.Type) || tmpl.Summary == "" || tmpl.Bindings == nil {
				t.Errorf("its type %q is unknown, or its summary or its bindings are missing", tmpl.Type)
			}
		})
	}
}

// remark is a command with words behind it that the shell would take for a part of it.
var remark = regexp.MustCompile(`(?m)^(clodo|go|npm|cp|curl) [^\n|]*?\S {3,}[^# \n].*$`)

func TestATemplateKeepsThePromises(t *testing.T) {
	t.Parallel()
	for _, tmpl := range templates(t) {
		t.Run(tmpl.Language+" "+tmpl.Type, func(t *testing.T) {
			t.Parallel()
			files := rendered(t, tmpl)
			if len(files) > 10 {
				t.Errorf("%d files, more than 10", len(files))
			}
			for _, name := range []string{"README.md", ".dev.vars.example", ".gitignore", "wrangler.jsonc"} {
				if files[name] == "" {
					t.Errorf("%s is missing", name)
				}
			}
			if !slices.Contains(strings.Split(files[".gitignore"], "\n"), ".dev.vars") {
				t.Error("git does not ignore .dev.vars")
			}
			if !slices.ContainsFunc(tmpl.Files, func(name string) bool {
				return strings.HasSuffix(name, "_test.go") || strings.HasSuffix(name, ".test.ts")
			}) {
				t.Error("it has no test")
			}
			for _, line := range remark.FindAllString(files["README.md"], -1) {
				t.Errorf("README.md: whoever copies %q runs its remark, too", line)
			}
			for name, text := range files {
				if placeholder.MatchString(text) {
					t.Errorf("%s holds a placeholder", name)
				}
				if !strings.HasSuffix(text, "\n") || strings.Contains(text, "\r") {
					t.Errorf("%s does not end with a line end, or has those of Windows", name)
				}
				if path.Ext(name) == ".go" {
					formatted, err := format.Source([]byte(text))
					if err != nil || string(formatted) != text {
						t.Errorf("%s is not formatted: %v", name, err)
					}
				}
			}
			doc, found := source.Parse("wrangler.jsonc", []byte(files["wrangler.jsonc"]))
			if len(found) > 0 {
				t.Fatal(found)
			}
			if got := doc.Root.Get("compatibility_date").Str(); got != CompatibilityDate {
				t.Errorf("compatibility date %q", got)
			}
			if !doc.Root.Get("observability", "enabled").True() {
				t.Error("observability is off")
			}
			if got := doc.Root.Get("name").Str(); got != "try-it" {
				t.Errorf("name %q", got)
			}
		})
	}
}

func TestNoPlaceholderRemains(t *testing.T) {
	t.Parallel()
	got, err := render("a {{name}} in {{module}}, ${{ secrets.X }}, {{1, 2}}", values("orders", "shop", "shop"))
	if err != nil || got != "a orders in shop, ${{ secrets.X }}, {{1, 2}}" {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := render("{{name}} {{unknown}}", values("orders", "shop", "shop")); err == nil {
		t.Errorf("%q was taken", got)
	}
}

func TestThePinnedDateIsOneThatThePinnedRuntimeKnows(t *testing.T) {
	t.Parallel()
	b, err := fs.ReadFile(root(t), "internal/workerd/binary.go")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`Version = "1\.(\d{8})\.`).FindStringSubmatch(string(b))
	if m == nil {
		t.Fatal("internal/workerd/binary.go pins no version")
	}
	runtime, err := time.Parse("20060102", m[1])
	if err != nil {
		t.Fatal(err)
	}
	date, err := time.Parse(time.DateOnly, CompatibilityDate)
	if err != nil || date.After(runtime) {
		t.Errorf("%s is later than the runtime of %s: %v", CompatibilityDate, runtime.Format(time.DateOnly), err)
	}
}

func TestNamesOfServices(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, rule, better string }{
		{"orders", "", ""},
		{"data-api-2", "", ""},
		{strings.Repeat("a", 50), "", ""},
		{"ab", "it has 2 characters, fewer than 3", ""},
		{"", "it has 0 characters, fewer than 3", ""},
		{strings.Repeat("a", 51), "it has 51 characters, more than 50", strings.Repeat("a", 50)},
		{"Orders", "it has the capital letter 'O'", "orders"},
		{"data_api", "it has '_', which is neither", "data-api"},
		{"größe", "it has 'ö', which is neither", "gr-e"},
		{"../../etc", "it has '.', which is neither", "etc"},
		{"a b c", "it has ' ', which is neither", "a-b-c"},
		{"-orders", "it begins with a hyphen", "orders"},
		{"orders-", "it ends with a hyphen", "orders"},
		{"data--api", "it has two hyphens in a row", "data-api"},
		{"vendor", "it is reserved: Go gives", "vendor-service"},
		{"con", "it is reserved: Windows", "con-service"},
		{"null", "it is reserved: YAML", "null-service"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := CheckName(tt.name)
			if tt.rule == "" {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			told, ok := err.(*diag.Error)
			if !ok || !strings.HasPrefix(told.Why, tt.rule) {
				t.Fatalf("got %#v, want the rule %q", err, tt.rule)
			}
			if tt.better != "" && !strings.HasSuffix(told.Fix, "such as "+tt.better) {
				t.Errorf("fix %q, want %q in it", told.Fix, tt.better)
			}
			if tt.better == "" && strings.Contains(told.Fix, "such as") {
				t.Errorf("fix %q", told.Fix)
			}
		})
	}
}

func TestWordsForTypesAndLanguages(t *testing.T) {
	t.Parallel()
	all := []Template{{Type: "worker", Language: "go"}, {Type: "data-service", Language: "go"}, {Type: "worker", Language: "ts"}}
	tests := []struct{ typ, language, want, refused string }{
		{"worker", "", "worker go", ""},
		{"generic", "typescript", "worker ts", ""},
		{"rest-api", "golang", "data-service go", ""},
		{"data-servce", "", "", "did you mean --type data-service?"},
		{"nothing-like-it", "", "", "one of: data-service, auth-service"},
		{"", "", "", "one of: data-service"},
		{"worker", "rust", "", "--lang go or --lang ts"},
		{"data-service", "ts", "", "choose another"},
	}
	for _, tt := range tests {
		t.Run(tt.typ+" "+tt.language, func(t *testing.T) {
			t.Parallel()
			got, err := find(all, tt.typ, tt.language)
			if tt.refused != "" {
				told, ok := err.(*diag.Error)
				if !ok || !strings.Contains(told.Fix, tt.refused) {
					t.Errorf("got %v, want %q", err, tt.refused)
				}
				return
			}
			if err != nil || got.Type+" "+got.Language != tt.want {
				t.Errorf("got %s %s, %v", got.Type, got.Language, err)
			}
		})
	}
	for alias, typ := range Aliases() {
		if !slices.Contains(Types(), typ) || slices.Contains(Types(), alias) {
			t.Errorf("alias %s for %s", alias, typ)
		}
	}
}

func TestTriplets(t *testing.T) {
	t.Parallel()
	id := strings.Repeat("0a", 16)
	tests := []struct {
		text string
		want []Domain
		rule string
	}{
		{"api.example.com", []Domain{{Host: "api.example.com"}}, ""},
		{"api.example.com:main:example.com, b.example.org:" + id, []Domain{{"api.example.com", "main", "example.com"}, {Host: "b.example.org", Account: id}}, ""},
		{"api.example.com:main:" + id, []Domain{{"api.example.com", "main", id}}, ""},
		{"", nil, "there is nothing between two commas"},
		{"a.example.com,,b.example.com", nil, "there is nothing between two commas"},
		{"https://api.example.com", nil, "it is an address"},
		{"api.example.com:a:b:c", nil, "it has 4 parts"},
		{"api.example.com:zzz!:example.com", nil, `the account "zzz!" is neither a name`},
		{"api.example.com:main:zone1", nil, `the zone "zone1" is neither a name`},
		{"notexample.com:main:example.com", nil, "notexample.com does not lie in the zone example.com"},
		{"API.example.com", nil, "the hostname has capital letters"},
		{"localhost", nil, `"localhost" has no dot`},
		{"a..com", nil, `"" is not a part of a hostname`},
		{"-a.example.com", nil, `"-a" is not a part of a hostname`},
		{"a.example.com,a.example.com", nil, "the hostname is written twice"},
		{strings.Repeat("a.", 127) + "com", nil, "the hostname has 257 characters"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			t.Parallel()
			got, err := ParseDomains(tt.text)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if tt.rule == "" && err != nil {
				t.Errorf("refused: %v", err)
			}
			if told, ok := err.(*diag.Error); tt.rule != "" && (!ok || !strings.HasPrefix(told.Why, tt.rule)) {
				t.Errorf("got %#v, want %q", err, tt.rule)
			}
		})
	}
}

func FuzzTriplets(f *testing.F) {
	f.Add("api.example.com:main:example.com,b.example.org")
	f.Add("::,:")
	f.Fuzz(func(t *testing.T, text string) {
		domains, err := ParseDomains(text)
		if err != nil && len(domains) > 0 {
			t.Error("an error with domains")
		}
		for _, d := range domains {
			if hostRule(d.Host) != "" {
				t.Errorf("%q was taken", d.Host)
			}
		}
	})
}

func FuzzCheckName(f *testing.F) {
	f.Add("orders")
	f.Add("--")
	good := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	f.Fuzz(func(t *testing.T, name string) {
		if CheckName(name) == nil && (!good.MatchString(name) || len(name) < 3 || len(name) > 50) {
			t.Errorf("%q was taken", name)
		}
	})
}

func TestTheFormOfATemplateIsOneThatTemplatesUse(t *testing.T) {
	t.Parallel()
	names, err := fs.Glob(embedded, "templates/*/*/template.json")
	if err != nil || len(names) == 0 {
		t.Fatal("no templates", err)
	}
	for _, name := range names {
		b, err := fs.ReadFile(embedded, name)
		if err != nil {
			t.Fatal(err)
		}
		d := json.NewDecoder(strings.NewReader(string(b)))
		d.DisallowUnknownFields()
		if err := d.Decode(&Template{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
