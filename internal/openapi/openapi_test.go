package openapi

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/diag"
)

// read reads a document that has no errors.
func read(t *testing.T, file string) *API {
	t.Helper()
	data, err := os.ReadFile(filepath.FromSlash(file))
	if err != nil {
		t.Fatal(err)
	}
	api, found := Read(filepath.Base(file), data)
	for _, f := range found {
		t.Error(f.Error())
	}
	if api == nil {
		t.Fatal("there is no API")
	}
	return api
}

// golden compares got with a file, or writes it with UPDATE=1.
func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got); UPDATE=1 writes it:\n%s", file, diff)
	}
}

func TestClientsAreAsBefore(t *testing.T) {
	t.Parallel()
	api := read(t, "testdata/shop.yaml")
	code, found, err := api.Go("shop")
	if err != nil || len(found) > 0 {
		t.Fatal(found, err)
	}
	golden(t, "testdata/shop/shop.go", code)
	golden(t, "testdata/shop.ts", api.TypeScript())
}

// document is an OpenAPI document with one operation and these further lines of YAML.
func document(more string) string {
	return "openapi: 3.1.0\ninfo: { title: T, version: '1' }\npaths:\n  /a: { get: { operationId: a, responses: { '204': { description: ok } } } }\n" + more
}

func TestNothingIsDroppedInSilence(t *testing.T) {
	t.Parallel()
	schema := func(text string) string {
		return document("components: { schemas: { A: { type: object, properties: { x: " + text + " } }, B: { type: object, properties: { y: { type: string } } } } }\n")
	}
	operation := func(text string) string { return document("  /b: { get: " + text + " }\n") }
	for name, test := range map[string]struct {
		document string
		want     []string // "severity line: a part of the message"
	}{
		"what only limits values is the service's business": {schema("{ type: string, minLength: 3, pattern: a, format: email, examples: [a], x-more: 1 }"), nil},
		"a keyword that nobody knows":                       {schema("{ type: string, sharpness: 3 }"), []string{`warning 5: "sharpness" of a schema is not understood`}},
		"not":                                               {schema("{ not: { type: string } }"), []string{`warning 5: "not" of a schema`}},
		"a tuple":                                           {schema("{ type: array, prefixItems: [{ type: string }] }"), []string{`warning 5: "prefixItems"`}},
		"properties beside the named ones":                  {schema("{ type: object, properties: { a: {} }, additionalProperties: true }"), []string{"warning 5: properties beside"}},
		"a field that is read only":                         {schema("{ type: string, readOnly: true }"), []string{"warning 5: a field that is read only"}},
		"an enum of mixed values":                           {schema("{ enum: [a, 1] }"), []string{"warning 5: this enum"}},
		"allOf of something else":                           {schema("{ allOf: [{ type: string }, { $ref: '#/components/schemas/B' }] }"), []string{"warning 5: a part of allOf is no object"}},
		"an enum beside oneOf":                              {schema("{ oneOf: [{ type: string }, { type: integer }], enum: [a] }"), []string{`warning 5: "enum" beside "oneOf"`}},
		"a required field without a type":                   {schema("{ type: object, required: [b], properties: { a: {} } }"), []string{`warning 5: "b" is required and has no type`}},
		"a type that does not exist":                        {schema("{ type: text }"), []string{`error 5: there is no type "text"`}},
		"a reference to nothing":                            {schema("{ $ref: '#/components/schemas/C' }"), []string{"error 5: there is nothing at #/components/schemas/C"}},
		"a reference to another file":                       {schema("{ $ref: 'other.json#/A' }"), []string{`error 5: the reference "other.json#/A" leaves the file`}},
		"a schema that is no map":                           {schema("7"), []string{"error 5: a schema is a map"}},
		"a part of itself":                                  {document("components: { schemas: { A: { allOf: [{ $ref: '#/components/schemas/A' }, { type: object, properties: { a: {} } }] } } }"), []string{"error 5: A is a part of itself"}},
		"defined by itself":                                 {document("components: { schemas: { A: { $ref: '#/components/schemas/B' }, B: { $ref: '#/components/schemas/A' } } }"), []string{"error 5: A is defined", "error 5: B is defined"}},
		"one of several, and one is itself":                 {document("components: { schemas: { A: { oneOf: [{ type: string }, { $ref: '#/components/schemas/A' }] } } }"), []string{"error 5: A is defined"}},
		"webhooks":                                          {document("webhooks: {}\n"), []string{`warning 5: "webhooks" of the document`}},
		"a second server":                                   {document("servers: [{ url: /v1 }, { url: /v2 }]\n"), []string{"warning 5: a second server"}},
		"a cookie":                                          {operation("{ parameters: [{ name: c, in: cookie, schema: {} }] }"), []string{`warning 5: the cookie "c" is left out`}},
		"an object in the query":                            {operation("{ parameters: [{ name: c, in: query, style: deepObject, schema: { type: object } }] }"), []string{`warning 5: the parameter "c" is left out`}},
		"one that must be there":                            {operation("{ parameters: [{ name: c, in: query, required: true, schema: { type: object } }] }"), []string{`error 5: the parameter "c" has a form`}},
		"callbacks":                                         {operation("{ callbacks: {} }"), []string{`warning 5: "callbacks" of an operation`}},
		"links":                                             {operation("{ responses: { '200': { description: a, links: {} } } }"), []string{"warning 5: links"}},
		"a path without its parameter":                      {document("  /b/{id}: { get: {} }\n"), []string{`error 5: GET /b/{id} has no parameter "id"`}},
		"a parameter that is not in the path":               {operation("{ parameters: [{ name: c, in: path, schema: { type: string } }] }"), []string{"error 5: GET /b does not contain"}},
		"a second kind of content":                          {operation("{ requestBody: { content: { application/json: {}, text/csv: {} } } }"), []string{"warning 5: content as text/csv"}},
		"two successes that differ":                         {operation("{ responses: { '200': { description: a, content: { application/json: { schema: { type: string } } } }, '201': { description: b } } }"), []string{"warning 5: the answer 201"}},
		"a response that is no status":                      {operation("{ responses: { ok: {} } }"), []string{`warning 5: "ok" of responses`}},
		"Swagger":                                           {"swagger: '2.0'\n", []string{"error 1: api.yaml is no OpenAPI document"}},
		"a version to come":                                 {"openapi: 4.0.0\n", []string{"error 1: OpenAPI 4.0.0"}},
		"no operations":                                     {"openapi: 3.0.3\npaths: {}\n", []string{"error 1: api.yaml has no operations"}},
		"no YAML":                                           {"openapi: [\n", []string{"error 2: this is not YAML"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api, found := Read("api.yaml", []byte(test.document))
			if (api == nil) != diag.HasErrors(found) {
				t.Errorf("an API is there: %v, errors: %v", api != nil, found)
			}
			if len(found) != len(test.want) {
				t.Fatalf("got %d findings, want %d: %v", len(found), len(test.want), found)
			}
			for i, f := range found {
				severity, rest, _ := strings.Cut(test.want[i], " ")
				line, message, _ := strings.Cut(rest, ": ")
				if string(f.Severity) != severity || !strings.HasPrefix(f.Message, message) || strings.TrimPrefix(f.Pos.String()[:len("api.yaml:")+len(line)], "api.yaml:") != line {
					t.Errorf("got %s %s: %s; want %s", f.Severity, f.Pos, f.Message, test.want[i])
				}
				if _, ok := diag.Explain(f.Code); !ok {
					t.Errorf("%s has no page", f.Code)
				}
			}
		})
	}
}

func TestOneOfSeveralTypesIsSaidInGo(t *testing.T) {
	t.Parallel()
	api, found := Read("api.yaml", []byte(document("components: { schemas: { A: { type: object, properties: { x: { oneOf: [{ type: string }, { type: integer }] } } } } }\n")))
	if len(found) > 0 {
		t.Fatal(found)
	}
	code, found, err := api.Go("a")
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 1 || found[0].Pos.Line != 5 || !strings.Contains(string(code), "X json.RawMessage") {
		t.Errorf("%v\n%s", found, code)
	}
	if ts := string(api.TypeScript()); !strings.Contains(ts, "x?: string | number;") {
		t.Error(ts)
	}
}

// Whatever is read, a client of it is Go, and both are the same when made again.
func FuzzRead(f *testing.F) {
	shop, err := os.ReadFile(filepath.Join("testdata", "shop.yaml"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(shop))
	for _, seed := range []string{
		"", "openapi: 3.1.0", document(""), document("components: { schemas: { A: { $ref: '#/components/schemas/A' } } }"),
		document("components: { schemas: { 'a b': { enum: [a, A, '1', ''] }, a-b: { enum: [-1, 1] }, client: {}, '': { type: object, properties: { '': {}, _: {}, ö: {} } } } }"),
		document("components: { schemas: { A: { type: object, required: [a], properties: { a: { $ref: '#/components/schemas/A' } } }, T: { type: array, items: { $ref: '#/components/schemas/T' } } } }"),
		document("  /b/{c}/{ctx}/{c}: { post: { operationId: base, parameters: [{ name: c, in: path, schema: { type: array, items: { type: integer } } }, { name: ctx, in: path, schema: {type: number} }, { name: a, in: query, schema: {} }], requestBody: { content: { '*/*': {} } } } }"),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		api, found := Read("api.yaml", []byte(text))
		if api == nil {
			if !diag.HasErrors(found) {
				t.Fatal("no API, and no reason")
			}
			return
		}
		code, _, err := api.Go("client")
		if err != nil {
			t.Fatal(err)
		}
		again, _ := Read("api.yaml", []byte(text))
		second, _, err := again.Go("client")
		if diff := cmp.Diff(string(code), string(second)); err != nil || diff != "" {
			t.Error(err, diff)
		}
		if diff := cmp.Diff(string(api.TypeScript()), string(again.TypeScript())); diff != "" {
			t.Error(diff)
		}
	})
}
