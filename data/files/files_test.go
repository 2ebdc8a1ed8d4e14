package files_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tamylaa/clodo"
	"github.com/tamylaa/clodo/bindings/d1"
	"github.com/tamylaa/clodo/bindings/r2"
	"github.com/tamylaa/clodo/data"
	"github.com/tamylaa/clodo/data/files"
	"github.com/tamylaa/clodo/internal/datatest"
)

type shelf struct {
	t     *testing.T
	ctx   context.Context
	app   *clodo.Router
	files *files.Files
}

func newShelf(t *testing.T) *shelf {
	t.Helper()
	auth := clodo.Authenticate(clodo.APIKeys(clodo.FixedKeys(map[string]clodo.Identity{clodo.HashAPIKey("good"): {Subject: "ann"}})))
	hooks := &data.Hooks{}
	hooks.Add(data.Hook{On: "before.create", Run: func(_ context.Context, e *data.Event) error {
		if e.Row.(*files.File).Name == "refused.txt" {
			return clodo.Errorf(403, "refused", "Not that one.")
		}
		return nil
	}})
	s := &shelf{t: t, app: clodo.NewRouter()}
	s.files = files.New(files.Options{DB: d1.Open("DB"), Bucket: r2.Open("FILES"), Auth: auth, PublicRead: true, MaxSize: 100 << 10, Hooks: hooks})
	modules := data.Register(s.app, nil, s.files.Module())
	s.ctx = datatest.New(t, modules.Models...)
	return s
}

func (s *shelf) send(method, target string, body io.Reader, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(s.ctx, method, target, body)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.app.ServeHTTP(w, r)
	return w
}

// objects counts what is in the bucket.
func (s *shelf) objects() int {
	s.t.Helper()
	page, err := r2.Open("FILES").List(s.ctx, r2.ListOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
	return len(page.Objects)
}

var signed = []string{"X-Api-Key", "good"}

func TestAFileGoesInAndComesOut(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	content := strings.Repeat("0123456789", 10_000)[:90_001]
	w := s.send("POST", `/files?name=C:\docs\r%C3%A9sum%C3%A9.svg`, strings.NewReader(content), append(signed, "Content-Type", "image/svg+xml")...)
	location := w.Header().Get("Location")
	var made struct{ Data files.File }
	if w.Code != 201 || !strings.Contains(w.Body.String(), `"name":"résumé.svg","content_type":"image/svg+xml","size":90001,`) || !strings.Contains(w.Body.String(), `"owner":"ann"`) {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	_ = json.Unmarshal(w.Body.Bytes(), &made)
	if got := s.send("GET", location, nil); got.Code != 200 || got.Body.String() != w.Body.String() {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	whole := s.send("GET", location+"/content", nil)
	h := whole.Header()
	if whole.Code != 200 || whole.Body.String() != content || h.Get("Content-Length") != "90001" || h.Get("Content-Type") != "image/svg+xml" ||
		h.Get("Content-Disposition") != "attachment; filename*=utf-8''r%C3%A9sum%C3%A9.svg" || h.Get("Content-Security-Policy") == "" || h.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%d, %d bytes, %v", whole.Code, whole.Body.Len(), h)
	}
	if got := s.send("GET", location+"/content", nil, "If-None-Match", h.Get("Etag")); got.Code != 304 {
		t.Errorf("again: %d", got.Code)
	}
	for header, want := range map[string]struct {
		status   int
		from, to int
	}{
		"bytes=0-9": {206, 0, 10}, "bytes=90000-": {206, 90_000, 90_001}, "bytes=-5": {206, 89_996, 90_001}, "bytes=89999-999999": {206, 89_999, 90_001}, "bytes=-999999": {206, 0, 90_001},
		"bytes=0-1,5-6": {200, 0, 90_001}, "bytes=x": {200, 0, 90_001}, "bytes=5-1": {200, 0, 90_001}, "lines=1-2": {200, 0, 90_001}, "bytes=--5": {200, 0, 90_001},
		"bytes=90001-": {416, 0, 0}, "bytes=-0": {416, 0, 0},
	} {
		got := s.send("GET", location+"/content", nil, "Range", header)
		if got.Code != want.status || want.status != 416 && got.Body.String() != content[want.from:want.to] {
			t.Errorf("%s: %d, %d bytes", header, got.Code, got.Body.Len())
		}
	}
	if got := s.send("GET", location+"/content", nil, "Range", "bytes=0-9", "If-Range", `"another"`); got.Code != 200 {
		t.Errorf("a range of another state: %d", got.Code)
	}
	if got := s.send("GET", "/files/stats", nil).Body.String(); got != `{"data":{"count":1,"bytes":90001},"success":true}`+"\n" {
		t.Error(got)
	}
	if got := s.send("GET", "/files?owner=ann&fields=name", nil).Body.String(); !strings.HasPrefix(got, `{"success":true,"data":[{"name":"résumé.svg"}],`) {
		t.Error(got)
	}
	if got := s.send("DELETE", location, nil, signed...); got.Code != 204 || s.objects() != 0 {
		t.Errorf("%d, and the bucket has %d", got.Code, s.objects())
	}
	if got := s.send("GET", location+"/content", nil); got.Code != 404 {
		t.Errorf("it is still there: %d", got.Code)
	}
}

func TestAFileMayBeEmpty(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	w := s.send("POST", "/files?name=empty.txt", http.NoBody, append(signed, "Content-Type", "text/plain")...)
	got := s.send("GET", w.Header().Get("Location")+"/content", nil)
	if w.Code != 201 || got.Code != 200 || got.Body.Len() != 0 || got.Header().Get("Content-Disposition") != "inline; filename=empty.txt" {
		t.Errorf("%d %s, %d %v", w.Code, w.Body, got.Code, got.Header())
	}
	if got := s.send("GET", w.Header().Get("Location")+"/content", nil, "Range", "bytes=0-0"); got.Code != 416 {
		t.Errorf("a range of nothing: %d", got.Code)
	}
}

// broken ends before its time.
type broken struct{ io.Reader }

func (b broken) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err == io.EOF {
		err = errors.New("the client is gone")
	}
	return n, err
}

func TestWhatIsRefusedLeavesNothing(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	small := func() io.Reader { return strings.NewReader("x") }
	tests := map[string]struct {
		method, target string
		body           io.Reader
		header         []string
		status         int
	}{
		"nobody sends":             {"POST", "/files?name=a.txt", small(), nil, 401},
		"nobody deletes":           {"DELETE", "/files/018f4e5a-7c1b-7000-8000-000000000000", nil, nil, 401},
		"too much":                 {"POST", "/files?name=a.txt", bytes.NewReader(make([]byte, 100<<10+1)), signed, 413},
		"of unknown length":        {"POST", "/files?name=a.txt", io.MultiReader(small()), signed, 411},
		"without a name":           {"POST", "/files", small(), signed, 422},
		"with a folder for a name": {"POST", "/files?name=../../", small(), signed, 422},
		"with a long name":         {"POST", "/files?name=" + strings.Repeat("a", 256), small(), signed, 422},
		"of a type that is none":   {"POST", "/files?name=a.txt", small(), append([]string{"Content-Type", "a b c"}, signed...), 415},
		"that a hook refuses":      {"POST", "/files?name=refused.txt", small(), signed, 403},
		"an id that is none":       {"GET", "/files/..%2F..%2Fsecret/content", nil, nil, 400},
		"an id of nothing":         {"GET", "/files/018f4e5a-7c1b-7000-8000-000000000000/content", nil, nil, 404},
		"to delete nothing":        {"DELETE", "/files/018f4e5a-7c1b-7000-8000-000000000000", nil, signed, 404},
		"another method":           {"PUT", "/files/stats", nil, signed, 405},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if w := s.send(test.method, test.target, test.body, test.header...); w.Code != test.status {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
	_, err := s.files.Put(s.ctx, "a.txt", "text/plain", broken{small()}, 5)
	var p *clodo.Problem
	if !errors.As(err, &p) || p.Status != http.StatusBadRequest {
		t.Errorf("a body that breaks off: %v", err)
	}
	if stats, err := s.files.Stats(s.ctx); err != nil || stats.Count != 0 || s.objects() != 0 {
		t.Errorf("%+v, and the bucket has %d", stats, s.objects())
	}
}
