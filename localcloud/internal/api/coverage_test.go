package api_test

import (
	"cmp"
	"flag"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tamylaa/clodo/internal/openapitest"
	"github.com/tamylaa/clodo/localcloud/internal/api"
)

// answered collects the endpoints that some test got a success from; it is judged
// when all tests have run.
var answered sync.Map

// watch notes the successes of next.
func watch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		tee := &statusWriter{ResponseWriter: w}
		next.ServeHTTP(tee, req)
		if tee.status < 300 {
			answered.Store(req.Method+" "+strings.TrimPrefix(req.URL.EscapedPath(), api.Prefix), true)
		}
	})
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 && flag.Lookup("test.run").Value.String() == "" && flag.Lookup("test.fuzz").Value.String() == "" && flag.Lookup("test.list").Value.String() == "" {
		code = judge()
	}
	os.Exit(code)
}

// judge fails when an endpoint was never seen to succeed: its answers would stand
// unchecked. Which of several patterns a path belongs to does not matter here.
func judge() (code int) {
	var paths []string
	answered.Range(func(key, _ any) bool {
		paths = append(paths, key.(string))
		return true
	})
	for _, e := range api.Endpoints() {
		if failsAlways(e) {
			continue
		}
		text := regexp.MustCompile(`\\\{[^}]*\.\\\}`).ReplaceAllString(regexp.QuoteMeta(e.Method+" "+e.Pattern), ".+")
		pattern := regexp.MustCompile("^" + regexp.MustCompile(`\\\{[^}]*\\\}`).ReplaceAllString(text, "[^/]+") + "$")
		if !slices.ContainsFunc(paths, pattern.MatchString) {
			fmt.Printf("no test got a success from %s %s\n", e.Method, e.Pattern)
			code = 1
		}
	}
	return code
}

// failsAlways is the one endpoint whose every answer is an error.
func failsAlways(e api.Endpoint) bool {
	return strings.HasSuffix(e.Pattern, "/workers/subdomains/{subdomain}")
}

func TestEveryEndpointIsKnown(t *testing.T) {
	t.Parallel()
	checker := openapitest.Load(t)
	for _, e := range api.Endpoints() {
		if !checker.Known(e.Method, e.Pattern) {
			t.Errorf("%s %s stands neither in Cloudflare's document nor in the table beside it", e.Method, e.Pattern)
		}
	}
}

// sameGroup are the names that Cloudflare's document has for one group.
var sameGroup = map[string]string{"Zone Zone Read": "Zone Read", "Zone Zone Edit": "Zone Write", "Zone DNS Edit": "DNS Write"}

// manyGroups is where the document lists every group that an account or a zone has:
// any token of it will do.
const manyGroups = 20

func TestPermissionsAreTheDocuments(t *testing.T) {
	t.Parallel()
	checker := openapitest.Load(t)
	names := func(groups []string) []string {
		var out []string
		for _, g := range groups {
			out = append(out, cmp.Or(sameGroup[g], g))
		}
		slices.Sort(out)
		return slices.Compact(out)
	}
	judged := 0
	for _, e := range api.Endpoints() {
		want := checker.Groups(e.Method, e.Pattern)
		if e.Method+" "+e.Pattern == "GET /zones" {
			want = append(want, "Zone Write") // who may change zones may list them, as everywhere else
		}
		want = names(want)
		if len(want) == 0 || len(want) >= manyGroups && len(e.Permissions) == 0 {
			continue
		}
		judged++
		if len(want) >= manyGroups { // the token must at least belong to the thing
			continue
		}
		if got := names(e.Permissions); !slices.Equal(got, want) {
			t.Errorf("%s %s takes %q, want %q", e.Method, e.Pattern, got, want)
		}
	}
	if judged < 80 {
		t.Errorf("the document says so of %d endpoints only", judged)
	}
}
