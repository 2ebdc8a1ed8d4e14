package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tamylaa/clodo/internal/openapitest"
	"github.com/tamylaa/clodo/localcloud/internal/ai"
	"github.com/tamylaa/clodo/localcloud/internal/api"
	"github.com/tamylaa/clodo/localcloud/internal/cache"
	"github.com/tamylaa/clodo/localcloud/internal/clock"
	"github.com/tamylaa/clodo/localcloud/internal/cron"
	"github.com/tamylaa/clodo/localcloud/internal/d1"
	"github.com/tamylaa/clodo/localcloud/internal/dataset"
	"github.com/tamylaa/clodo/localcloud/internal/kv"
	"github.com/tamylaa/clodo/localcloud/internal/queue"
	"github.com/tamylaa/clodo/localcloud/internal/r2"
	"github.com/tamylaa/clodo/localcloud/internal/runtime"
	"github.com/tamylaa/clodo/localcloud/internal/secretstore"
	"github.com/tamylaa/clodo/localcloud/internal/store"
	"github.com/tamylaa/clodo/localcloud/internal/tail"
	"github.com/tamylaa/clodo/localcloud/internal/traffic"
	"github.com/tamylaa/clodo/localcloud/internal/vectorize"
)

const (
	account = "11111111111111111111111111111111"
	other   = "22222222222222222222222222222222"
	token   = "clodo_local_everything"
	limited = "clodo_local_d1_only"
	single  = "clodo_local_other_account"
	zoneID  = "33333333333333333333333333333333"
	site    = "shop.example"
)

// stage stands where workerd would: it remembers what it was told to serve, and
// refuses modules whose text says so.
type stage struct {
	mu     sync.Mutex
	state  runtime.State
	refuse error // the next Apply's answer
	fired  []string
	gone   []string // keys of deleted durable object classes
}

func (s *stage) Check(_ context.Context, _, _ string, v *runtime.Version, classes []runtime.Class) (runtime.Startup, error) {
	named := map[string][]string{}
	for _, m := range v.Modules {
		b, err := os.ReadFile(m.Path)
		if err != nil {
			return runtime.Startup{}, err
		}
		if bytes.Contains(b, []byte("panic!")) {
			panic("the stage collapses")
		}
		if bytes.Contains(b, []byte("throw")) {
			return runtime.Startup{}, &runtime.StartupError{Message: "Uncaught Error: boom\n  at index.js:1:7"}
		}
		for _, c := range classes {
			if !bytes.Contains(b, []byte("class "+c.Name)) {
				return runtime.Startup{}, &runtime.StartupError{Code: runtime.CodeClassDepended, Message: "no class " + c.Name}
			}
			named[c.Name] = []string{"class"}
		}
	}
	handlers := []string{"fetch"}
	for _, m := range v.Modules {
		if b, err := os.ReadFile(m.Path); err == nil && bytes.Contains(b, []byte("queue(")) {
			handlers = append(handlers, "queue")
		}
	}
	return runtime.Startup{Handlers: handlers, NamedHandlers: named, Duration: 7 * time.Millisecond}, nil
}

func (s *stage) Apply(_ context.Context, state runtime.State) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.refuse; err != nil {
		s.refuse = nil
		return err
	}
	s.state = state
	return nil
}

func (s *stage) DeliverCron(_ context.Context, _, script, cron string, _ time.Time) (runtime.Delivery, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fired = append(s.fired, script+" "+cron)
	outcome := "ok"
	if strings.HasPrefix(cron, "0 9") {
		outcome = "exception"
	}
	return runtime.Delivery{Outcome: outcome}, nil
}

func (s *stage) DeleteObjects(keys ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone = append(s.gone, keys...)
	return nil
}

func (s *stage) failNext(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse = err
}

// worker is what is served under a name.
func (s *stage) worker(name string) (runtime.Worker, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.state.Workers {
		if w.Script == name {
			return w, true
		}
	}
	return runtime.Worker{}, false
}

func (s *stage) served() runtime.State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}

// models is an upstream for AI that answers with what it was asked.
func models(t *testing.T) *ai.Upstream {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inputs, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json")
		switch model := r.URL.Path[1:]; model {
		case "stream":
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, "data: 1\n\n")
		case "broken":
			_, _ = io.WriteString(w, "{")
		case "missing":
			w.WriteHeader(http.StatusNotFound)
		default:
			_ = json.NewEncoder(w).Encode(map[string]string{"text": model + " " + string(inputs)})
		}
	}))
	t.Cleanup(server.Close)
	u, err := ai.New(ai.Options{Upstream: server.URL})
	check(t, err)
	return u
}

// client talks to one API.
type client struct {
	t       *testing.T
	url     string
	token   string
	header  http.Header // sent with every call
	stage   *stage
	api     *api.API // without what watches it
	clock   *clock.Clock
	traffic *traffic.Store
	points  *dataset.Store
	caches  *cache.Cache
}

// newClient starts an API on an empty folder, with two accounts and a zone. Every
// answer is checked against Cloudflare's document.
func newClient(t *testing.T) *client {
	t.Helper()
	return openClient(t, t.TempDir())
}

func openClient(t *testing.T, dir string, edit ...func(*api.Options)) *client {
	t.Helper()
	ticking := &clock.Clock{}
	st, err := store.Open(dir)
	check(t, err)
	databases, err := d1.NewStore(filepath.Join(dir, "d1"), ticking)
	check(t, err)
	namespaces, err := kv.Open(filepath.Join(dir, "kv.db"), &clock.Clock{})
	check(t, err)
	buckets, err := r2.Open(filepath.Join(dir, "r2"), ticking)
	check(t, err)
	messages, err := queue.Open(filepath.Join(dir, "queues.db"), ticking)
	check(t, err)
	vectors, err := vectorize.Open(filepath.Join(dir, "vectorize.db"), &clock.Clock{})
	check(t, err)
	secrets, err := secretstore.Open(filepath.Join(dir, "secrets.db"), ticking)
	check(t, err)
	at := time.Now().UTC()
	check(t, st.Write(t.Context(), func(tx *store.Tx) error {
		err := tx.AddZone(store.Zone{ID: zoneID, Account: account, Name: site, Type: "full", CreatedOn: at, ModifiedOn: at})
		if errors.Is(err, store.ErrExists) {
			return nil
		}
		return errors.Join(
			err,
			tx.PutAccount(store.Account{ID: account, Name: "shop", Subdomain: "shop", CreatedOn: at}),
			tx.PutAccount(store.Account{ID: other, Name: "other", CreatedOn: at}),
			tx.PutToken(store.Token{ID: strings.Repeat("a", 32), Value: token}),
			tx.PutToken(store.Token{ID: strings.Repeat("b", 32), Value: limited, Groups: []string{"D1 Write"}}),
			tx.PutToken(store.Token{ID: strings.Repeat("c", 32), Value: single, Accounts: []string{other}}),
		)
	}))
	s := &stage{}
	records, err := traffic.Open(traffic.Options{Path: filepath.Join(dir, "traffic.db"), Clock: ticking})
	check(t, err)
	tails := tail.New(records, ticking)
	points, err := dataset.Open(filepath.Join(dir, "analytics.db"), ticking)
	check(t, err)
	caches, err := cache.Open(filepath.Join(dir, "cache"), ticking)
	check(t, err)
	options := api.Options{
		Store: st, Runtime: s, Databases: databases, Namespaces: namespaces, Buckets: buckets, Vectors: vectors, Secrets: secrets, Models: models(t), Traffic: records, Datasets: points, Tails: tails, Caches: caches,
		Crons: cron.NewScheduler(ticking, slog.New(slog.DiscardHandler)), Queues: queue.NewBroker(messages, ticking, slog.New(slog.DiscardHandler)), Clock: ticking, Log: slog.New(slog.DiscardHandler),
	}
	for _, fn := range edit {
		fn(&options)
	}
	a, err := api.New(t.Context(), options)
	check(t, err)
	check(t, a.Serve(t.Context()))
	mux := http.NewServeMux()
	mux.Handle("/", watch(openapitest.Load(t).ResponseMiddleware(t, a)))
	mux.HandleFunc("PUT /local/d1/uploads/{token}", a.Upload)
	mux.HandleFunc("GET /local/d1/exports/{token}", a.Download)
	mux.HandleFunc("POST /local/accounts/{account_id}/workers/scripts/{script_name}/cron", a.FireCron)
	server := httptest.NewServer(mux)
	t.Cleanup(func() {
		tails.Close()
		server.Close()
		check(t, errors.Join(records.Close(), points.Close(), databases.Close(), namespaces.Close(), buckets.Close(), vectors.Close(), secrets.Close(), caches.Close(), messages.Close(), st.Close()))
	})
	return &client{t: t, url: server.URL, token: token, stage: s, api: a, clock: ticking, traffic: records, points: points, caches: caches}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// as is the same client with another token.
func (c *client) as(value string) *client {
	d := *c
	d.token = value
	return &d
}

// answer is a response with its envelope taken apart.
type answer struct {
	t       *testing.T
	what    string
	status  int
	header  http.Header
	body    []byte
	Success bool `json:"success"`
	Errors  []struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
		Chain   []struct {
			Code int `json:"code"`
		} `json:"error_chain"`
	} `json:"errors"`
	Result json.RawMessage `json:"result"`
	Info   map[string]any  `json:"result_info"`
}

// call sends a request; in a path, A and S stand for the account and the Worker
// "web" of it, Z for the zone.
func (c *client) call(method, path string, body any) answer {
	c.t.Helper()
	var r io.Reader
	kind := ""
	switch b := body.(type) {
	case nil:
	case *form:
		r, kind = bytes.NewReader(b.close(c.t)), b.w.FormDataContentType()
	case []byte:
		r, kind = bytes.NewReader(b), "application/octet-stream"
	default:
		encoded, err := json.Marshal(b)
		check(c.t, err)
		r, kind = bytes.NewReader(encoded), "application/json"
	}
	return c.send(method, path, kind, r)
}

func (c *client) send(method, path, contentType string, body io.Reader) answer {
	c.t.Helper()
	full := c.url + path
	if !strings.HasPrefix(path, "/local/") {
		full = c.url + api.Prefix + expand(path)
	}
	req, err := http.NewRequestWithContext(c.t.Context(), method, full, body)
	check(c.t, err)
	maps.Copy(req.Header, c.header)
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	res, err := http.DefaultClient.Do(req)
	check(c.t, err)
	defer res.Body.Close()
	a := answer{t: c.t, what: method + " " + path, status: res.StatusCode, header: res.Header}
	a.body, err = io.ReadAll(res.Body)
	check(c.t, err)
	if strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") {
		check(c.t, json.Unmarshal(a.body, &a))
	}
	return a
}

func expand(path string) string {
	for short, long := range map[string]string{"/A": "/accounts/" + account, "/S": "/accounts/" + account + "/workers/scripts/web", "/Z": "/zones/" + zoneID} {
		if rest, ok := strings.CutPrefix(path, short); ok && (rest == "" || rest[0] == '/' || rest[0] == '?') {
			return long + rest
		}
	}
	return path
}

// ok demands a success and decodes its result.
func (a answer) ok(into any) answer {
	a.t.Helper()
	if a.status >= 300 {
		a.t.Fatalf("%s: %d %s", a.what, a.status, a.body)
	}
	if a.header.Get(api.Header) == "" {
		a.t.Errorf("%s: the answer is not marked as a local cloud's", a.what)
	}
	if into != nil {
		check(a.t, json.Unmarshal(a.Result, into))
	}
	return a
}

// refused demands a failure with that status and code.
func (a answer) refused(status, code int) answer {
	a.t.Helper()
	if a.status != status || len(a.Errors) == 0 || a.Errors[0].Code != code {
		a.t.Errorf("%s: got %d %s, want status %d with code %d", a.what, a.status, a.body, status, code)
	}
	return a
}

// form is a multipart body.
type form struct {
	buf bytes.Buffer
	w   *multipart.Writer
}

// upload is a form with metadata (in the manner of wrangler without a content type)
// and modules by name.
func upload(metadata any, modules ...string) *form {
	f := &form{}
	f.w = multipart.NewWriter(&f.buf)
	b, err := json.Marshal(metadata)
	if err != nil {
		panic(err)
	}
	f.part("metadata", "", "", string(b))
	for i := 0; i < len(modules); i += 2 {
		f.part(modules[i], modules[i], "application/javascript+module", modules[i+1])
	}
	return f
}

// settingsForm is the body of a change of settings.
func settingsForm(settings any) *form {
	f := &form{}
	f.w = multipart.NewWriter(&f.buf)
	b, err := json.Marshal(settings)
	if err != nil {
		panic(err)
	}
	f.part("settings", "", "", string(b))
	return f
}

func (f *form) part(name, file, kind, content string) {
	h := textproto.MIMEHeader{}
	disposition := fmt.Sprintf("form-data; name=%q", name)
	if file != "" {
		disposition += fmt.Sprintf("; filename=%q", file)
	}
	h.Set("Content-Disposition", disposition)
	if kind != "" {
		h.Set("Content-Type", kind)
	}
	p, err := f.w.CreatePart(h)
	if err == nil {
		_, err = io.WriteString(p, content)
	}
	if err != nil {
		panic(err)
	}
}

func (f *form) close(t *testing.T) []byte {
	t.Helper()
	check(t, f.w.Close())
	return f.buf.Bytes()
}

type j = map[string]any

const hello = `export default { fetch() { return new Response("hello") } }`

// meta is the metadata of a plain upload, with more fields.
func meta(more ...j) j {
	m := j{"main_module": "index.js", "compatibility_date": "2026-01-01"}
	for _, fields := range more {
		for k, v := range fields {
			m[k] = v
		}
	}
	return m
}

// deployed uploads "web" and answers the version's id.
func (c *client) deployed(more ...j) string {
	c.t.Helper()
	c.call("PUT", "/S", upload(meta(more...), "index.js", hello)).ok(nil)
	return c.latest()
}

// latest is the id of the newest version of "web".
func (c *client) latest() string {
	c.t.Helper()
	var found struct {
		Items []struct{ ID string }
	}
	c.call("GET", "/S/versions?deployable=true", nil).ok(&found)
	return found.Items[0].ID
}
