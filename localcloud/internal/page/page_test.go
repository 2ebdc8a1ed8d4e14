package page_test

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tamylaa/clodo/localcloud/internal/clock"
	"github.com/tamylaa/clodo/localcloud/internal/d1"
	"github.com/tamylaa/clodo/localcloud/internal/kv"
	"github.com/tamylaa/clodo/localcloud/internal/page"
	"github.com/tamylaa/clodo/localcloud/internal/queue"
	"github.com/tamylaa/clodo/localcloud/internal/r2"
	"github.com/tamylaa/clodo/localcloud/internal/runtime"
	"github.com/tamylaa/clodo/localcloud/internal/store"
	"github.com/tamylaa/clodo/localcloud/internal/traffic"
)

// hostile is a name that must reach no page unescaped.
const hostile = `"><script>alert(1)</script>{{.}}`

const (
	account  = "11111111111111111111111111111111"
	database = "22222222-2222-4222-8222-222222222222"
)

// site is the pages over stores that a test fills.
type site struct {
	*httptest.Server
	t          *testing.T
	store      *store.Store
	databases  *d1.Store
	namespaces *kv.Store
	buckets    *r2.Store
	messages   *queue.Store
	traffic    *traffic.Store
}

func newSite(t *testing.T) *site {
	t.Helper()
	dir := t.TempDir()
	s := &site{t: t}
	var err error
	if s.store, err = store.Open(dir); err != nil {
		t.Fatal(err)
	}
	if s.databases, err = d1.NewStore(filepath.Join(dir, "d1"), &clock.Clock{}); err != nil {
		t.Fatal(err)
	}
	if s.namespaces, err = kv.Open(filepath.Join(dir, "kv.db"), &clock.Clock{}); err != nil {
		t.Fatal(err)
	}
	if s.buckets, err = r2.Open(filepath.Join(dir, "r2"), &clock.Clock{}); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	if s.traffic, err = traffic.Open(traffic.Options{Path: filepath.Join(dir, "traffic.db"), Clock: &clock.Clock{}, Log: log}); err != nil {
		t.Fatal(err)
	}
	if s.messages, err = queue.Open(filepath.Join(dir, "queues.db"), &clock.Clock{}); err != nil {
		t.Fatal(err)
	}
	p, err := page.New(page.Options{
		Queues: queue.NewBroker(s.messages, &clock.Clock{}, log),
		Store:  s.store, Databases: s.databases, Namespaces: s.namespaces, Buckets: s.buckets, Traffic: s.traffic, Clock: &clock.Clock{}, Log: log,
		API: "http://127.0.0.1:7000/client/v4", Data: "http://127.0.0.1:7001",
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Server = httptest.NewServer(p)
	t.Cleanup(func() {
		s.Close()
		if err := errors.Join(s.traffic.Close(), s.messages.Close(), s.buckets.Close(), s.databases.Close(), s.namespaces.Close(), s.store.Close()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *site) write(change func(*store.Tx) error) {
	s.t.Helper()
	if err := s.store.Write(s.t.Context(), change); err != nil {
		s.t.Fatal(err)
	}
}

// fill makes one of everything, with names that mean harm.
func (s *site) fill() {
	s.t.Helper()
	raw := func(v any) json.RawMessage {
		b, err := json.Marshal(v)
		if err != nil {
			s.t.Fatal(err)
		}
		return b
	}
	files := store.Bucket{Account: account, Jurisdiction: "eu", Name: "files", CreatedOn: time.Now()}
	if err := s.buckets.CreateBucket(s.t.Context(), files.ID()); err != nil {
		s.t.Fatal(err)
	}
	for _, key := range []string{hostile, "deep/er/style.css"} {
		if _, err := s.buckets.Put(s.t.Context(), files.ID(), key, strings.NewReader("h1 {}"), r2.PutOptions{Settings: r2.Settings{Custom: []r2.Field{{Key: hostile, Value: hostile}}}}); err != nil {
			s.t.Fatal(err)
		}
	}
	jobs := queue.Queue{
		ID: "q1", Account: account, Name: "jobs", CreatedOn: time.Now(), Settings: queue.DefaultSettings(),
		Consumers: []queue.Consumer{{Type: queue.Worker, Script: "web", BatchSize: 10, MaxRetries: 3, DeadLetter: "dead"}},
	}
	if err := s.messages.Send(jobs.ID, 0, queue.Message{Format: queue.Text, Body: []byte(hostile)}, queue.Message{Format: queue.V8, Body: []byte{1, 2, 3}}); err != nil {
		s.t.Fatal(err)
	}
	s.traffic.Traced([]runtime.Trace{{
		Invoked: runtime.Invoked{Account: account, Script: "web", Version: "aaaaaaaa-0000-4000-8000-000000000000"}, Outcome: "exception", Ended: float64(time.Now().UnixMilli()),
		Logs:       raw([]any{map[string]any{"level": "log", "message": []any{"said", map[string]int{"n": 7}, hostile}, "timestamp": 1}}),
		Exceptions: raw([]any{map[string]any{"name": "Error", "message": hostile, "timestamp": 1}, map[string]any{"name": "TypeError", "message": "no such thing", "stack": "    at fetch (index.js:4:38)", "timestamp": 1}}),
		Event:      raw(map[string]any{"cron": "*/5 * * * *", "scheduledTime": 1}),
	}})
	if err := s.traffic.Sync(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	s.write(func(tx *store.Tx) error {
		now := time.Now()
		return errors.Join(
			tx.PutAccount(store.Account{ID: account, Name: hostile, Subdomain: "shop", CreatedOn: now}),
			tx.PutScript(store.Script{Account: account, Name: "web", WorkersDev: true, ModifiedOn: now, Crons: []store.Cron{{Expression: "*/5 * * * *"}}}),
			tx.AddVersion(store.Version{
				ID: "aaaaaaaa-0000-4000-8000-000000000000", Account: account, Script: "web", Number: 1, CreatedOn: now,
				Annotations: map[string]string{"workers/message": hostile}, Modules: []store.Module{{Name: "index.js", Size: 2_345_678}},
				Bindings: []json.RawMessage{
					raw(map[string]string{"type": "plain_text", "name": "TEXT", "text": hostile}),
					raw(map[string]string{"type": "secret_text", "name": "KEY", "text": "hush-hush"}),
					raw(map[string]string{"type": "d1", "name": "DB", "id": database}),
				},
			}),
			tx.AddDeployment(store.Deployment{ID: "d", Account: account, Script: "web", CreatedOn: now, Versions: []store.Share{{Version: "aaaaaaaa-0000-4000-8000-000000000000", Percentage: 12.5}}}),
			tx.PutDatabase(store.Database{ID: database, Account: account, Name: "orders", CreatedOn: now}),
			tx.PutNamespace(store.Namespace{ID: "n1", Account: account, Title: hostile}),
			tx.AddBucket(files),
			tx.PutQueue(jobs),
		)
	})
	if err := errors.Join(s.databases.Create(database), s.namespaces.Put("n1", kv.Pair{Key: hostile, Entry: kv.Entry{Value: []byte(hostile), Metadata: raw(hostile)}})); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) get(path string) (int, string) {
	s.t.Helper()
	res, err := http.Get(s.URL + path)
	if err != nil {
		s.t.Fatal(err)
	}
	return read(s.t, res)
}

func (s *site) post(path, sql string, header ...string) (int, string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), "POST", s.URL+path, strings.NewReader(url.Values{"sql": {sql}}.Encode()))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	return read(s.t, res)
}

func read(t *testing.T, res *http.Response) (int, string) {
	t.Helper()
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

func TestAnEmptyCloudSaysHowToBegin(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.write(func(tx *store.Tx) error { return tx.PutAccount(store.Account{ID: account, Name: "local"}) })
	status, body := s.get("/")
	if status != 200 || !strings.Contains(body, "Nothing was made here yet") || !strings.Contains(body, "http://127.0.0.1:7000/client/v4") {
		t.Errorf("%d %s", status, body)
	}
}

func TestEveryPageShowsWhatIsThereAndNothingThatHarms(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.fill()
	pages := map[string][]string{
		"/":                            {"http://web.localhost:7001/", "aaaaaaaa", "12.50 %", "*/5 * * * *", "orders", "/r2/" + account + "/eu/files", `said {&#34;n&#34;:7} &#34;&gt;`, `<a href="#workers-` + account + `">1 Worker</a> · <a href="#databases-` + account + `">1 D1 database</a>`, "TypeError: no such thing\n    at fetch (index.js:4:38)"},
		"/workers/" + account + "/web": {"2.3 MB", `href="/databases/` + database, "secret_text", "KEY"},
		"/databases/" + database:       {"orders", "no tables yet"},
		"/r2/" + account + "/eu/files": {"2 objects", "?prefix=deep%2F"},
		"/r2/" + account + "/eu/files?prefix=deep/er/&key=deep/er/style.css": {"ETag", "style.css"},
		"/requests":                              {"exception", `class="fault"`, "scheduled"},
		"/requests?script=web&logs=1":            {"said"},
		"/queues/q1":                             {"2 messages", "takes batches of 10", "then it goes to dead", "&#34;&gt;&lt;script&gt;", "3 bytes"},
		"/requests?script=other":                 {"Nothing yet"},
		"/kv/n1":                                 {"/kv/n1?key="},
		"/kv/n1?key=" + url.QueryEscape(hostile): {"metadata", "<pre>&#34;&gt;"},
	}
	for path, wants := range pages {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			status, body := s.get(path)
			if status != 200 {
				t.Fatalf("%d %s", status, body)
			}
			for _, want := range wants {
				if !strings.Contains(body, want) {
					t.Errorf("no %q in\n%s", want, body)
				}
			}
			if strings.Contains(body, "<script>alert") || strings.Contains(body, "hush-hush") || strings.Contains(body, "%!") {
				t.Errorf("a page carries what it must not:\n%s", body)
			}
		})
	}
}

func TestTheQueryBox(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.fill()
	path := "/databases/" + database
	if status, body := s.post(path, `CREATE TABLE t(id INTEGER PRIMARY KEY, "<b>" TEXT, data BLOB); INSERT INTO t VALUES(1, '<i>', x'0102'), (2, NULL, NULL); SELECT * FROM t`); status != 200 ||
		!strings.Contains(body, "&lt;i&gt;") || !strings.Contains(body, "NULL") || !strings.Contains(body, "2 bytes") || !strings.Contains(body, "<summary>t ") {
		t.Errorf("%d %s", status, body)
	}
	if status, body := s.post(path, "SELECT '<b>' FROM absent"); status != 200 || !strings.Contains(body, "no such table: absent") || !strings.Contains(body, "SELECT &#39;&lt;b&gt;&#39; FROM absent</textarea>") {
		t.Errorf("a failed query: %d %s", status, body)
	}
	if status, body := s.post(path, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 700) SELECT i FROM n"); status != 200 || !strings.Contains(body, "500 rows and 200 more") {
		t.Errorf("many rows: %d %.300s", status, body)
	}
	if status, _ := s.post(path, "SELECT '"+strings.Repeat("x", 2<<20)+"'"); status != http.StatusRequestEntityTooLarge {
		t.Errorf("a giant query: %d", status)
	}
}

func TestAnotherSiteCannotQuery(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.fill()
	for name, header := range map[string][]string{
		"by its origin":        {"Origin", "https://evil.example"},
		"by what browsers say": {"Sec-Fetch-Site", "cross-site"},
	} {
		if status, _ := s.post("/databases/"+database, "CREATE TABLE harm(x)", header...); status != http.StatusForbidden {
			t.Errorf("%s: status %d", name, status)
		}
	}
	if _, body := s.get("/databases/" + database); strings.Contains(body, "harm") {
		t.Error("the query of another site ran")
	}
}

func TestWhatIsNotThereIsNotFound(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.fill()
	for path, want := range map[string]int{
		"/workers/" + account + "/none": 404, "/workers/none/web": 404, "/databases/none": 404, "/databases/orders": 404,
		"/kv/none": 404, "/queues/none": 404, "/r2/none/eu/files": 404, "/r2/" + account + "/default/files": 404, "/r2/" + account + "/eu/files?key=none": 404, "/r2/" + account + "/eu/files?cursor=%21": 400, "/kv/n1?key=none": 404, "/kv/n1?cursor=%21%21": 400, "/kv/n1?key=" + strings.Repeat("x", 600): 414,
		"/static/": 404, "/static/../page.go": 404, "/nothing": 404,
	} {
		if status, body := s.get(path); status != want {
			t.Errorf("%s: %d, want %d: %.200s", path, status, want, body)
		}
	}
}

func TestPagesLoadNothingFromElsewhere(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	res, err := http.Get(s.URL + "/")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = read(t, res)
	if policy := res.Header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") {
		t.Errorf("policy %q", policy)
	}
}
