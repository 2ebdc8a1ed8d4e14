package runtime

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// samples are bindings of the kinds whose objects have methods, each with what the
// Worker needs for it.
var samples = map[string]string{
	"assets": `{"type":"assets","name":"X"}`,
	"d1":     `{"type":"d1","name":"X","id":"db"}`, "kv_namespace": `{"type":"kv_namespace","name":"X","namespace_id":"n"}`,
	"vectorize":                `{"type":"vectorize","name":"X","index_name":"i"}`,
	"ai":                       `{"type":"ai","name":"X"}`,
	"worker_loader":            `{"type":"worker_loader","name":"X"}`,
	"dispatch_namespace":       `{"type":"dispatch_namespace","name":"X","namespace":"customers"}`,
	"analytics_engine":         `{"type":"analytics_engine","name":"X","dataset":"visits"}`,
	"ratelimit":                `{"type":"ratelimit","name":"X","namespace_id":"1","simple":{"limit":2,"period":10}}`,
	"queue":                    `{"type":"queue","name":"X","queue_name":"orders"}`,
	"send_email":               `{"type":"send_email","name":"X"}`,
	"secrets_store_secret":     `{"type":"secrets_store_secret","name":"X","store_id":"s","secret_name":"n"}`,
	"r2_bucket":                `{"type":"r2_bucket","name":"X","bucket_name":"files"}`,
	"service":                  `{"type":"service","name":"X","service":"other"}`,
	"durable_object_namespace": `{"type":"durable_object_namespace","name":"X","class_name":"Room"}`,
}

// methodsJS answers for each expression which methods the value has, but for those
// whose names say that they are workerd's own business.
const methodsJS = `
function methods(value) {
	const found = new Set();
	for (let o = value; o && o !== Object.prototype && o !== Function.prototype; o = Object.getPrototypeOf(o)) {
		for (const name of Object.getOwnPropertyNames(o)) {
			const { value, get } = Object.getOwnPropertyDescriptor(o, name);
			if (name !== "constructor" && !name.startsWith("_") && !name.includes("Impl") && (typeof value === "function" || get)) found.add(get ? name + " (property)" : name);
		}
	}
	return [...found].sort();
}
`

// The table of kinds is what the real runtime says about each binding.
func TestTheObjectsOfBindingsHaveTheMethodsOfTheTable(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	if err := c.d1.Create("db"); err != nil {
		t.Fatal(err)
	}
	workers := []Worker{worker("other", c.version(hello))}
	for _, kind := range Kinds() {
		if len(kind.Objects) == 0 {
			continue
		}
		sample, ok := samples[kind.Name]
		if !ok {
			t.Errorf("there is no sample of the kind %q", kind.Name)
			continue
		}
		code := `import { DurableObject } from "cloudflare:workers"; export class Room extends DurableObject {}` + methodsJS + `export default { async fetch(request, env) { return Response.json([`
		for _, object := range kind.Objects {
			code += "methods(await " + object.Of + "),"
		}
		w := worker(strings.ReplaceAll(kind.Name, "_", "-"), c.version(code+`]) } }`, sample))
		switch kind.Name {
		case "assets":
			w.Versions[0].Version.Assets = &Assets{Files: map[string]AssetFile{}}
		case "durable_object_namespace":
			w.Classes = []Class{{Name: "Room", Key: "room", SQLite: true}}
		}
		workers = append(workers, w)
	}
	c.apply(workers...)
	for _, kind := range Kinds() {
		if len(kind.Objects) == 0 || samples[kind.Name] == "" {
			continue
		}
		_, body := c.get("http://" + strings.ReplaceAll(kind.Name, "_", "-") + ".localhost/")
		var got [][]string
		if err := json.Unmarshal([]byte(body), &got); err != nil {
			t.Errorf("%s: %v: %s\n%s", kind.Name, err, body, c.log)
			continue
		}
		for i, object := range kind.Objects {
			if diff := cmp.Diff(object.Methods, got[i]); diff != "" {
				t.Errorf("%s: methods of %s (-table +runtime):\n%s", kind.Name, object.Of, diff)
			}
		}
	}
}

// What workerd has beside the table throws that it is not implemented.
func TestTheCacheAPIHasTheMethodsOfTheTable(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	code := methodsJS + `
		async function works(o, name) { try { await o[name]("https://shop.example/", new Response()); return true } catch (e) { return !e.message.includes("not implemented") } }
		async function implemented(o) { const all = []; for (const name of methods(o)) if (await works(o, name)) all.push(name); return all }
		export default { async fetch() { return Response.json([`
	for _, object := range Caches() {
		code += "await implemented(await " + object.Of + "),"
	}
	c.apply(worker("web", c.version(code+`]) } }`)))
	_, body := c.get("http://web.localhost/")
	var got [][]string
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatalf("%v: %s\n%s", err, body, c.log)
	}
	for i, object := range Caches() {
		if diff := cmp.Diff(object.Methods, got[i]); diff != "" {
			t.Errorf("methods of %s (-table +runtime):\n%s", object.Of, diff)
		}
	}
}

func TestEveryKindIsWhatItSaysItIs(t *testing.T) {
	t.Parallel()
	r := &Runtime{backend: &backend{}}
	seen := map[string]bool{}
	for _, kind := range Kinds() {
		if seen[kind.Name] {
			t.Errorf("the kind %q is there twice", kind.Name)
		}
		seen[kind.Name] = true
		for _, object := range kind.Objects {
			if !slices.IsSorted(object.Methods) {
				t.Errorf("the methods of %s of %q are not sorted", object.Of, kind.Name)
			}
		}
		if kind.State != Fails && kind.State != Refused {
			continue
		}
		v := &Version{ID: "v", Bindings: []json.RawMessage{json.RawMessage(fmt.Sprintf(`{"type":%q,"name":"X"}`, kind.Name))}}
		w := &Worker{Account: "acc", Script: "w", Versions: []Share{{Version: v, Percentage: 100}}}
		_, err := newConfiguration(r.backend, t.TempDir(), []*Worker{w}).bind(w, v)
		if (err != nil) != (kind.State == Refused) || kind.Note == "" {
			t.Errorf("the kind %q is %s with the note %q, and binding it gave %v", kind.Name, kind.State, kind.Note, err)
		}
	}
}
