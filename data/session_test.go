package data

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/tamylaa/clodo"
)

// A client that sends back what it got sees what it wrote, from whatever instance and
// replica: the session begins at its bookmark, and no cache answers from before.
func TestASessionGoesOnFromTheClientsBookmark(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	posts := NewStore(Define(Options[post]{}), w.db, StoreOptions{Cache: NewCache(CacheOptions{})})
	app := clodo.NewRouter()
	app.Use(Sessions(w.db))
	Resource(app, "/posts", posts, ResourceOptions{})
	app.HandleFunc("GET /nothing", func(http.ResponseWriter, *http.Request) {})
	send := func(method, target, body, bookmark string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(w, method, target, strings.NewReader(body))
		r.Header.Set(BookmarkHeader, bookmark)
		res := httptest.NewRecorder()
		app.ServeHTTP(res, r)
		return res
	}
	mark := send("POST", "/posts", `{"title":"a"}`, "").Header().Get(BookmarkHeader)
	if !isBookmark(mark) {
		t.Fatalf("the bookmark is %q", mark)
	}
	send("GET", "/posts/1", "", "")
	if n := w.during(func() { send("GET", "/posts/1", "", "") }); n != 0 {
		t.Errorf("without a bookmark the cache could have answered; %d calls", n)
	}
	if n := w.during(func() {
		if next := send("GET", "/posts/1", "", mark).Header().Get(BookmarkHeader); next < mark {
			t.Errorf("after %q comes %q", mark, next)
		}
	}); n != 1 {
		t.Errorf("the cache answered who had seen more than it may know; %d calls", n)
	}
	for _, forged := range []string{"first-primary", "x y", "é", "'--", "abcxyz"} {
		if res := send("GET", "/posts/1", "", forged); res.Code != 200 {
			t.Errorf("%q: %d", forged, res.Code)
		}
	}
	app.HandleFunc("GET /flushed", func(w http.ResponseWriter, r *http.Request) {
		if _, err := posts.Get(r.Context(), 1); err != nil {
			t.Error(err)
		}
		w.(http.Flusher).Flush()
	})
	if res := send("GET", "/flushed", "", mark); !res.Flushed || !isBookmark(res.Header().Get(BookmarkHeader)) {
		t.Errorf("what is flushed has the bookmark %q", res.Header().Get(BookmarkHeader))
	}
	if res := send("GET", "/nothing", "", ""); res.Header().Get(BookmarkHeader) != "" {
		t.Error("a bookmark of nothing")
	}
}

// Whatever is an array for encoding/json is taken apart as it does it, and nothing else.
func FuzzElements(f *testing.F) {
	for _, text := range []string{`[]`, `[1, {"a":[2]} ,"]"]`, `[1,]`, `[`, `[1`, `{}`, ``, `[1]x`, ` [ null ] `, `["\"",[[]]]`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		parts, err := elements(slices.Clone(text))
		var want []json.RawMessage
		wrong := json.Unmarshal(text, &want)
		if wrong == nil && want == nil || bytes.Count(text, []byte("["))+bytes.Count(text, []byte("{")) > maxDepth { // null, and what is too deep for us alone
			return
		}
		if (err == nil) != (wrong == nil) || err == nil && len(parts) != len(want) {
			t.Fatalf("%q: %d parts, %v; encoding/json says %d, %v", text, len(parts), err, len(want), wrong)
		}
		for i := range want {
			if string(parts[i]) != string(want[i]) {
				t.Errorf("%q: part %d is %q, want %q", text, i, parts[i], want[i])
			}
		}
	})
}
