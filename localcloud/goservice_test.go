package localcloud

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo"
	"github.com/tamylaa/clodo/internal/bundle"
	"github.com/tamylaa/clodo/internal/npmtest"
	config "github.com/tamylaa/clodo/project"
)

// long has no room in the environment that the runtime of Go takes from the shim.
var long = strings.Repeat("l", 5120)

// other is what the service is bound to: it echoes, remembers what it is told, has who asks
// for a gate wait until that is opened, sends to a queue, and counts how often changes of
// flags are read.
const other = `import { WorkerEntrypoint } from "cloudflare:workers";
let reads = 0;
let asked = 0;
export class Flags extends WorkerEntrypoint {
	get(key, options) {
		reads++;
		return this.env.KV.get(key, options);
	}
}
export default { async fetch(request, env) {
	const { pathname, search, searchParams } = new URL(request.url);
	if (pathname === "/flaky" && ++asked % 3 > 0) return new Response(null, { status: 503, headers: { "retry-after": "0" } });
	if (pathname === "/hangs") await scheduler.wait(60_000);
	if (pathname === "/ask") return fetch(searchParams.get("url"), { headers: { "x-asked": "by other" } });
	if (pathname === "/reads") return new Response(reads);
	if (pathname === "/record") {
		await env.KV.put("seen/" + crypto.randomUUID(), await request.text());
		return new Response(null, { status: 204 });
	}
	if (pathname === "/open") await env.KV.put("gate" + search, "open");
	if (pathname === "/gate") {
		for (let n = 0; n < 2000; n++) {
			if (await env.KV.get("gate" + search)) return new Response("open");
			await scheduler.wait(10);
		}
		return new Response("never opened");
	}
	if (pathname === "/send") {
		const m = searchParams.get("m");
		await env.ORDERS.send(m === "bytes" ? new Uint8Array([1, 255]) : m === "object" ? { a: 1 } : m, { contentType: m === "bytes" ? "bytes" : "json" });
		return new Response("sent");
	}
	if (pathname === "/seen") {
		const { keys } = await env.KV.list({ prefix: "seen/" });
		return new Response((await Promise.all(keys.map(({ name }) => env.KV.get(name)))).sort().join("\n"));
	}
	return new Response(request.body, { status: 201, headers: { "x-asked": request.headers.get("x-asked") } });
} }`

// goService is testdata/goservice on the real runtime.
type goService struct {
	remote
	queues   *queues // what it consumes from
	database string  // the id of one in D1
	flagsKey string  // where changes of its flags are, in the API
	built    bundle.Result
}

func newGoService(t *testing.T) goService {
	t.Helper()
	npmtest.Workerd(t)
	// What the go command reads is unknown to the cache of test results, unless the
	// test reads it too.
	for _, pattern := range []string{"../*.go", "../feature/*.go", "../internal/host/*.go", "../bindings/*/*.go", "../internal/host/shim/*.js", "../internal/host/shim/bindings/*.js", "../services/*.go", "testdata/goservice/*"} {
		names, err := filepath.Glob(pattern)
		fatal(t, err)
		for _, name := range names {
			_, err := os.ReadFile(name)
			fatal(t, err)
		}
	}
	dir, err := filepath.Abs("testdata/goservice")
	fatal(t, err)
	w := config.Worker{Name: "go", Dir: dir, File: "wrangler.jsonc"}
	w.Main.V = "main.go"
	built, err := bundle.Bundle(t.Context(), &w, dir)
	fatal(t, err)
	checkLinked(t, built)
	r := remote{t, start(t, Options{Dir: t.TempDir()}).Info()}
	s := goService{remote: r, queues: &queues{remote: r}}
	kv := r.made("/storage/kv/namespaces", map[string]string{"title": "kv"}, "id")
	s.flagsKey = "/client/v4/accounts/{a}/storage/kv/namespaces/" + kv + "/values/flags"
	s.queues.orders = r.made("/queues", map[string]string{"queue_name": "orders"}, "queue_id")
	r.deploy("other", other, `,"bindings":[{"name":"ORDERS","type":"queue","queue_name":"orders"},{"name":"KV","type":"kv_namespace","namespace_id":"`+kv+`"}]`)
	s.database = r.made("/d1/database", map[string]string{"name": "db"}, "uuid")
	s.built = built
	s.put("go", "", "enable_request_signal")
	return s
}

// put uploads the service by a name, with more bindings and flags of the runtime.
func (s goService) put(name, bindings string, flags ...string) {
	s.t.Helper()
	features, err := json.Marshal(append([]string{}, flags...))
	fatal(s.t, err)
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	fatal(s.t, form.WriteField("metadata", fmt.Sprintf(`{"main_module":%q,"compatibility_date":"2026-11-01","compatibility_flags":%s,"bindings":[
		{"type":"service","name":"OTHER","service":"other"},{"type":"service","name":"CLODO_FLAGS","service":"other","entrypoint":"Flags"},
		{"type":"plain_text","name":"CLODO_FEATURES","text":%q},{"type":"plain_text","name":"GREETING","text":"grüezi"},
		{"type":"plain_text","name":"CLODO_SERVICES","text":"{\"other\":{\"url\":\"http://other.localhost\"}}"},
		{"type":"plain_text","name":"CLODO_SERVICE","text":"shop"},{"type":"plain_text","name":"CLODO_ENVIRONMENT","text":"production"},
		{"type":"version_metadata","name":"CLODO_VERSION"},{"type":"json","name":"DATA","json":{"a":[1,null]}},
		{"type":"secret_text","name":"LONG","text":%q},{"type":"d1","name":"DB","id":%q}%s]}`, s.built.MainModule, features, declaredFlags, long, s.database, bindings)))
	for _, m := range s.built.Modules {
		h := textproto.MIMEHeader{}
		h.Set("Content-Disposition", fmt.Sprintf(`form-data; name=%q; filename=%q`, m.Name, m.Name))
		h.Set("Content-Type", m.ContentType)
		part, err := form.CreatePart(h)
		fatal(s.t, err)
		_, err = part.Write(m.Bytes)
		fatal(s.t, err)
	}
	fatal(s.t, form.Close())
	status, answer := s.send("PUT", "/client/v4/accounts/{a}/workers/scripts/"+name, form.FormDataContentType(), &b)
	s.result("upload", status, answer)
}

// checkLinked looks for what makes a program large in the names of its functions, which
// it keeps for stack traces.
func checkLinked(t *testing.T, built bundle.Result) {
	t.Helper()
	for _, m := range built.Modules {
		if m.ContentType != bundle.TypeWasm {
			continue
		}
		for name, want := range map[string]bool{"net/http.Header.Get": true, "handles_queue": true, "net/http.(*Transport).RoundTrip": false, "net/http.(*Client).do": false, "crypto/tls.(*Conn).Handshake": false} {
			if bytes.Contains(m.Bytes, []byte(name)) != want {
				t.Errorf("the program has %s: %v", name, !want)
			}
		}
	}
}

func (s goService) ask(method, path string, body io.Reader, header ...string) *http.Response {
	s.t.Helper()
	return s.askOf("go", method, path, body, header...)
}

func (s goService) askOf(name, method, path string, body io.Reader, header ...string) *http.Response {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.info.Data+path, body)
	fatal(s.t, err)
	req.Host = name + ".localhost"
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	fatal(s.t, err)
	return res
}

// open lets who waits for a gate of the other go on.
func (s goService) open(gate string) {
	s.t.Helper()
	s.get("other", "/open?"+gate)
}

// recorded waits until the service has had the other remember want, in any order.
func (s goService) recorded(want ...string) {
	s.t.Helper()
	slices.Sort(want)
	var got []string
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(40 * time.Millisecond) {
		if got = strings.FieldsFunc(s.get("other", "/seen"), func(r rune) bool { return r == '\n' }); len(got) >= len(want) {
			break
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		s.t.Errorf("recorded (-want +got):\n%s", diff)
	}
}

func text(t *testing.T, res *http.Response) string {
	t.Helper()
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	fatal(t, err)
	return string(b)
}

func TestAServiceInGoRunsOnWorkers(t *testing.T) {
	t.Parallel()
	service := newGoService(t)
	send := service.ask
	get := func(path string) (int, string) {
		t.Helper()
		res := send("GET", path, nil)
		return res.StatusCode, text(t, res)
	}

	t.Run("a request arrives whole, and so does its answer", func(t *testing.T) {
		res := send("GET", "/users/a%2Fb?q=1&q=%C3%BC", nil, "X-Asked", "söme")
		want := `{"header":"söme","host":"go.localhost","id":"a/b","length":0,"query":["1","ü"]}` + "\n"
		if got := text(t, res); got != want || res.StatusCode != 200 || strings.Join(res.Header.Values("X-Two"), ",") != "a,b" || res.Header.Get("X-Request-Id") == "" {
			t.Errorf("%d %v %s", res.StatusCode, res.Header, got)
		}
	})
	t.Run("what the router does not know", func(t *testing.T) {
		if status, body := get("/nothing"); status != 404 || !strings.Contains(body, "not_found") {
			t.Errorf("%d %s", status, body)
		}
		if res := send("POST", "/users/1", nil); res.StatusCode != 405 || res.Header.Get("Allow") != "GET, HEAD, OPTIONS" {
			t.Errorf("%d, Allow %s", res.StatusCode, res.Header.Get("Allow"))
		}
		if res := send("HEAD", "/users/1", nil); res.StatusCode != 200 || text(t, res) != "" {
			t.Errorf("HEAD: %d", res.StatusCode)
		}
		if status, body := get("/none"); status != 204 || body != "" {
			t.Errorf("%d %s", status, body)
		}
	})
	t.Run("bodies go both ways, of known and of unknown length", func(t *testing.T) {
		for _, size := range []int{0, 1, 64 << 10, 3 << 20} {
			sent := make([]byte, size)
			_, _ = rand.Read(sent)
			for _, body := range []io.Reader{bytes.NewReader(sent), io.MultiReader(bytes.NewReader(sent))} {
				if got := text(t, send("POST", "/echo", body)); got != string(sent) {
					t.Errorf("%d bytes came back as %d", size, len(got))
				}
			}
		}
		if res := send("POST", "/small/echo", bytes.NewReader(make([]byte, 1001))); res.StatusCode != 413 {
			t.Errorf("too much: %d", res.StatusCode)
		}
	})
	t.Run("a stream arrives as it is written", func(t *testing.T) {
		res := send("GET", "/stream", nil)
		defer res.Body.Close()
		lines := bufio.NewScanner(res.Body)
		if !lines.Scan() || lines.Text() != "data: first" {
			t.Errorf("first %q", lines.Text())
		}
		service.open("stream") // what the rest waits for
		var rest []string
		for lines.Scan() {
			rest = append(rest, lines.Text())
		}
		if diff := cmp.Diff([]string{"", "data: open", "", "data: last", ""}, rest); diff != "" {
			t.Errorf("the rest (-want +got):\n%s", diff)
		}
	})
	t.Run("a thousand requests with a lock, a wait and a query, at once", func(t *testing.T) {
		var all sync.WaitGroup
		answers := make(chan string, 1000)
		for range 1000 {
			all.Go(func() {
				status, body := get("/locked")
				answers <- fmt.Sprint(status, body)
			})
		}
		all.Wait()
		close(answers)
		for a := range answers {
			if a != "200unlocked" {
				t.Fatalf("an answer is %q", a)
			}
		}
	})
	t.Run("what outlives its request can do nothing to others", func(t *testing.T) {
		for range 30 {
			if got := text(t, send("POST", "/stray", strings.NewReader("its own body"))); got != "left" {
				t.Fatalf("%q", got)
			}
			echo := strings.Repeat("another body", 100)
			if got := text(t, send("POST", "/echo", strings.NewReader(echo))); got != echo {
				t.Fatalf("%q", got)
			}
			if status, body := get("/locked"); status != 200 {
				t.Fatalf("%d %s", status, body)
			}
		}
		if _, body := get("/strayed"); body != "0" {
			t.Errorf("%s of 30 strays did something", body)
		}
	})
	t.Run("a panic costs its own request and its instance", func(t *testing.T) {
		for range 20 {
			if status, body := get("/panic"); status != 500 || strings.Contains(body, "mistake") {
				t.Errorf("%d %s", status, body)
			}
		}
		if status, body := get("/count"); status != 200 || body != "1" {
			t.Errorf("the next request: %d %s; an instance that had panicked got it", status, body)
		}
	})
	t.Run("also one that is recovered from", func(t *testing.T) {
		for range 10 {
			if status, body := get("/recovered"); status != 500 || !strings.Contains(body, "internal_error") {
				t.Errorf("%d %s", status, body)
			}
			if status, body := get("/count"); status != 200 || len(body) > 3 {
				t.Errorf("the next request: %d %s; the instance that had panicked got it", status, body)
			}
		}
	})
	t.Run("a panic after the beginning breaks the answer off", func(t *testing.T) {
		res := send("GET", "/panic-late", nil)
		defer res.Body.Close()
		if b, err := io.ReadAll(res.Body); err == nil {
			t.Errorf("the answer %q seemed whole", b)
		}
	})
	t.Run("one of a goroutine that outlives its request costs no other request", func(t *testing.T) {
		for range 10 {
			if status, body := get("/panic-after"); status != 200 || body != "left" {
				t.Errorf("%d %s", status, body)
			}
			if status, body := get("/count"); status != 200 {
				t.Fatalf("the next request: %d %s", status, body)
			}
		}
	})
	t.Run("so does an exit", func(t *testing.T) {
		if status, _ := get("/exit"); status != 500 {
			t.Errorf("status %d", status)
		}
		if status, body := get("/users/1"); status != 200 {
			t.Errorf("the next request: %d %s", status, body)
		}
	})
	t.Run("a binding is asked, with bodies both ways", func(t *testing.T) {
		for _, size := range []int{0, 1, 64 << 10, 64<<10 + 1, 3 << 20} {
			sent := make([]byte, size)
			_, _ = rand.Read(sent)
			res := send("POST", "/relay?binding=OTHER&op=fetch", bytes.NewReader(sent))
			head := res.Header.Get("X-Head")
			if got := text(t, res); got != string(sent) || !strings.Contains(head, `"status":201`) || !strings.Contains(head, `["x-asked","by go"]`) {
				t.Errorf("%d bytes came back as %d with %s", size, len(got), head)
			}
		}
	})
	t.Run("what cannot be asked is said in JavaScript's words", func(t *testing.T) {
		for query, want := range map[string]string{
			"?binding=NONE&op=fetch":     "fetch NONE: the Worker has no binding NONE",
			"?binding=OTHER&op=nothing":  "fetch OTHER: the shim has no operation nothing of fetch",
			"?binding=GREETING&op=fetch": "fetch GREETING: (binding ?? globalThis).fetch is not a function",
		} {
			res := send("POST", "/relay"+query, nil)
			if got := text(t, res); res.StatusCode != 502 || !strings.Contains(got, want) {
				t.Errorf("%s: %d %s", query, res.StatusCode, got)
			}
		}
	})
	t.Run("variables and secrets are the environment, however long", func(t *testing.T) {
		if _, got := get("/variables?name=GREETING&name=DATA&name=LONG&name=NONE"); got != "GREETING=grüezi\nDATA={\"a\":[1,null]}\nLONG="+long+"\nNONE=\n" {
			t.Errorf("%.200s", got)
		}
	})
	t.Run("it serves with what it needs, of which the version is one", func(t *testing.T) {
		service.put("having", `,{"type":"plain_text","name":"NEEDS","text":"OTHER CLODO_VERSION"}`)
		if res := service.askOf("having", "GET", "/users/1", nil); res.StatusCode != 200 {
			t.Errorf("%d %s", res.StatusCode, text(t, res))
		}
	})
	t.Run("it does not serve without what it needs", func(t *testing.T) {
		service.put("lacking", `,{"type":"plain_text","name":"NEEDS","text":"OTHER GREETING"}`) // that is no binding but a text
		for range 2 {
			if res := service.askOf("lacking", "GET", "/users/1", nil); res.StatusCode != 500 {
				t.Errorf("%d %s", res.StatusCode, text(t, res))
			}
		}
	})
	t.Run("it starts with the Worker when that is asked for, and is random all the same", func(t *testing.T) {
		if _, got := get("/started"); got != "true true" {
			t.Errorf("when it was not asked for: %s", got)
		}
		ids := map[string]bool{}
		for _, name := range []string{"boot-a", "boot-b"} {
			service.put(name, `,{"type":"plain_text","name":"CLODO_BOOT","text":"start"}`)
			res := service.askOf(name, "GET", "/started", nil)
			ids[res.Header.Get("X-Request-Id")] = true
			if got := text(t, res); got != "false true" {
				t.Errorf("%s: %s", name, got)
			}
		}
		if len(ids) != 2 || ids[""] {
			t.Errorf("the ids of requests to two Workers: %v", ids)
		}
	})
	t.Run("it asks the world", func(t *testing.T) { service.fetch(t) })
	t.Run("it knows what it is", func(t *testing.T) {
		var got clodo.Service
		_, text := get("/service")
		fatal(t, json.Unmarshal([]byte(text), &got))
		if got.Name != "shop" || !got.IsProduction() || got.Domain != "" || len(got.Version.ID) != 36 || time.Since(got.Version.Created) > time.Hour {
			t.Errorf("%s", text)
		}
	})
	t.Run("flags are changed while it runs", service.flags)
	t.Run("events are handled", func(t *testing.T) { service.events(t) })
	t.Run("clients that leave cost nobody else anything", func(t *testing.T) {
		for range 30 {
			res := send("GET", "/endless", nil)
			_, err := io.ReadFull(res.Body, make([]byte, 100<<10))
			fatal(t, errors.Join(err, res.Body.Close()))
		}
		for range 20 {
			if status, body := get("/users/1"); status != 200 {
				t.Errorf("%d %s", status, body)
			}
		}
	})
	t.Run("who writes to the answer of a request that is over writes to nobody", func(t *testing.T) {
		service.put("forgetful", "")
		strangersOnWorkers(t, service)
	})
	t.Run("an instance that has grown too large is dropped", func(t *testing.T) {
		service.put("keeping", "")
		memoryOnWorkers(t, service)
	})
	t.Run("who comes when a thousand wait is sent away", func(t *testing.T) { crowdOnWorkers(t, service) })
	t.Run("who waits and leaves holds up nobody", func(t *testing.T) {
		service.put("unsignalled", "")
		for _, name := range []string{"go", "unsignalled"} {
			deserted(t, service, name)
		}
	})
	t.Run("answers", func(t *testing.T) { answersOnWorkers(t, service) })
	t.Run("middleware", func(t *testing.T) { middlewareOnWorkers(t, service) })
}

func TestABuildOfAGoServiceIsReproducible(t *testing.T) {
	t.Parallel()
	dir, err := filepath.Abs("testdata/goservice")
	fatal(t, err)
	var first []byte
	for range 2 {
		w := config.Worker{Name: "go", Dir: dir, File: "wrangler.jsonc"}
		w.Main.V = "main.go"
		built, err := bundle.Bundle(t.Context(), &w, dir)
		fatal(t, err)
		b, err := json.Marshal(built.Modules)
		fatal(t, err)
		if first != nil && !bytes.Equal(first, b) {
			t.Error("two builds differ")
		}
		first = b
	}
}
