package clodo_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tamylaa/clodo"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler)) // failures are provoked here
	os.Exit(m.Run())
}

// tell answers with the pattern and the values that it has of the names.
func tell(names ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%q", r.Pattern)
		for _, name := range names {
			fmt.Fprintf(w, " %s=%q", name, r.PathValue(name))
		}
	}
}

func ask(h http.Handler, method, target string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, target, nil))
	return w
}

func TestRequestsGoToThePatternThatFitsBest(t *testing.T) {
	t.Parallel()
	app := clodo.NewRouter()
	for _, pattern := range []string{
		"GET /{$}", "GET /users", "GET /users/{id}", "GET /users/me", "POST /users/{id}", "/users/{id}/orders/{order}", "GET /files/{path...}", "GET /tree/",
		"POST /{a}/x/y", "HEAD /own", "GET /own", "/nine/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}",
	} {
		app.Handle(pattern, tell("id", "order", "path", "a", "i"))
	}
	none := ` id="" order="" path="" a="" i=""`
	tests := map[string]struct {
		method, target string
		status         int
		want           string
	}{
		"the root":                              {"GET", "/", 200, `"GET /{$}"` + none},
		"a literal":                             {"GET", "/users", 200, `"GET /users"` + none},
		"a wildcard":                            {"GET", "/users/7?x=y", 200, `"GET /users/{id}" id="7" order="" path="" a="" i=""`},
		"a literal beats a wildcard":            {"GET", "/users/me", 200, `"GET /users/me"` + none},
		"but not with another method":           {"POST", "/users/me", 200, `"POST /users/{id}" id="me" order="" path="" a="" i=""`},
		"a choice that leads nowhere":           {"POST", "/users/x/y", 200, `"POST /{a}/x/y" id="" order="" path="" a="users" i=""`},
		"two wildcards":                         {"PUT", "/users/7/orders/8", 200, `"/users/{id}/orders/{order}" id="7" order="8" path="" a="" i=""`},
		"the rest":                              {"GET", "/files/a/b.txt", 200, `"GET /files/{path...}" id="" order="" path="a/b.txt" a="" i=""`},
		"an empty rest":                         {"GET", "/files/", 200, `"GET /files/{path...}"` + none},
		"a tree":                                {"GET", "/tree/a/b", 200, `"GET /tree/"` + none},
		"a tree without its slash":              {"GET", "/tree", 307, "<a href=\"/tree/\">Temporary Redirect</a>.\n\n"},
		"a path that is not clean":              {"GET", "/files/a/../b", 307, "<a href=\"/files/b\">Temporary Redirect</a>.\n\n"},
		"a dot for a wildcard":                  {"GET", "/users/..", 307, "<a href=\"/\">Temporary Redirect</a>.\n\n"},
		"an escaped slash is not one":           {"GET", "/users/a%2Fb", 200, `"GET /users/{id}" id="a/b" order="" path="" a="" i=""`},
		"an escaped letter is one":              {"GET", "/%75sers/me", 200, `"GET /users/me"` + none},
		"HEAD goes to GET":                      {"HEAD", "/users/7", 200, `"GET /users/{id}" id="7" order="" path="" a="" i=""`},
		"or to its own":                         {"HEAD", "/own", 200, `"HEAD /own"` + none},
		"more wildcards than the tree has room": {"GET", "/nine/1/2/3/4/5/6/7/8/9", 200, `"/nine/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}" id="" order="" path="" a="1" i="9"`},
		"OPTIONS tells the methods":             {"OPTIONS", "/users/7", 204, ""},
		"another method is told them too":       {"PUT", "/users", 405, `{"title":"Method Not Allowed","status":405,"detail":"/users takes GET, HEAD, OPTIONS, not PUT.","code":"method_not_allowed"}`},
		"nothing":                               {"GET", "/nothing/here", 404, `{"title":"Not Found","status":404,"detail":"There is nothing at /nothing/here.","code":"not_found"}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := ask(app, test.method, test.target)
			if w.Code != test.status || w.Body.String() != test.want {
				t.Errorf("got %d %s\nwant %d %s", w.Code, w.Body, test.status, test.want)
			}
		})
	}
	if got := ask(app, "OPTIONS", "/users/7").Header().Get("Allow"); got != "GET, HEAD, POST, OPTIONS" {
		t.Errorf("Allow is %q", got)
	}
}

func TestHostsGoBeforeTheirAbsence(t *testing.T) {
	t.Parallel()
	app := clodo.NewRouter()
	app.Handle("api.example/users/{id}", tell("id"))
	app.Handle("/users/{id}", tell("id"))
	for host, want := range map[string]string{"api.example": `"api.example/users/{id}" id="7"`, "other.example": `"/users/{id}" id="7"`} {
		if w := ask(app, "GET", "http://"+host+"/users/7"); w.Body.String() != want {
			t.Errorf("%s: %s", host, w.Body)
		}
	}
}

func TestGroupsHavePrefixesAndMiddlewareOfTheirOwn(t *testing.T) {
	t.Parallel()
	mark := func(name string) clodo.Middleware {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.WriteString(w, name+" ")
				next.ServeHTTP(w, r)
			})
		}
	}
	app := clodo.NewRouter()
	app.Handle("/before", tell())
	app.Use(mark("one"), mark("two"))
	api := app.Group("/api/", mark("api"))
	users := api.Group("/{tenant}/users", mark("users"))
	app.Use(mark("late"))
	users.HandleFunc("GET /{id}", tell("tenant", "id"))
	api.Handle("GET /", tell())
	app.Handle("/after", tell())
	for target, want := range map[string]string{
		"/before":           `"/before"`,
		"/api/acme/users/7": `one two api users "GET /api/{tenant}/users/{id}" tenant="acme" id="7"`,
		"/api/something":    `one two api "GET /api/"`,
		"/after":            `one two late "/after"`,
	} {
		if w := ask(app, "GET", target); w.Body.String() != want {
			t.Errorf("%s: %s, want %s", target, w.Body, want)
		}
	}
}

func TestAMistakeInAPatternIsToldAtOnce(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*clodo.Router){
		"a conflict":                    func(r *clodo.Router) { r.Handle("/{a}/x", tell()); r.Handle("/x/{b}", tell()) },
		"the same twice":                func(r *clodo.Router) { r.Handle("/x", tell()); r.Handle("/x", tell()) },
		"no slash":                      func(r *clodo.Router) { r.Handle("GET users", tell()) },
		"a wildcard that does not end":  func(r *clodo.Router) { r.Handle("/{a", tell()) },
		"no handler":                    func(r *clodo.Router) { r.Handle("/x", nil) },
		"a prefix without a slash":      func(r *clodo.Router) { r.Group("api") },
		"a wildcard of the group again": func(r *clodo.Router) { r.Group("/{a}").Handle("/{a}", tell()) },
	}
	for name, register := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defer func() {
				if recover() == nil {
					t.Error("it was taken")
				}
			}()
			register(clodo.NewRouter())
		})
	}
}

func TestErrorsBecomeProblems(t *testing.T) {
	t.Parallel()
	hidden := errors.New("password hunter2")
	tests := map[string]struct {
		err  error
		want string
	}{
		"a problem": {
			&clodo.Problem{Status: 422, Code: "invalid", Fields: []clodo.Field{{Name: "email", Code: "format", Message: "is no address"}}},
			`{"title":"Unprocessable Entity","status":422,"code":"invalid","errors":[{"field":"email","code":"format","message":"is no address"}]}`,
		},
		"one inside another error": {fmt.Errorf("saving: %w", clodo.Errorf(409, "conflict", "version %d is not the newest", 3)), `{"title":"Conflict","status":409,"detail":"version 3 is not the newest","code":"conflict"}`},
		"any error":                {hidden, `{"title":"Internal Server Error","status":500,"code":"internal_error"}`},
		"a problem with a reason":  {&clodo.Problem{Err: hidden}, `{"title":"Internal Server Error","status":500}`},
		"a large body":             {&http.MaxBytesError{Limit: 10}, `{"title":"Request Entity Too Large","status":413,"detail":"The body is larger than 10 bytes.","code":"too_large"}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app := clodo.NewRouter()
			app.Route("/", func(http.ResponseWriter, *http.Request) error { return test.err })
			w := ask(app, "GET", "/")
			var status struct{ Status int }
			if err := json.Unmarshal(w.Body.Bytes(), &status); err != nil || status.Status != w.Code {
				t.Errorf("status %d, body %s: %v", w.Code, w.Body, err)
			}
			if w.Body.String() != test.want || w.Header().Get("Content-Type") != "application/problem+json" {
				t.Errorf("got  %s\nwant %s", w.Body, test.want)
			}
			if head := ask(app, "HEAD", "/"); head.Body.Len() != 0 {
				t.Errorf("an answer to HEAD has the body %s", head.Body)
			}
		})
	}
}

// A Router is a ServeMux with more: for whatever both can say they say the same.
func TestTheRouterAgreesWithServeMux(t *testing.T) {
	t.Parallel()
	pieces := []string{"/a", "/ab", "/b", "/{x}", "/{y}", "/abc", "/a.b"}
	ends := []string{"", "/", "/{$}", "/{r...}"}
	rapid.Check(t, func(t *rapid.T) {
		mux, app := http.NewServeMux(), clodo.NewRouter()
		for _, pattern := range rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string {
			path := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 4).Draw(t, "path"), "") + rapid.SampledFrom(ends).Draw(t, "end")
			if path == "" {
				path = "/"
			}
			return rapid.SampledFrom([]string{"", "GET ", "POST "}).Draw(t, "method") + path
		}), 1, 12).Draw(t, "patterns") {
			if refused(func() { mux.Handle(pattern, tell("x", "y", "r")) }) != refused(func() { app.Handle(pattern, tell("x", "y", "r")) }) {
				t.Fatalf("they differ about whether %q may be", pattern)
			}
		}
		for range 20 {
			path := "/" + strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "ab", "abc", "b", "z", "a.b", "", ".", "..", "a%2Fb", "%61", "%20"}), 0, 5).Draw(t, "segments"), "/")
			method := rapid.SampledFrom([]string{"GET", "HEAD", "POST", "PUT"}).Draw(t, "method of the request")
			if _, err := url.ParseRequestURI(path); err != nil || strings.HasPrefix(path, "//") {
				continue
			}
			want, got := ask(mux, method, path), ask(app, method, path)
			if want.Code == http.StatusNotFound || want.Code == http.StatusMethodNotAllowed {
				if got.Code != want.Code {
					t.Fatalf("%s %s: %d, a ServeMux answers %d", method, path, got.Code, want.Code)
				}
				continue
			}
			if diff := cmp.Diff(want.Body.String(), got.Body.String()); diff != "" || got.Code != want.Code || got.Header().Get("Location") != want.Header().Get("Location") {
				t.Fatalf("%s %s: %d %s (-ServeMux +Router):\n%s", method, path, got.Code, got.Header().Get("Location"), diff)
			}
		}
	})
}

func refused(register func()) (refused bool) {
	defer func() { refused = recover() != nil }()
	register()
	return false
}

func FuzzRouter(f *testing.F) {
	for _, path := range []string{"/", "/users/7", "/users/%2e%2e", "//x", "/files/\x00", "/files/a/../../b", "*", ""} {
		f.Add("GET", path)
	}
	app := clodo.NewRouter()
	app.Handle("GET /users/{id}", tell("id"))
	app.Handle("/files/{path...}", tell("path"))
	app.Handle("/tree/", tell())
	f.Fuzz(func(t *testing.T, method, path string) {
		r := &http.Request{Method: method, URL: &url.URL{Path: path}, Header: http.Header{}, Host: "example.com"}
		w := httptest.NewRecorder()
		app.ServeHTTP(w, r)
		if !slices.Contains([]int{200, 204, 301, 307, 404, 405}, w.Code) {
			t.Errorf("%q %q: %d", method, path, w.Code)
		}
	})
}

// The shortcut to r.PathValue depends on two fields of http.Request. When they are gone
// the slower way has to do, and this test says that it is time to look.
func TestAPatternIsFoundWithoutARequest(t *testing.T) {
	t.Parallel()
	app := clodo.NewRouter()
	for _, pattern := range []string{"GET /a/{id}", "/tree/", "GET /rest/{path...}"} {
		app.Handle(pattern, tell())
	}
	for path, want := range map[string]string{
		"/a/1": "GET /a/{id}", "/tree/x": "/tree/", "/rest/a/b": "GET /rest/{path...}", "/b": "",
		"/rest/a//b": "", "/a/..": "", "/rest/../a/1": "", "/tree": "", // redirects
	} {
		if got, ok := app.Lookup("GET", path); got != want || ok != (want != "") {
			t.Errorf("%s: %q %v, want %q", path, got, ok, want)
		}
	}
}

func TestNetHTTPKeepsPathValuesWhereTheRouterPutsThem(t *testing.T) {
	t.Parallel()
	request := reflect.TypeFor[http.Request]()
	for name, want := range map[string]string{"pat": "*http.pattern", "matches": "[]string"} {
		if f, ok := request.FieldByName(name); !ok || f.Type.String() != want {
			t.Errorf("http.Request has no field %s of type %s any more", name, want)
		}
	}
}
