package localcloud

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tamylaa/clodo/internal/npmtest"
)

// caching says when it has an answer in its cache, which it puts for an hour.
const caching = `export default { async fetch(request, env, ctx) {
	const found = await caches.default.match("https://shop.example/page");
	if (found) return new Response("found " + await found.text());
	await caches.default.put("https://shop.example/page", new Response("page", { headers: { "cache-control": "max-age=3600", "cache-tag": "t" } }));
	return new Response("put");
} }`

func TestTheCacheGoesByTheCloudsClockAndIsPurgedThroughTheAPI(t *testing.T) {
	t.Parallel()
	npmtest.Workerd(t)
	c := start(t, Options{Dir: t.TempDir(), Seed: Seed{Zones: []string{"shop.example"}}})
	r := remote{t, c.Info()}
	r.deploy("web", caching, "")
	is := func(when, want string) {
		t.Helper()
		if got := r.get("web", "/"); got != want {
			t.Errorf("%s: %q, want %q", when, got, want)
		}
	}
	is("first", "put")
	is("then", "found page")
	fatal(t, c.clock.Advance(61*time.Minute))
	is("an hour later", "put")
	is("then", "found page")
	var zones []struct{ ID string }
	fatal(t, json.Unmarshal(r.do("GET", "/client/v4/zones", nil), &zones))
	r.do("POST", "/client/v4/zones/"+zones[0].ID+"/purge_cache", map[string]any{"tags": []string{"T"}})
	is("after a purge", "put")
	r.deploy("web", caching+"// anew", "")
	is("after a deployment", "found page")
	fatal(t, c.Reset(t.Context()))
	r.deploy("web", caching, "")
	is("after a reset", "put")
}

// longAnswer is an answer that is a file of the cache.
func longAnswer() string { return strings.Repeat("x", 100<<10) }

// keep puts one into the cache of a cloud.
func keep(c *Cloud) {
	r := httptest.NewRequest(http.MethodPut, "https://shop.example/", strings.NewReader("HTTP/1.1 200 OK\r\n\r\n"+longAnswer()))
	c.storage.caches.Binding(httptest.NewRecorder(), r, "acc")
}

// kept reports whether it is still there.
func kept(c *Cloud) bool {
	w := httptest.NewRecorder()
	c.storage.caches.Binding(w, httptest.NewRequest(http.MethodGet, "https://shop.example/", nil), "acc")
	return w.Body.String() == longAnswer()
}

// A saved cloud has nothing of a cache: neither while it runs, nor after it was killed.
func TestWhatIsCachedIsNotSaved(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c, err := Start(t.Context(), local(Options{Dir: dir}))
	fatal(t, err)
	keep(c)
	if !kept(c) {
		t.Fatal("nothing is kept")
	}
	var running, killed bytes.Buffer
	fatal(t, c.Save(t.Context(), &running))
	keep(c)
	if !kept(c) {
		t.Error("after it was saved nothing is kept")
	}
	end(t, c)
	// As a cloud leaves it that is killed.
	left := filepath.Join(dir, cacheFolder, "ab", "cd")
	fatal(t, errors.Join(os.MkdirAll(filepath.Dir(left), 0o700), os.WriteFile(left, []byte(longAnswer()), 0o600)))
	fatal(t, Save(t.Context(), dir, &killed))
	for name, saved := range map[string]*bytes.Buffer{"running": &running, "killed": &killed} {
		unzipped, err := gzip.NewReader(saved)
		fatal(t, err)
		for in := tar.NewReader(unzipped); ; {
			h, err := in.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			fatal(t, err)
			if strings.HasPrefix(h.Name, cacheFolder) {
				t.Errorf("%s: %s is saved", name, h.Name)
			}
		}
	}
	again := start(t, local(Options{Dir: dir}))
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) || kept(again) {
		t.Errorf("what a killed cloud left is still there: %v", err)
	}
}
