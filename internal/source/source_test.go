package source_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/internal/source"
)

func TestParseReadsEachFormatIntoTheSameValues(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		file, text string
		want       any
	}{
		"YAML 1.2: yes is text, dates are text, numbers are numbers": {
			"a.yaml", "a: yes\nb: 2026-01-01\nc: 007\nd: 1.5\ne: true\nf:\ng: [1, x]\n",
			map[string]any{"a": "yes", "b": "2026-01-01", "c": int64(7), "d": 1.5, "e": true, "f": nil, "g": []any{int64(1), "x"}},
		},
		"YAML aliases and merge keys are expanded, own keys win": {
			"a.yaml", "base: &b {x: 1, y: 2}\nuse: {<<: *b, y: 3}\nlist: [*b]\n",
			map[string]any{
				"base": map[string]any{"x": int64(1), "y": int64(2)}, "use": map[string]any{"x": int64(1), "y": int64(3)},
				"list": []any{map[string]any{"x": int64(1), "y": int64(2)}},
			},
		},
		"JSON with comments and trailing commas": {
			"a.jsonc", "// c\n{\"a\": [1, 2.5, null,], /* x */ \"b\": \"é\\n\",}\n",
			map[string]any{"a": []any{int64(1), 2.5, nil}, "b": "é\n"},
		},
		"TOML tables, dotted keys, arrays of tables and inline tables": {
			"a.toml", "a.b = 0x10\n[t]\nx = 'y'\n[[l]]\nn = 1_000\n[[l]]\nn = 2\n[l.sub]\nz = {q = [true, 2024-01-01]}\n",
			map[string]any{
				"a": map[string]any{"b": int64(16)}, "t": map[string]any{"x": "y"},
				"l": []any{map[string]any{"n": int64(1000)}, map[string]any{"n": int64(2), "sub": map[string]any{"z": map[string]any{"q": []any{true, "2024-01-01"}}}}},
			},
		},
		"an empty file is an empty value":     {"a.yaml", " \n", nil},
		"a byte order mark is not part of it": {"a.json", "\ufeff{}", map[string]any{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc, found := source.Parse(tt.file, []byte(tt.text))
			if len(found) > 0 {
				t.Fatal(found)
			}
			if d := cmp.Diff(tt.want, doc.Root.Any()); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
		})
	}
}

func TestPositionsCountRunesAndKnowTheirEnd(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		file, text  string
		path        []string
		key, values string
	}{
		"YAML plain":        {"a.yaml", "é: {b: ünï, c: 1}", []string{"é", "b"}, "1:5-6", "1:8-11"},
		"YAML quoted":       {"a.yaml", "a: \"x\\\"y\" # c", []string{"a"}, "1:1-2", "1:4-10"},
		"YAML single quote": {"a.yaml", "a: 'it''s'", []string{"a"}, "1:1-2", "1:4-11"},
		"JSON":              {"a.json", "{\n \"é\": \"ü\"}", []string{"é"}, "2:2-5", "2:7-10"},
		"TOML quoted key":   {"a.toml", "[\"é\"]\nb = \"ü\"\n", []string{"é", "b"}, "2:1-2", "2:5-8"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc, found := source.Parse(tt.file, []byte(tt.text))
			if len(found) > 0 {
				t.Fatal(found)
			}
			pair := doc.Root.Get(tt.path[:len(tt.path)-1]...).Pair(tt.path[len(tt.path)-1])
			show := func(line, from, to int) string { return fmt.Sprintf("%d:%d-%d", line, from, to) }
			if got := show(pair.Value.Pos.Line, pair.Value.Pos.Column, pair.Value.Pos.EndColumn); got != tt.values {
				t.Errorf("value at %s, want %s", got, tt.values)
			}
			if got := show(pair.Pos.Line, pair.Pos.Column, pair.Pos.EndColumn); got != tt.key {
				t.Errorf("key at %s, want %s", got, tt.key)
			}
		})
	}
}

func TestSyntaxErrorsSayWhatAPersonDid(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ file, text, want string }{
		"YAML tab":                   {"a.yaml", "a:\n\tb: 1", "a.yaml:2:1: a tab is used to indent this line"},
		"YAML open quote":            {"a.yaml", "a: \"x\nb: 1\nc: 2", "a.yaml:1:4: a double quote is opened here and never closed on this line"},
		"YAML colon in text":         {"a.yaml", "a: b: c", "a.yaml:1:5: a colon followed by a space is not expected here"},
		"YAML two documents":         {"a.yaml", "a: 1\n---\nb: 2", "a.yaml:1:1: there is a second document in this file"},
		"YAML alias of itself":       {"a.yaml", "a: &x [*x]", "a.yaml:1:8: this alias is used inside itself"},
		"YAML alias of nothing":      {"a.yaml", "a: *y", "a.yaml:1:4: this alias has no anchor"},
		"YAML list as key":           {"a.yaml", "? [a]\n: b", "a.yaml:1:3: a key must be text, not a list"},
		"YAML tag":                   {"a.yaml", "a: !!binary aGk=", "a.yaml:1:4: this tag is not known here"},
		"YAML key twice":             {"a.yaml", "a: 1\na: 2", `a.yaml:2:1: the key "a" is written twice`},
		"YAML not a number":          {"a.yaml", "a: .nan", "a.yaml:1:4: this is not a number that can be used"},
		"JSON key twice":             {"a.json", "{\"a\":1,\n\"a\":2}", `a.json:2:1: the key "a" is written twice`},
		"JSON colon missing":         {"a.json", `{"a" 1}`, "a.json:1:6: a colon is missing before this"},
		"JSON comma missing":         {"a.json", `{"a":1 "b":2}`, "a.json:1:8: a comma is missing before this"},
		"JSON word without quotes":   {"a.json", `{a:1}`, "a.json:1:2: a name or text in JSON stands in double quotes"},
		"JSON open quote":            {"a.json", `{"a":"x}`, "a.json:1:6: a double quote is opened here and never closed on this line"},
		"JSON not closed":            {"a.json", "{\n\"a\": [\n1]", "a.json:3:3: the file ends before everything that was opened is closed"},
		"JSON something after":       {"a.json", `{} x`, "a.json:1:4: there is something after the end of the file's value"},
		"JSON number too large":      {"a.json", `1e999`, "a.json:1:1: this number is too large"},
		"TOML table twice":           {"a.toml", "[a]\n[b]\n[a]", `a.toml:3:2: the key "a" is written twice`},
		"TOML key twice":             {"a.toml", "a=1\na=2", `a.toml:2:1: the key "a" is written twice`},
		"TOML dotted into a value":   {"a.toml", "a=1\na.b=2", `a.toml:2:1: the key "a" is written twice`},
		"TOML inline table extended": {"a.toml", "a={}\n[a.b]", `a.toml:2:2: the key "a" is written twice`},
		"TOML array extended":        {"a.toml", "a=[]\n[[a]]", `a.toml:2:3: the key "a" is written twice`},
		"TOML two on a line":         {"a.toml", "a=1 b=2", "a.toml:1:5: this is not TOML: expected newline but got U+0062 'b'"},
		"TOML open quote":            {"a.toml", "a = \"x\n", "a.toml:1:5: a double quote is opened here and never closed on this line"},
		"not UTF-8":                  {"a.yaml", "a: \xff", "a.yaml:1:4: this file is not UTF-8 text from here on"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc, found := source.Parse(tt.file, []byte(tt.text))
			if len(found) == 0 || doc.Root != nil {
				t.Fatalf("no finding; the tree is %v", doc.Root.Any())
			}
			if got := found[0].Error(); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestHugeInputIsRefusedWithItsLimit(t *testing.T) {
	t.Parallel()
	bomb := "a0: &a0 [x,x,x,x,x,x,x,x,x]\n"
	for i := 1; i < 10; i++ {
		bomb += fmt.Sprintf("a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i-1), 9), ","))
	}
	aliases := "a: &a 1\nl:\n" + strings.Repeat("- *a\n", source.MaxAliases+1)
	tests := map[string]struct{ file, text, want string }{
		"a YAML bomb":               {"a.yaml", bomb, "aliases"},
		"too many aliases":          {"a.yaml", aliases, "uses more than 1000 aliases"},
		"too many bytes":            {"a.json", strings.Repeat(" ", source.MaxBytes+1), "the highest allowed size is 1048576"},
		"deep JSON":                 {"a.json", strings.Repeat("[", 100) + strings.Repeat("]", 100), "nested more than 64 levels"},
		"bottomless JSON":           {"a.json", strings.Repeat("[", 900_000), "nested more than 64 levels"},
		"bottomless YAML":           {"a.yaml", strings.Repeat("[", 900_000), "nested more than 64 levels"},
		"bottomless TOML":           {"a.toml", "a = " + strings.Repeat("[", 900_000), "nested more than 64 levels"},
		"deep dotted TOML":          {"a.toml", strings.Repeat("a.", 100) + "a = 1", "nested more than 64 levels"},
		"deep YAML by indentation":  {"a.yaml", indented(100), "nested more than 64 levels"},
		"too many maps on one line": {"a.json", "[" + strings.Repeat(`{"é":{}},`, 90_000) + "1]", "has more than 100000 values"},
		"too many values":           {"a.json", "[" + strings.Repeat("1,", source.MaxValues) + "1]", "has more than 100000 values"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc, found := source.Parse(tt.file, []byte(tt.text))
			if doc.Root != nil || len(found) == 0 {
				t.Fatal("it was read")
			}
			if !strings.Contains(found[0].Message+found[0].Why, tt.want) || found[0].Code != "C003" {
				t.Errorf("got %s: %s (%s), want %q", found[0].Code, found[0].Message, found[0].Why, tt.want)
			}
		})
	}
}

func indented(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

func TestExcerptsHideSecrets(t *testing.T) {
	t.Parallel()
	const secret = "hunter2-and-more"
	texts := map[string]string{
		"a value whose key sounds secret": "a.yaml|api_token: " + secret,
		"in quotes":                       "a.yaml|x: {password: '" + secret + "', y: 1}",
		"below secrets":                   "a.yaml|secrets: {ANYTHING: " + secret + "}",
		"in JSON":                         `a.json|{"vars": {"STRIPE_KEY": "` + secret + `"}}`,
		"in TOML":                         `a.toml|client_secret = "` + secret + `"`,
		"in a file that cannot be parsed": "a.yaml|token: " + secret + ": x",
		"in a quote that is not closed":   `a.toml|token = "` + secret,
		"in JSON that cannot be parsed":   `a.json|{"vars": {"API_TOKEN": "` + secret + `" "B": 1}}`,
		"written twice":                   `a.json|{"API_TOKEN": "` + secret + `", "API_TOKEN": "` + secret + `"}`,
		"written twice in TOML":           "a.toml|x.TOKEN = '" + secret + "'\nx.TOKEN = '" + secret + "'",
		"as an alias by mistake":          "a.yaml|password: *" + secret,
		"as a tag by mistake":             "a.yaml|password: !" + secret + " x",
		"a word without quotes in JSON":   `a.json|{"token": ` + secret + `}`,
	}
	for name, text := range texts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file, text, _ := strings.Cut(text, "|")
			doc, found := source.Parse(file, []byte(text))
			for i := range strings.Count(text, "\n") + 1 {
				if line := doc.Line(i + 1); strings.Contains(line, "hunter2") {
					t.Errorf("the excerpt shows it: %s", line)
				}
			}
			if all := fmt.Sprint(found); strings.Contains(all, "hunter2") {
				t.Errorf("a finding shows it: %s", all)
			}
		})
	}
	for _, text := range []string{"stripe: ghp_hunter2", "list: [sk_live_hunter2]", "stripe: [ghp_hunter2"} {
		doc, found := source.Parse("a.yaml", []byte(text))
		if all := doc.Line(1) + fmt.Sprint(found); strings.Contains(all, "hunter2") {
			t.Errorf("a value that looks secret is shown: %s", all)
		}
	}
	doc, _ := source.Parse("a.yaml", []byte("token: env:CLOUDFLARE_API_TOKEN"))
	if got := doc.Line(1); got != "token: env:CLOUDFLARE_API_TOKEN" {
		t.Errorf("a reference is hidden: %s", got)
	}
}

func FuzzParseYAML(f *testing.F) {
	fuzz(f, "a.yaml", "?", "a: &x {b: [1, 'c', \"d\"]}\nc: *x\n<<: *x\n", "\t", "- |\n  x\n")
}

func FuzzParseTOML(f *testing.F) {
	fuzz(f, "a.toml", "a.b = 1\n[t]\nx = [{y = 1}, 'z', 1979-05-27]\n[[l]]\n", "a = \"\"\"x\n\"\"\"", "[a]\n[a.b]\n[a]")
}

func FuzzParseJSON(f *testing.F) {
	fuzz(f, "a.jsonc", "{\"a\": [1, 2.5e3, null, true, \"\\u00e9\"], /* c */ \"b\": {},}", "{\"a\"", "// x")
}

// fuzz holds that Parse never panics, that every finding has a text and a place in
// the file, and that every position lies in it.
func fuzz(f *testing.F, file string, seeds ...string) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		doc, found := source.Parse(file, data)
		if doc.Root == nil && len(found) == 0 {
			t.Fatal("neither a tree nor a finding")
		}
		lines := strings.Count(string(data), "\n") + 1
		for _, x := range found {
			if x.Message == "" || x.Code == "" || x.Pos.Line > lines {
				t.Fatalf("finding %+v", x)
			}
		}
		var walk func(v *source.Value)
		walk = func(v *source.Value) {
			if v.Pos.Line < 1 || v.Pos.Line > lines || v.Pos.Column < 1 {
				t.Fatalf("value %+v", v)
			}
			for _, p := range v.Pairs {
				walk(p.Value)
			}
			for _, i := range v.Items {
				walk(i)
			}
		}
		if doc.Root != nil {
			walk(doc.Root)
		}
	})
}
