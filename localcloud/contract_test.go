package localcloud

import (
	"bytes"
	std "cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"net/textproto"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/bindings/kv"
	"github.com/tamylaa/clodo/internal/bundle"
	"github.com/tamylaa/clodo/internal/contracttest"
	"github.com/tamylaa/clodo/internal/host"
	"github.com/tamylaa/clodo/internal/npmtest"
	config "github.com/tamylaa/clodo/project"
)

// demand compares what a kind's cases gave with what bindings promise.
func demand(t *testing.T, kind string, results []contracttest.Result, want func(contracttest.Case) string) {
	t.Helper()
	var wanted []contracttest.Result
	for _, c := range contracttest.Kinds()[kind] {
		wanted = append(wanted, contracttest.Result{Name: c.Name, Got: want(c)})
	}
	if diff := cmp.Diff(wanted, results); diff != "" {
		t.Error(diff)
	}
}

func TestBindingsKeepTheirPromisesNatively(t *testing.T) {
	t.Parallel()
	d, err := OpenData(DataOptions{Dir: t.TempDir(), AIUpstream: fakeModels(t)})
	fatal(t, err)
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	bindings, err := d.Bindings(t.Context(), Program{
		Script: "contract", Bindings: contractBindings("db", "kv"), Service: peerOf,
	})
	fatal(t, err)
	fatal(t, d.CreateIndex(t.Context(), "contract", 3, "cosine"))
	fatal(t, d.PutSecret(t.Context(), secretStore, "KEY", "s3crét"))
	ctx := host.WithBindings(t.Context(), bindings)
	for _, kind := range contracttest.Names() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			demand(t, kind, contracttest.Run(ctx, kind), func(c contracttest.Case) string { return std.Or(c.Alone, c.Want) })
		})
	}
	t.Cleanup(func() { // after the parallel ones
		queued, err := d.Queued("contract")
		fatal(t, err)
		emails, err := d.SentEmails("contract")
		fatal(t, err)
		sent(t, queued, emails)
	})
}

// sent checks what the cases have left in the queue and in the mailbox.
func sent(t *testing.T, queued []QueueMessage, emails []SentEmail) {
	t.Helper()
	var got []string
	for _, m := range queued {
		got = append(got, fmt.Sprintf("%t %q", m.Text, m.Body))
	}
	for _, m := range emails {
		parsed, err := mail.ReadMessage(bytes.NewReader(m.Raw))
		fatal(t, err)
		subject, err := new(mime.WordDecoder).DecodeHeader(parsed.Header.Get("Subject"))
		fatal(t, err)
		got = append(got, fmt.Sprintln(m.From, m.To, subject))
	}
	want := []string{
		`true "grüezi"`, `false "\x00\xff"`, `true "{\"a\":1}"`, `true "one"`, `true "\"two\""`, `false "three"`,
		"shop@example.com [ada@example.com bob@example.com] Grüezi\n", "shop@example.com [ada@example.com] s\n",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// peerOf is the Worker that service bindings are for, or its entrypoint.
func peerOf(_, entrypoint string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { peer(w, r, entrypoint) })
}

// peer is the Worker that the service binding is for; peerJS is the same for workerd.
func peer(w http.ResponseWriter, r *http.Request, entrypoint string) {
	w.Header().Set("X-Url", r.URL.String())
	w.Header().Set("X-Asked", r.Header.Get("X-Asked"))
	switch r.URL.Path {
	case "/redirect":
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(http.StatusFound)
	case "/echo":
		_, _ = io.Copy(w, r.Body)
	default:
		w.WriteHeader(http.StatusCreated)
		body, _ := io.ReadAll(r.Body)
		_, _ = fmt.Fprintf(w, "%s %s", strings.TrimSpace(entrypoint+" "+r.Method), body)
	}
}

const peerJS = `
import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";
export class Room extends DurableObject {
	count = 0;
	async fetch(request) {
		switch (new URL(request.url).pathname) {
		case "/echo": return new Response(request.body);
		case "/full": throw new Error("the room is full");
		}
		return new Response(request.method + " " + request.url + " " + (await request.text()) + " " + ++this.count, { status: 202 });
	}
}
async function answer(request, who) {
	const headers = { "x-url": request.url, "x-asked": request.headers.get("x-asked") };
	switch (new URL(request.url).pathname) {
	case "/redirect": return new Response(null, { status: 302, headers: { ...headers, location: "/elsewhere" } });
	case "/echo": return new Response(request.body, { headers });
	}
	return new Response(who + request.method + " " + (await request.text()), { status: 201, headers });
}
export class Admin extends WorkerEntrypoint {
	fetch(request) { return answer(request, "Admin "); }
}
export default { fetch: (request) => answer(request, "") }`

// fakeModels is a server that runs models.
func fakeModels(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked, _ := io.ReadAll(r.Body)
		if strings.HasSuffix(r.URL.Path, "stream") {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, "data: a\n\ndata: b\n\n")
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]string{"model": strings.TrimPrefix(r.URL.Path, "/"), "asked": string(asked)})
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// secretStore is the id of the store of secrets that the cases read.
const secretStore = "0123456789abcdef0123456789abcdef"

// contractBindings are those that the cases use.
func contractBindings(database, namespace string) []json.RawMessage {
	var all []json.RawMessage
	for _, b := range []map[string]any{
		{"type": "ai", "name": "AI"},
		{"type": "analytics_engine", "name": "POINTS", "dataset": "contract"},
		{"type": "d1", "name": "DB", "id": database},
		{"type": "durable_object_namespace", "name": "ROOMS", "class_name": "Room", "script_name": "peer"},
		{"type": "kv_namespace", "name": "KV", "namespace_id": namespace},
		{"type": "queue", "name": "QUEUE", "queue_name": "contract"},
		{"type": "r2_bucket", "name": "BUCKET", "bucket_name": "contract"},
		{"type": "ratelimit", "name": "LIMIT", "namespace_id": "1", "simple": map[string]int{"limit": 2, "period": 60}},
		{"type": "secrets_store_secret", "name": "SECRET", "store_id": secretStore, "secret_name": "KEY"},
		{"type": "secrets_store_secret", "name": "NO_SECRET", "store_id": secretStore, "secret_name": "none"},
		{"type": "send_email", "name": "MAIL"},
		{"type": "send_email", "name": "STRICT", "allowed_sender_addresses": []string{"only@example.com"}, "allowed_destination_addresses": []string{"ada@example.com"}},
		{"type": "service", "name": "PEER", "service": "peer"},
		{"type": "service", "name": "ADMIN", "service": "peer", "entrypoint": "Admin"},
		{"type": "vectorize", "name": "VECTORS", "index_name": "contract"},
		{"type": "version_metadata", "name": "VERSION"},
	} {
		raw, err := json.Marshal(b)
		if err != nil {
			panic(err)
		}
		all = append(all, raw)
	}
	return all
}

func TestBindingsKeepTheirPromisesOnWorkers(t *testing.T) {
	t.Parallel()
	npmtest.Workerd(t)
	c := start(t, Options{Dir: t.TempDir(), AIUpstream: fakeModels(t)})
	r := remote{t, c.Info()}
	all := r.contractResources()
	r.program("contract", "../internal/contracttest/testdata/worker", all)
	r.do("POST", "/client/v4/accounts/{a}/secrets_store/stores/"+secretStore+"/secrets", []any{map[string]any{"name": "KEY", "value": "s3crét", "scopes": []string{"workers"}}})
	get := func(t *testing.T, path string) *http.Response {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.Info().Data+path, nil)
		fatal(t, err)
		req.Host = "contract.localhost"
		res, err := http.DefaultClient.Do(req)
		fatal(t, err)
		return res
	}
	t.Run("a thousand requests with a lock and a D1 read, at once", func(t *testing.T) {
		answers := make(chan string, 1000)
		var all sync.WaitGroup
		for range cap(answers) {
			all.Go(func() {
				res := get(t, "/locked")
				answers <- fmt.Sprint(res.StatusCode, " ", text(t, res))
			})
		}
		all.Wait()
		close(answers)
		for a := range answers {
			if a != "200 42" {
				t.Fatalf("an answer is %q", a)
			}
		}
	})
	for _, kind := range contracttest.Names() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			res := get(t, "/"+kind)
			body := text(t, res)
			var results []contracttest.Result
			if err := json.Unmarshal([]byte(body), &results); err != nil {
				t.Fatalf("%d %s", res.StatusCode, body)
			}
			demand(t, kind, results, func(c contracttest.Case) string { return c.Want })
		})
	}
	t.Cleanup(func() { // after the parallel ones
		queued, err := c.Queued("contract")
		fatal(t, err)
		emails, err := c.SentEmails("contract")
		fatal(t, err)
		sent(t, queued, emails)
	})
}

// contractResources makes what contractBindings are for.
func (r remote) contractResources() []json.RawMessage {
	r.t.Helper()
	var made struct{ UUID, ID string }
	fatal(r.t, json.Unmarshal(r.do("POST", "/client/v4/accounts/{a}/d1/database", map[string]string{"name": "contract"}), &made))
	fatal(r.t, json.Unmarshal(r.do("POST", "/client/v4/accounts/{a}/storage/kv/namespaces", map[string]string{"title": "contract"}), &made))
	r.do("POST", "/client/v4/accounts/{a}/r2/buckets", map[string]string{"name": "contract"})
	r.do("POST", "/client/v4/accounts/{a}/queues", map[string]string{"queue_name": "contract"})
	r.do("POST", "/client/v4/accounts/{a}/vectorize/v2/indexes", map[string]any{"name": "contract", "config": map[string]any{"dimensions": 3, "metric": "cosine"}})
	r.deploy("peer", peerJS, `,"migrations":{"new_tag":"v1","new_sqlite_classes":["Room"]}`)
	return contractBindings(made.UUID, made.ID)
}

// program builds the Go program in dir and uploads it.
func (r remote) program(name, dir string, bindings []json.RawMessage) bundle.Result {
	r.t.Helper()
	// What the go command reads is unknown to the cache of test results, unless the test
	// reads it too.
	for _, pattern := range []string{"../*.go", "../internal/host/*.go", "../internal/host/shim/*.js", "../internal/host/shim/*/*.js", "../internal/jsonwire/*.go", "../bindings/*/*.go", "../data/*.go", dir + "/*.go", dir + "/../../*.go"} {
		names, err := filepath.Glob(pattern)
		fatal(r.t, err)
		for _, name := range names {
			_, err := os.ReadFile(name)
			fatal(r.t, err)
		}
	}
	dir, err := filepath.Abs(dir)
	fatal(r.t, err)
	w := config.Worker{Name: name, Dir: dir, File: "wrangler.jsonc"}
	w.Main.V = "main.go"
	built, err := bundle.Bundle(r.t.Context(), &w, dir)
	fatal(r.t, err)
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	metadata, err := json.Marshal(map[string]any{
		"main_module": built.MainModule, "compatibility_date": "2026-11-01", "compatibility_flags": []string{"enable_request_signal"}, "bindings": bindings,
	})
	fatal(r.t, err)
	fatal(r.t, form.WriteField("metadata", string(metadata)))
	for _, m := range built.Modules {
		h := textproto.MIMEHeader{}
		h.Set("Content-Disposition", fmt.Sprintf(`form-data; name=%q; filename=%q`, m.Name, m.Name))
		h.Set("Content-Type", m.ContentType)
		part, err := form.CreatePart(h)
		fatal(r.t, err)
		_, err = part.Write(m.Bytes)
		fatal(r.t, err)
	}
	fatal(r.t, form.Close())
	status, answer := r.send("PUT", "/client/v4/accounts/{a}/workers/scripts/"+name, form.FormDataContentType(), &b)
	r.result("upload "+name, status, answer)
	return built
}

// over sends the requests of bindings to the address of a program's bindings, as the
// environment variables would.
type over struct{ address, key string }

func (o over) RoundTrip(r *http.Request) (*http.Response, error) {
	out := r.Clone(r.Context())
	base, err := url.Parse(o.address)
	if err != nil {
		return nil, err
	}
	out.URL = &url.URL{Scheme: base.Scheme, Host: base.Host, Path: strings.TrimSuffix(base.Path, "/") + r.URL.Path, RawQuery: r.URL.RawQuery}
	if r.URL.RawPath != "" {
		out.URL.RawPath = strings.TrimSuffix(base.Path, "/") + r.URL.RawPath
	}
	out.Host = ""
	out.Header.Set(host.KeyHeader, o.key)
	return http.DefaultTransport.RoundTrip(out)
}

func TestAProgramHasTheBindingsOfADeployedWorker(t *testing.T) {
	t.Parallel()
	npmtest.Workerd(t)
	c := start(t, Options{Dir: t.TempDir(), AIUpstream: fakeModels(t)})
	r := remote{t, c.Info()}
	bindings, err := json.Marshal(r.contractResources())
	fatal(t, err)
	r.deploy("program", "export default { fetch() { return new Response() } }", `,"bindings":`+string(bindings))
	fatal(t, c.PutSecret(t.Context(), secretStore, "KEY", "old"))
	fatal(t, c.PutSecret(t.Context(), secretStore, "KEY", "s3crét"))
	address := c.Info().BindingsAddress("program")
	ctx := host.WithBindings(t.Context(), over{address, c.Info().APIToken})
	for _, kind := range contracttest.Names() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			demand(t, kind, contracttest.Run(ctx, kind), func(c contracttest.Case) string { return c.Want })
		})
	}
	t.Run("nobody else does", func(t *testing.T) {
		for name, ctx := range map[string]context.Context{
			"without the key":        host.WithBindings(t.Context(), over{address, "guessed"}),
			"of a Worker not there":  host.WithBindings(t.Context(), over{c.Info().BindingsAddress("none"), c.Info().APIToken}),
			"of no Worker":           host.WithBindings(t.Context(), over{strings.TrimSuffix(address, "program/"), c.Info().APIToken}),
			"of an account not here": host.WithBindings(t.Context(), over{strings.Replace(address, c.Info().AccountID, "0", 1), c.Info().APIToken}),
		} {
			if _, err := kv.Open("KV").Get(ctx, "text"); err == nil || errors.Is(err, kv.ErrNotFound) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}
