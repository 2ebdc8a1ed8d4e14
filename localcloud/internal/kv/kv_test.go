package kv

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tamylaa/clodo/internal/sqlite"
	"github.com/tamylaa/clodo/localcloud/internal/clock"
	"github.com/tamylaa/clodo/localcloud/internal/pieces"
	"pgregory.net/rapid"
)

func newStore(t testing.TB, c *clock.Clock) *Store {
	t.Helper()
	s, err := Open(filepath.Join(t.TempDir(), "kv.sqlite"), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestAnEntryIsThereUntilItExpires(t *testing.T) {
	t.Parallel()
	c := &clock.Clock{}
	s := newStore(t, c)
	want := Entry{Value: []byte("v\x00"), Metadata: json.RawMessage(`{"a":1}`), Expiration: c.Now().Unix() + 3600}
	if err := s.Put("n", Pair{"k", want}, Pair{Key: "empty"}); err != nil {
		t.Fatal(err)
	}
	got, ok, err := s.Get("n", "k")
	if diff := cmp.Diff(want, got); diff != "" || !ok || err != nil {
		t.Errorf("ok %t, %v (-want +got):\n%s", ok, err, diff)
	}
	if e, ok, err := s.Get("n", "empty"); !ok || err != nil || len(e.Value) != 0 {
		t.Errorf("an empty value: %+v, %t, %v", e, ok, err)
	}
	if _, ok, err := s.Get("other", "k"); ok || err != nil {
		t.Errorf("a key of another namespace: %t, %v", ok, err)
	}
	if err := c.Advance(time.Hour); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := s.Get("n", "k"); ok || err != nil {
		t.Errorf("an expired key: %t, %v", ok, err)
	}
	page, err := s.List("n", ListOptions{})
	if err != nil || len(page.Keys) != 1 {
		t.Errorf("list after expiry: %+v, %v", page, err)
	}
}

func TestWhatKVRefusesChangesNothing(t *testing.T) {
	t.Parallel()
	s := newStore(t, &clock.Clock{})
	for name, c := range map[string]struct {
		pair   Pair
		status int
	}{
		"an empty key":             {Pair{}, http.StatusBadRequest},
		"a key of dots":            {Pair{Key: ".."}, http.StatusBadRequest},
		"a key of 513 bytes":       {Pair{Key: strings.Repeat("k", 513)}, http.StatusRequestURITooLong},
		"a value over 25 MiB":      {Pair{Key: "k", Entry: Entry{Value: make([]byte, MaxValue+1)}}, http.StatusRequestEntityTooLarge},
		"metadata over 1024 bytes": {Pair{Key: "k", Entry: Entry{Metadata: json.RawMessage(`"` + strings.Repeat("m", 1024) + `"`)}}, http.StatusRequestEntityTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			var refused *Error
			if err := s.Put("n", Pair{Key: "first"}, c.pair); !errors.As(err, &refused) || refused.Status != c.status {
				t.Errorf("got %v, want status %d", err, c.status)
			}
			if page, err := s.List("n", ListOptions{}); err != nil || len(page.Keys) != 0 {
				t.Errorf("something was stored: %+v, %v", page, err)
			}
		})
	}
	if _, err := s.Expiration(0, 59); err == nil {
		t.Error("a TTL of 59 seconds is accepted")
	}
	if _, err := s.Expiration(time.Now().Unix()+10, 0); err == nil {
		t.Error("an expiration in 10 seconds is accepted")
	}
	for cursor, o := range map[string]ListOptions{"none": {Cursor: "!"}, "a word": {Cursor: "word"}, "another prefix's": {Prefix: "b", Cursor: cursorAfter("a/b")}} {
		if _, err := s.List("n", o); err == nil {
			t.Errorf("a cursor that is %s is accepted", cursor)
		}
	}
}

func TestPagesTogetherAreAllKeysOfAPrefixInOrder(t *testing.T) {
	t.Parallel()
	s, runs := newStore(t, &clock.Clock{}), 0
	rapid.Check(t, func(t *rapid.T) {
		runs++
		namespace := fmt.Sprint("n", runs)
		keys := rapid.SliceOfDistinct(rapid.StringMatching(`[a-cé%_]{1,4}`), rapid.ID).Draw(t, "keys")
		prefix := rapid.StringMatching(`[a-cé%_]{0,2}`).Draw(t, "prefix")
		limit := rapid.IntRange(1, 5).Draw(t, "limit")
		want := map[string]bool{}
		for _, k := range keys {
			if err := s.Put(namespace, Pair{Key: k}); err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(k, prefix) {
				want[k] = true
			}
		}
		last, o := "", ListOptions{Prefix: prefix, Limit: limit}
		for {
			page, err := s.List(namespace, o)
			if err != nil {
				t.Fatal(err)
			}
			for _, k := range page.Keys {
				if !want[k.Name] || k.Name <= last {
					t.Fatalf("%q after %q is twice, out of order or without the prefix %q", k.Name, last, prefix)
				}
				delete(want, k.Name)
				last = k.Name
			}
			if page.Cursor == "" {
				break
			}
			if len(page.Keys) != limit {
				t.Fatalf("%d keys on a page that is not the last, want %d", len(page.Keys), limit)
			}
			o.Cursor = page.Cursor
		}
		if len(want) > 0 {
			t.Fatalf("missing %v", want)
		}
	})
}

func TestTheBindingProtocol(t *testing.T) {
	t.Parallel()
	s := newStore(t, &clock.Clock{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.Binding(w, r, "n") }))
	t.Cleanup(server.Close)
	do := func(method, target, metadata, body string) (string, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL+target, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if metadata != "" {
			r.Header.Set(metadataHeader, metadata)
		}
		res, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(res.Status + " " + res.Header.Get(metadataHeader)), string(b)
	}
	for i, c := range []struct{ method, target, metadata, body, status, answer string }{
		{"PUT", "/a%2Fb?urlencoded=true", `{"m":1}`, "one", "200 OK", ""},
		{"PUT", "/j?urlencoded=true", "", `{"x":2}`, "200 OK", ""},
		{"GET", "/a%2Fb?urlencoded=true", "", "", `200 OK {"m":1}`, "one"},
		{"GET", "/nope?urlencoded=true", "", "", "404 Not Found", ""},
		{"GET", "/?prefix=a&key_count_limit=1", "", "", "200 OK", `{"keys":[{"name":"a/b","metadata":"{\"m\":1}"}],"list_complete":true}`},
		{"GET", "/?key_count_limit=1", "", "", "200 OK", `{"keys":[{"name":"a/b","metadata":"{\"m\":1}"}],"list_complete":false,"cursor":"AWt2AmEvYg"}`},
		{"POST", "/bulk/get", "", `{"keys":["a/b","no"],"type":"text"}`, "200 OK", `{"a/b":"one","no":null}`},
		{"POST", "/bulk/get", "", `{"keys":["j"],"type":"json","withMetadata":true}`, "200 OK", `{"j":{"value":{"x":2},"metadata":null}}`},
		{"POST", "/bulk/get", "", `{"keys":["a/b"],"type":"json"}`, `400 At least one of the requested keys corresponds to a non-json value`, ""},
		{"PUT", "/t?urlencoded=true&expiration_ttl=59", "", "x", "400 Invalid expiration_ttl of 59. Expiration TTL must be at least 60.", ""},
		{"PUT", "/" + strings.Repeat("k", 513) + "?urlencoded=true", "", "x", "414 UTF-8 encoded length of 513 exceeds key length limit of 512.", ""},
		{"PUT", "/t?urlencoded=true&expiration_ttl=0", "", "x", "400 Invalid expiration_ttl of 0. Please specify integer greater than 0.", ""},
		{"PUT", "/t?urlencoded=true&expiration=5", "", "x", "400 Invalid expiration of 5. Please specify integer greater than the current number of seconds since the UNIX epoch.", ""},
		{"PUT", "/t?urlencoded=true", `"` + strings.Repeat("m", 1023) + `"`, "x", "413 Metadata length of 1025 exceeds limit of 1024.", ""},
		{"PUT", "/%2E%2E?urlencoded=true", "", "x", `400 Illegal key name "..". Please use a different name.`, ""},
		{"GET", "/t?urlencoded=true&cache_ttl=29", "", "", "400 Invalid cache_ttl of 29. Cache TTL must be at least 30.", ""},
		{"GET", "/?key_count_limit=1001", "", "", "400 Invalid key_count_limit of 1001. Please specify an integer less than 1000.", ""},
		{"GET", "/?key_count_limit=-1", "", "", "400 Invalid key_count_limit of -1. Please specify an integer greater than 0.", ""},
		{"GET", "/?prefix=" + strings.Repeat("k", 513), "", "", "414 UTF-8 encoded length of 513 exceeds key length limit of 512.", ""},
		{"GET", "/?cursor=!", "", "", "400 the cursor is none of this namespace's", ""},
		{"POST", "/bulk/get", "", `{"keys":[]}`, "400 You must request a minimum of 1 key", ""},
		{"POST", "/bulk/get", "", `{"keys":["a"],"type":"stream"}`, `400 "stream" is not a valid type. Use "json" or "text"`, ""},
		{"POST", "/bulk/get", "", `{"keys":["a"],"cacheTtl":"10"}`, "400 Invalid cache_ttl of 10. Cache TTL must be at least 30.", ""},
		{"POST", "/bulk/get", "", `{"keys":[` + strings.Repeat(`"k",`, 100) + `"k"]}`, "400 You can request a maximum of 100 keys", ""},
		{"POST", "/bulk/get", "", `[`, "400 the request is no JSON: unexpected EOF", ""},
		{"PATCH", "/t", "", "", "405 PATCH is no operation of KV", ""},
		{"DELETE", "/a%2Fb?urlencoded=true", "", "", "200 OK", ""},
		{"GET", "/a%2Fb?urlencoded=true", "", "", "404 Not Found", ""},
	} {
		t.Run(fmt.Sprint(i, " ", c.method, " ", c.target[:min(len(c.target), 30)]), func(t *testing.T) {
			status, answer := do(c.method, c.target, c.metadata, c.body)
			if status != c.status || answer != c.answer {
				t.Errorf("got %q %q\nwant %q %q", status, answer, c.status, c.answer)
			}
		})
	}
}

// large is a value that lies in a file.
var large = []byte(strings.Repeat("large ", inlineMax/4))

// files counts the values that lie in files.
func (s *Store) files(t *testing.T) (n int) {
	t.Helper()
	dir := filepath.Dir(filepath.Dir(s.large.Path(pieces.NewID())))
	if err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			n++
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestLargeValuesLieInFilesThatGoWithThem(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := Open(filepath.Join(dir, "kv.db"), &clock.Clock{})
	if err != nil {
		t.Fatal(err)
	}
	value := func(key, want string) {
		t.Helper()
		e, ok, err := s.Get("n", key)
		if err != nil || ok != (want != "") || string(e.Value) != want {
			t.Errorf("%q is %d bytes, %t, %v; want %d", key, len(e.Value), ok, err, len(want))
		}
	}
	put := func(key string, v []byte) {
		t.Helper()
		if err := s.Put("n", Pair{key, Entry{Value: v}}); err != nil {
			t.Error(err)
		}
	}
	put("a", large)
	put("b", large)
	put("c", large)
	put("a", append(large, 'x')) // in place of the first
	put("b", []byte("small"))
	if err := s.Delete("n", "c"); err != nil {
		t.Error(err)
	}
	value("a", string(large)+"x")
	value("b", "small")
	value("c", "")
	if n := s.files(t); n != 1 {
		t.Errorf("%d files for one large value", n)
	}
	if err := s.Put("n", Pair{"d", Entry{Value: large}}, Pair{Key: ""}); err == nil || s.files(t) != 1 {
		t.Errorf("a refused write left a file: %v", err)
	}
	_, orphan, err := s.large.Create()
	if err := errors.Join(err, orphan.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(filepath.Join(dir, "kv.db"), &clock.Clock{}); err != nil {
		t.Fatal(err)
	}
	if n := s.files(t); n != 1 {
		t.Errorf("%d files after the store was opened again", n)
	}
	value("a", string(large)+"x")
	if err := s.DeleteNamespace("n"); err != nil || s.files(t) != 0 {
		t.Errorf("%d files are left of a namespace that was deleted: %v", s.files(t), err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestANamespaceThatWasDeletedIsNotThereAgain(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "kv.db")
	s, err := Open(path, &clock.Clock{})
	if err == nil {
		err = errors.Join(s.Put("n", Pair{Key: "k"}), s.DeleteNamespace("n"), s.DeleteNamespace("n"))
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, when := range []string{"at once", "after a restart"} {
		for _, call := range []struct{ method, target, body string }{
			{"PUT", "/k", "v"}, {"GET", "/k", ""}, {"DELETE", "/k", ""}, {"GET", "/?prefix=k", ""}, {"POST", "/bulk/get", `{"keys":["k"]}`},
		} {
			if status, reason := ask(t, s, "n", call.method, call.target, call.body); status != http.StatusBadRequest || reason != "the namespace does not exist" {
				t.Errorf("%s, %s %s: %d %q", when, call.method, call.target, status, reason)
			}
		}
		if err := s.Put("other", Pair{Key: "k"}); err != nil {
			t.Errorf("another namespace: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if s, err = Open(path, &clock.Clock{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// ask sends a request as workerd's binding does and gives the status and its reason.
func ask(t *testing.T, s *Store, namespace, method, target, body string) (int, string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.Binding(w, r, namespace) }))
	defer server.Close()
	req, err := http.NewRequestWithContext(t.Context(), method, server.URL+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	_, reason, _ := strings.Cut(res.Status, " ")
	return res.StatusCode, reason
}

func TestAFileOfAnEarlierVersionIsTakenOver(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "kv.db")
	conn, err := sqlite.Open(sqlite.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(
		conn.Exec(`CREATE TABLE entries (namespace TEXT NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, metadata TEXT, expiration INTEGER NOT NULL, PRIMARY KEY (namespace, key)) WITHOUT ROWID`),
		conn.Exec("INSERT INTO entries VALUES ('n', ?, ?, ?, 0)", []byte("k"), large, `{"a":1}`), conn.Close()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		s, err := Open(path, &clock.Clock{})
		if err != nil {
			t.Fatal(err)
		}
		e, ok, err := s.Get("n", "k")
		if want := (Entry{Value: large, Metadata: json.RawMessage(`{"a":1}`)}); !ok || err != nil || !cmp.Equal(e, want) {
			t.Errorf("got %d bytes, %s, %t, %v", len(e.Value), e.Metadata, ok, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Whatever is put, read and deleted, in whichever order, the store answers as a map
// would.
func TestAStoreIsAMap(t *testing.T) {
	t.Parallel()
	s, runs := newStore(t, &clock.Clock{}), 0
	rapid.Check(t, func(rt *rapid.T) {
		runs++
		namespace := fmt.Sprint("n", runs)
		model := map[string]string{}
		key := rapid.StringMatching(`[ab/é]{1,2}`)
		rt.Repeat(map[string]func(*rapid.T){
			"put": func(rt *rapid.T) {
				var pairs []Pair
				for _, k := range rapid.SliceOfN(key, 1, 3).Draw(rt, "keys") {
					v := strings.Repeat(rapid.StringN(1, 3, -1).Draw(rt, "text"), rapid.SampledFrom([]int{0, 1, inlineMax / 2, inlineMax + 1}).Draw(rt, "times"))
					pairs = append(pairs, Pair{k, Entry{Value: []byte(v)}})
					model[k] = v
				}
				if err := s.Put(namespace, pairs...); err != nil {
					rt.Fatal(err)
				}
			},
			"delete": func(rt *rapid.T) {
				k := key.Draw(rt, "key")
				if err := s.Delete(namespace, k, k); err != nil {
					rt.Fatal(err)
				}
				delete(model, k)
			},
			"get": func(rt *rapid.T) {
				k := key.Draw(rt, "key")
				want, there := model[k]
				if e, ok, err := s.Get(namespace, k); err != nil || ok != there || string(e.Value) != want {
					rt.Fatalf("%q is %d bytes, %t, %v, want %d", k, len(e.Value), ok, err, len(want))
				}
			},
		})
		if err := s.DeleteNamespace(namespace); err != nil {
			rt.Fatal(err)
		}
	})
	if n := s.files(t); n != 0 {
		t.Errorf("%d files are left", n)
	}
}

// Whatever is sent, the answer is none of an error of this machine.
func FuzzBinding(f *testing.F) {
	s := newStore(f, &clock.Clock{})
	for _, c := range [][4]string{
		{"PUT", "/k?urlencoded=true&expiration_ttl=60", `{"m":1}`, "v"},
		{"GET", "/k?urlencoded=true&cache_ttl=x", "", ""},
		{"DELETE", "/%", "", ""},
		{"GET", "/?prefix=%ff&key_count_limit=-0&cursor=AA", "", ""},
		{"POST", "/bulk/get", "", `{"keys":["k"],"type":"json","cacheTtl":"30"}`},
		{"PUT", "/k?expiration=9e9", "{", "v"},
	} {
		f.Add(c[0], c[1], c[2], c[3])
	}
	f.Fuzz(func(t *testing.T, method, target, metadata, body string) {
		u, err := url.Parse(target)
		if err != nil || !strings.HasPrefix(target, "/") {
			return
		}
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.Method, r.URL = method, u
		if metadata != "" {
			r.Header.Set(metadataHeader, metadata)
		}
		w := httptest.NewRecorder()
		if s.Binding(w, r, "n"); w.Code >= http.StatusInternalServerError {
			t.Errorf("%s %s %q %q: %d %s", method, target, metadata, body, w.Code, w.Body)
		}
	})
}
