package runtime

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const dispatcher = `export default { fetch(request, env) {
	const user = env.USERS.get(new URL(request.url).searchParams.get("to") ?? "ann");
	const headers = new Headers(request.headers);
	headers.set("x-clodo-cf", '{"colo":"forged"}');
	return user.fetch(new Request(request, { headers })).catch((e) => new Response(String(e).replace(/^Error: /, ""), { status: 418 }));
} }`

// customers is a dispatcher and user Workers of a namespace by name.
func (c *cloud) customers(namespace DispatchNamespace, users map[string]string) State {
	s := State{Namespaces: []DispatchNamespace{namespace}, Workers: []Worker{
		worker("main", c.version(dispatcher, `{"type":"dispatch_namespace","name":"USERS","namespace":"`+namespace.Name+`"}`)),
	}}
	for name, code := range users {
		s.Workers = append(s.Workers, worker(namespace.ID+"/"+name, c.version(code)))
	}
	return s
}

func (c *cloud) serveState(s State) {
	c.t.Helper()
	if err := c.Apply(c.t.Context(), s); err != nil {
		c.t.Fatalf("%v\n%s", err, c.log)
	}
}

func TestADispatchBindingReachesTheWorkersOfItsNamespace(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	untrusted := DispatchNamespace{ID: "n1", Account: "acc", Name: "customers"}
	users := map[string]string{
		"ann": `export default { async fetch(request) { return Response.json([request.method, request.url, request.headers.get("x-a"), request.headers.get("cf-connecting-ip"), request.headers.get("x-forwarded-for"), request.headers.get("x-clodo-dispatch"), request.headers.get("x-clodo-key"), await request.text(), request.cf?.colo]) } }`,
		"bob": `export default { fetch() { throw new Error("bob is broken ✗") } }`,
		"eve": `export default { fetch() { return undefined.x } }`,
		"own": `class Own extends Error { name = "Own" } export default { fetch() { throw new Own("mine") } }`,
	}
	c.serveState(c.customers(untrusted, users))
	ask := func(path string) (int, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.server.URL+path, strings.NewReader("body"))
		if err != nil {
			t.Fatal(err)
		}
		req.Host = "main.acme.workers.dev"
		req.Header.Set("X-A", "1")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(b)
	}
	seen := func(colo any) []any {
		return []any{"POST", "https://main.acme.workers.dev/p?q=%20", "1", "127.0.0.1", "127.0.0.1", nil, nil, "body", colo}
	}
	check := func(want []any) {
		t.Helper()
		status, body := ask("/p?q=%20")
		var got []any
		if err := json.Unmarshal([]byte(body), &got); err != nil || status != 200 {
			t.Fatalf("%d %q: %v\n%s", status, body, err, c.log)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("what the user Worker saw (-want +got):\n%s", diff)
		}
	}
	check(seen(nil))
	for path, want := range map[string]string{
		"/?to=nobody": "Worker not found.", "/?to=../main": "Worker not found.", "/?to=%E2%9C%97": "Worker not found.", "/?to=": "Worker not found.",
		"/?to=bob": "bob is broken ✗", "/?to=eve": "TypeError: Cannot read properties of undefined (reading 'x')", "/?to=own": "mine",
	} {
		if status, body := ask(path); status != 418 || body != want {
			t.Errorf("%s: %d %q, want %q\n%s", path, status, body, want, c.log)
		}
	}
	if status, _ := c.get("http://ann.localhost/"); status != 404 {
		t.Errorf("a user Worker answers under a name of its own: %d", status)
	}
	trusted := untrusted
	trusted.Trusted = true
	c.serveState(c.customers(trusted, users))
	check(seen("LCL"))
	renamed := c.customers(trusted, users)
	renamed.Namespaces[0].Name = "others"
	c.serveState(renamed)
	if _, body := ask("/"); body != "Worker not found." {
		t.Errorf("in a namespace that is not there: %s", body)
	}
}

func TestADispatchCarriesStreamsAndWebSockets(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.serveState(c.customers(DispatchNamespace{ID: "n1", Account: "acc", Name: "customers"}, map[string]string{
		"ann": strings.ReplaceAll(echoCode, "NAME", "ann"),
		"eve": `export default { fetch(request) { return new Response(request.body.pipeThrough(new TransformStream())) } }`,
	}))
	conn, r := c.socket("main.localhost")
	echo(t, conn, r, "a", "ann:a")
	_ = conn.Close()

	c.wantStreams("http://main.localhost/?to=eve")
}

func TestUserWorkersHaveAProcessApartFromTheAccounts(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	users := map[string]string{"ann": hello}
	s := c.customers(DispatchNamespace{ID: "n1", Account: "acc", Name: "a"}, users)
	more := c.customers(DispatchNamespace{ID: "n2", Account: "acc", Name: "b"}, users)
	s.Workers, s.Namespaces = append(s.Workers, more.Workers[1:]...), append(s.Namespaces, more.Namespaces...)
	c.serveState(s)
	if got := len(c.running); got != 3 {
		t.Errorf("%d processes, want one for the account and one for each namespace", got)
	}
}

func FuzzDispatch(f *testing.F) {
	f.Add(`%7B%22script%22%3A%22ann%22%2C%22scheme%22%3A%22https%22%7D`)
	f.Add(`{"script":"../x","cf":1}`)
	f.Add(`%zz`)
	f.Fuzz(func(t *testing.T, header string) {
		r := &Runtime{applied: make(chan struct{}), closed: make(chan struct{})}
		close(r.applied)
		r.table.Store(newTable(State{}, nil, nil))
		req := httptest.NewRequest(http.MethodGet, "/", nil)
		req.Header.Set(dispatchHeader, header)
		w := httptest.NewRecorder()
		r.dispatch(w, req, "acc/n")
		if w.Code != http.StatusNotFound && w.Code != http.StatusBadRequest {
			t.Errorf("%q: %d", header, w.Code)
		}
	})
}
