package runtime

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAVersionThatDoesNotStartIsRefusedInTheRuntimesWords(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	counter := `import { DurableObject } from "cloudflare:workers"; export class Counter extends DurableObject {}; export default { fetch() {} }`
	for name, test := range map[string]struct {
		code    string
		change  func(*Version)
		classes []Class
		want    string
		number  int
	}{
		"code that throws":                  {code: `throw new Error("boom"); export default {}`, want: "Uncaught Error: boom", number: CodeStartup},
		"code that never ends":              {code: "while (true) {}; export default { fetch() {} }", want: "Script startup exceeded CPU time limit.", number: CodeStartup},
		"code that does not parse":          {code: "export default { fetch( }", want: "Uncaught SyntaxError: Unexpected token '}'", number: CodeStartup},
		"an export that is no handler":      {code: "export let x = 0; export default { fetch() {} }", want: "Incorrect type for map entry 'x'", number: CodeStartup},
		"an import that is not there":       {code: `import "./nope.js"; export default { fetch() {} }`, want: `No such module "nope.js"`, number: CodeStartup},
		"no handlers":                       {code: "export {}", want: "The uploaded script has no registered event handlers.", number: CodeNoHandlers},
		"a flag that workerd does not know": {code: hello, change: func(v *Version) { v.CompatibilityFlags = []string{"no_such_flag"} }, want: "No such compatibility flag: no_such_flag", number: CodeStartup},
		"a main module that is not there":   {code: hello, change: func(v *Version) { v.MainModule = "other.js" }, want: `no module "other.js"`, number: CodeStartup},
		"a class that is bound and not exported": {
			code: hello, change: func(v *Version) {
				v.Bindings = append(v.Bindings, []byte(`{"type":"durable_object_namespace","name":"C","class_name":"Counter"}`))
			},
			want: `class "Counter"`, number: CodeClassMissing,
		},
		"a class with data that is no longer exported": {code: counter, classes: []Class{{Name: "Counter", Key: "k"}, {Name: "Old", Key: "o"}}, want: `class "Old"`, number: CodeClassDepended},
		"assets that are bound and not there": {
			code: hello, change: func(v *Version) { v.Bindings = append(v.Bindings, []byte(`{"type":"assets","name":"ASSETS"}`)) },
			want: `binding "ASSETS" is for assets`, number: CodeStartup,
		},
		"a script with a binding that a module makes": {
			code: `addEventListener("fetch", () => {})`, change: func(v *Version) {
				v.BodyPart, v.MainModule = v.MainModule, ""
				v.Bindings = append(v.Bindings, []byte(`{"type":"d1","name":"DB","id":"a"}`))
			},
			want: `binding "DB" of the kind d1 is for Workers in module syntax`, number: CodeStartup,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := c.version(test.code)
			if test.change != nil {
				test.change(v)
			}
			_, err := c.Check(t.Context(), "acc", "w", v, test.classes)
			var refused *StartupError
			if !errors.As(err, &refused) {
				t.Fatalf("got %v, want a *StartupError", err)
			}
			if !strings.Contains(refused.Message, test.want) || refused.Code != test.number {
				t.Errorf("got %d %q\nwant %d with %q", refused.Code, refused.Message, test.number, test.want)
			}
			if strings.Contains(refused.Message, "probe") || strings.Contains(refused.Message, v.ID) {
				t.Errorf("%q has names in it that only the runtime knows", refused.Message)
			}
		})
	}
}

func TestWhatIsNotRunIsNamed(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	unknown := c.version(hello, `{"type":"time_machine","name":"PAST"}`)
	python := c.version(hello)
	python.Modules = append(python.Modules, Module{Name: "a.py", ContentType: "text/x-python", Path: python.Modules[0].Path})
	for want, v := range map[string]*Version{`"PAST" has the kind "time_machine"`: unknown, `"a.py" has the kind "text/x-python"`: python} {
		var unsupported *UnsupportedError
		if _, err := c.Check(t.Context(), "acc", "w", v, nil); !errors.As(err, &unsupported) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an *UnsupportedError with %s", err, want)
		}
		if err := c.Apply(t.Context(), State{Workers: []Worker{worker("w", v)}}); !errors.As(err, &unsupported) {
			t.Errorf("Apply: got %v, want an *UnsupportedError", err)
		}
	}
}

func TestCheckFindsWhatIsExported(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	script := c.version(`addEventListener("fetch", (e) => e.respondWith(new Response("sw " + TEXT))); addEventListener("scheduled", () => {})`, `{"type":"plain_text","name":"TEXT","text":"t"}`)
	script.BodyPart, script.MainModule = script.MainModule, ""
	future := c.version(hello)
	future.CompatibilityDate = "2999-01-01"
	deep := c.version(hello)
	deep.MainModule, deep.Modules[0].Name = "src/a/index.js", "src/a/index.js"
	for name, test := range map[string]struct {
		v    *Version
		want string
	}{
		"an object": {c.version("export default { fetch() {}, scheduled() {}, other() {}, notAFunction: 1 }"), "[fetch scheduled] map[]"},
		"classes": {c.version(`
			import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";
			export class Room extends DurableObject {}
			export class Old { constructor(state) {} }
			export class Api extends WorkerEntrypoint { fetch() {} add() {} }
			export const also = { queue() {} };
			export const arrow = () => 1;
			export default class extends WorkerEntrypoint { fetch() {} }`), "[fetch] map[Api:[fetch] Old:[class] Room:[class] also:[queue] arrow:[]]"},
		"service-worker syntax":   {script, "[fetch scheduled] map[]"},
		"a date in the future":    {future, "[fetch] map[]"},
		"a module below a folder": {deep, "[fetch] map[]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := c.Check(t.Context(), "acc", "w", test.v, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(s.Handlers, s.NamedHandlers); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
			if clamped := s.CompatibilityDate != test.v.CompatibilityDate; clamped != (test.v == future) || s.Duration <= 0 {
				t.Errorf("runs with date %q for %q, took %s", s.CompatibilityDate, test.v.CompatibilityDate, s.Duration)
			}
		})
	}
	c.apply(worker("script", script), worker("future", future), worker("deep", deep))
	c.want("http://script.localhost/", 200, "sw t")
	c.want("http://future.localhost/", 200, "hello http://future.localhost/")
	c.want("http://deep.localhost/", 200, "hello http://deep.localhost/")
}

func TestPartsOfAServiceWorkerAreItsGlobals(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	v := c.version(`addEventListener("fetch", (e) => e.respondWith(Response.json([TEXT, DATA.byteLength, WASM instanceof WebAssembly.Module])))`,
		`{"type":"text_blob","name":"TEXT","part":"a.txt"}`, `{"type":"data_blob","name":"DATA","part":"b.bin"}`, `{"type":"wasm_module","name":"WASM","part":"c.wasm"}`)
	v.BodyPart, v.MainModule = v.MainModule, ""
	for name, bytes := range map[string]string{"a.txt": "text ✓", "b.bin": "\x00\xff", "c.wasm": "\x00asm\x01\x00\x00\x00"} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(bytes), 0o600); err != nil {
			t.Fatal(err)
		}
		v.Modules = append(v.Modules, Module{Name: name, ContentType: "application/octet-stream", Path: path})
	}
	c.apply(worker("script", v))
	c.want("http://script.localhost/", 200, `["text ✓",2,true]`)

	v.Modules = v.Modules[:1]
	var refused *StartupError
	if _, err := c.Check(t.Context(), "acc", "script", v, nil); !errors.As(err, &refused) {
		t.Errorf("without its parts: got %v, want a *StartupError", err)
	}
}

func TestModulesOfEveryKind(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	v := c.version(`
		import text from "./a.txt"; import data from "./b.bin"; import json from "./c.json"; import wasm from "./d.wasm"; import common from "./e.cjs"; import { f } from "./lib/f.js";
		export default { async fetch() { const i = await WebAssembly.instantiate(wasm); return Response.json([text, data.byteLength, json.x, Object.keys(i.exports), common.y, f]) } }`)
	for _, m := range []Module{
		{Name: "a.txt", ContentType: "text/plain", Path: "tëxt\n"},
		{Name: "b.bin", ContentType: "application/octet-stream", Path: "\x00\xff"},
		{Name: "c.json", ContentType: "application/json", Path: `{"x":3}`},
		{Name: "d.wasm", ContentType: "application/wasm", Path: "\x00asm\x01\x00\x00\x00"},
		{Name: "e.cjs", ContentType: "application/javascript", Path: "module.exports = { y: 5 }"},
		{Name: "lib/f.js", ContentType: "application/javascript+module", Path: "export const f = 6"},
		{Name: "index.js.map", ContentType: "application/source-map", Path: "{}"},
	} {
		path := v.Modules[0].Path + "-" + strings.ReplaceAll(m.Name, "/", "-")
		if err := os.WriteFile(path, []byte(m.Path), 0o600); err != nil {
			t.Fatal(err)
		}
		m.Path = path
		v.Modules = append(v.Modules, m)
	}
	if _, err := c.Check(t.Context(), "acc", "w", v, nil); err != nil {
		t.Fatal(err)
	}
	c.apply(worker("w", v))
	c.want("http://w.localhost/", 200, `["tëxt\n",2,3,[],5,6]`)
}
