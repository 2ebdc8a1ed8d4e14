package clodo_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/tamylaa/clodo"
)

func TestAnErrorAfterTheAnswerHasBegunAddsNothingToIt(t *testing.T) {
	t.Parallel()
	begin := map[string]func(http.ResponseWriter){
		"written": func(w http.ResponseWriter) { _, _ = io.WriteString(w, "part") },
		"a head":  func(w http.ResponseWriter) { w.WriteHeader(http.StatusAccepted) },
		"flushed": func(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() },
	}
	around := map[string]clodo.Middleware{
		"alone": clodo.Chain(), "behind Log and Recover": clodo.Chain(clodo.Log(nil), clodo.Recover(nil)),
		"behind ETag": clodo.ETag, "behind Compress": clodo.Compress,
	}
	for name, begin := range begin {
		for where, around := range around {
			t.Run(name+", "+where, func(t *testing.T) {
				t.Parallel()
				want := httptest.NewRecorder()
				begin(want)
				w := ask(around(clodo.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) error {
					begin(w)
					return clodo.Errorf(http.StatusTeapot, "late", "too late")
				})), "GET", "/")
				if w.Code != want.Code || w.Body.String() != want.Body.String() {
					t.Errorf("the answer is %d %q", w.Code, w.Body)
				}
			})
		}
	}
}

// plainWriter is a writer that can do nothing else.
type plainWriter struct{ w *httptest.ResponseRecorder }

func (p plainWriter) Header() http.Header         { return p.w.Header() }
func (p plainWriter) Write(b []byte) (int, error) { return p.w.Write(b) }
func (p plainWriter) WriteHeader(status int)      { p.w.WriteHeader(status) }

func TestAWriterThatCannotFlushHasNotBegunToAnswer(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	clodo.Recover(nil)(clodo.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		_, err := clodo.Events(w, r)
		return err
	})).ServeHTTP(plainWriter{w}, httptest.NewRequest("GET", "/", nil))
	if w.Code != http.StatusInternalServerError || w.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("the answer is %d of type %s", w.Code, w.Header().Get("Content-Type"))
	}
}

func TestAStatusThatIsNoneIsAPanicLikeAnyOther(t *testing.T) {
	t.Parallel()
	w := ask(clodo.Recover(nil)(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(1000) })), "GET", "/")
	if w.Code != http.StatusInternalServerError {
		t.Errorf("the answer is %d", w.Code)
	}
}

func TestHandlersThatAskForAFlusherFindOne(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]clodo.Middleware{"Log": clodo.Log(nil), "Recover": clodo.Recover(nil), "ETag": clodo.ETag, "Compress": clodo.Compress} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := ask(m(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if f, ok := w.(http.Flusher); ok {
					f.Flush()
				}
			})), "GET", "/")
			if !w.Flushed {
				t.Error("nothing was flushed")
			}
		})
	}
}

func TestWhatTheRouterAnswersItselfGoesThroughMiddleware(t *testing.T) {
	t.Parallel()
	name := func(name string) clodo.Middleware {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Add("Through", name)
				next.ServeHTTP(w, r)
			})
		}
	}
	app := clodo.NewRouter()
	app.Handle("GET /before", tell())
	app.Use(name("app"))
	app.Handle("GET /after", tell())
	api := app.Group("/api", name("api"))
	api.Handle("GET /a", tell())
	api.Group("", name("write")).Handle("POST /a", tell())
	api.Handle("GET example.com/host", tell())
	tests := map[string]struct {
		method, target string
		status         int
		want           []string
	}{
		"404":                              {"GET", "/nothing", 404, []string{"app"}},
		"404 below a group":                {"GET", "/api/nothing", 404, []string{"app"}},
		"405":                              {"PUT", "/after", 405, []string{"app"}},
		"405 of what was there before":     {"PUT", "/before", 405, nil},
		"405 in a group":                   {"PUT", "/api/a", 405, []string{"app", "api"}},
		"OPTIONS in a group":               {"OPTIONS", "/api/a", 204, []string{"app", "api"}},
		"405 of a path with a host":        {"PUT", "http://example.com/api/host", 405, []string{"app", "api"}},
		"405 of a path that has an escape": {"PUT", "/api/%61", 405, []string{"app", "api"}},
	}
	for title, test := range tests {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			w := ask(app, test.method, test.target)
			if got := w.Header().Values("Through"); w.Code != test.status || !slices.Equal(got, test.want) {
				t.Errorf("the answer is %d through %q, want %d through %q", w.Code, got, test.status, test.want)
			}
		})
	}
}

func TestAGroupMayHaveAnOriginOfItsOwn(t *testing.T) {
	t.Parallel()
	cors := clodo.CORS(clodo.CORSOptions{Origins: []string{"https://app.example.com"}})
	refuse := clodo.Authenticate(func(*http.Request) (*clodo.Identity, error) { return nil, clodo.ErrNoCredentials })
	app := clodo.NewRouter()
	app.Handle("GET /a", tell())
	app.Group("", cors, refuse).Handle("PUT /a", tell())
	for method, want := range map[string]string{"PUT": "https://app.example.com", "GET": "", "DELETE": ""} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			w := request(app, "OPTIONS", "/a", "", "Origin", "https://app.example.com", "Access-Control-Request-Method", method)
			if got := w.Header().Get("Access-Control-Allow-Origin"); w.Code != http.StatusNoContent || got != want {
				t.Errorf("a browser that wants to send %s is answered %d, allowed %q", method, w.Code, got)
			}
		})
	}
}
