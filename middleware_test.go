package clodo_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tamylaa/clodo"
)

// request sends one with header fields, each a name and a value.
func request(h http.Handler, method, target, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestEveryRequestHasAnID(t *testing.T) {
	t.Parallel()
	h := clodo.RequestID(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, clodo.RequestIDOf(r.Context()))
	}))
	tests := map[string]struct {
		header []string
		want   string // "" is a new one
	}{
		"the client's own":      {[]string{"X-Request-Id", "abc-1"}, "abc-1"},
		"Cloudflare's ray":      {[]string{"Cf-Ray", "8d2-AMS"}, "8d2-AMS"},
		"a new one":             {nil, ""},
		"not one with a space":  {[]string{"X-Request-Id", "a b"}, ""},
		"not one with a break":  {[]string{"X-Request-Id", "a\nb"}, ""},
		"not one that is long":  {[]string{"X-Request-Id", strings.Repeat("a", 129)}, ""},
		"not one that is empty": {[]string{"X-Request-Id", ""}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := request(h, "GET", "/", "", test.header...)
			got := w.Body.String()
			if test.want != "" && got != test.want || len(got) < 5 || w.Header().Get("X-Request-Id") != got {
				t.Errorf("the id is %q, the header %q", got, w.Header().Get("X-Request-Id"))
			}
		})
	}
}

func TestOnlyATraceParentIsKept(t *testing.T) {
	t.Parallel()
	h := clodo.RequestID(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, clodo.TraceParent(r.Context()))
	}))
	const good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	for trace, keep := range map[string]bool{
		good: true, "01" + good[2:] + "-more": true, good + "-more": false, good[:54]: false, "": false, "ff" + good[2:]: false, strings.ToUpper(good): false,
		"00-00000000000000000000000000000000-00f067aa0ba902b7-01": false, "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01": false,
	} {
		want := ""
		if keep {
			want = trace
		}
		if got := request(h, "GET", "/", "", "Traceparent", trace).Body.String(); got != want {
			t.Errorf("%q was kept as %q", trace, got)
		}
	}
}

func TestEveryRequestIsLogged(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	app := clodo.NewRouter()
	app.Use(clodo.RequestID, clodo.Log(log), clodo.Recover(log))
	app.HandleFunc("GET /hello/{name}", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })
	app.HandleFunc("GET /panic", func(http.ResponseWriter, *http.Request) { panic("at the disco") })
	app.HandleFunc("GET /late", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "beg"); panic("too late") })
	if w := request(app, "GET", "/hello/you?token=secret", "", "X-Request-Id", "r1"); w.Body.String() != "hello" {
		t.Errorf("got %s", w.Body)
	}
	if w := request(app, "GET", "/panic", ""); w.Code != 500 || strings.Contains(w.Body.String(), "disco") {
		t.Errorf("a panic was answered with %d %s", w.Code, w.Body)
	}
	func() {
		defer func() {
			if recover() != http.ErrAbortHandler {
				t.Error("an answer that had begun was ended as if it were whole")
			}
		}()
		request(app, "GET", "/late", "")
	}()
	for _, want := range []string{
		`level=INFO msg=request method=GET path=/hello/you pattern="GET /hello/{name}" status=200 bytes=5`, "request_id=r1",
		`level=ERROR msg=request method=GET path=/panic`, "status=500", `panic="at the disco"`, "middleware_test.go",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
	if strings.Contains(out.String(), "secret") {
		t.Error("a query was logged")
	}
}

func TestLargeBodiesAreRefused(t *testing.T) {
	t.Parallel()
	app := clodo.NewRouter()
	app.Use(clodo.LimitBody(4))
	app.Route("POST /", func(w http.ResponseWriter, r *http.Request) error {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		_, err = w.Write(b)
		return err
	})
	if w := request(app, "POST", "/", "1234"); w.Code != 200 || w.Body.String() != "1234" {
		t.Errorf("4 bytes: %d %s", w.Code, w.Body)
	}
	if w := request(app, "POST", "/", "12345"); w.Code != 413 {
		t.Errorf("5 bytes: %d %s", w.Code, w.Body)
	}
	streamed := httptest.NewRequest("POST", "/", io.MultiReader(strings.NewReader("123"), strings.NewReader("45")))
	w := httptest.NewRecorder()
	if app.ServeHTTP(w, streamed); w.Code != 413 || !strings.Contains(w.Body.String(), "too_large") {
		t.Errorf("5 bytes of unknown length: %d %s", w.Code, w.Body)
	}
}

func TestASlowHandlerIsTimedOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		app := clodo.NewRouter()
		app.Use(clodo.Timeout(time.Second))
		app.Route("/", func(_ http.ResponseWriter, r *http.Request) error {
			<-r.Context().Done()
			return r.Context().Err()
		})
		if w := request(app, "GET", "/", ""); w.Code != 504 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

func TestOnlyAllowedOriginsMayRead(t *testing.T) {
	t.Parallel()
	some := clodo.CORSOptions{Origins: []string{"https://app.example.com", "https://*.shop.example"}, Credentials: true, Expose: []string{"X-Total"}}
	tests := map[string]struct {
		options clodo.CORSOptions
		origin  string
		allow   string
	}{
		"a listed one":                   {some, "https://app.example.com", "https://app.example.com"},
		"one below a listed domain":      {some, "https://a.b.shop.example", "https://a.b.shop.example"},
		"not the domain itself":          {some, "https://shop.example", ""},
		"not one that only ends alike":   {some, "https://evilshop.example", ""},
		"not one that begins alike":      {some, "https://app.example.com.evil.example", ""},
		"not with another scheme":        {some, "http://app.example.com", ""},
		"not with a port":                {some, "https://app.example.com:8443", ""},
		"not null":                       {some, "null", ""},
		"nobody by default":              {clodo.CORSOptions{}, "https://app.example.com", ""},
		"anybody where that was said":    {clodo.CORSOptions{AnyOrigin: true}, "https://any.example", "*"},
		"no page, no answer about pages": {some, "", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := clodo.CORS(test.options)(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "it") }))
			w := request(h, "GET", "/", "", "Origin", test.origin)
			if got := w.Header().Get("Access-Control-Allow-Origin"); got != test.allow || w.Body.String() != "it" {
				t.Errorf("allowed %q, answered %s", got, w.Body)
			}
			ask := request(h, "OPTIONS", "/", "", "Origin", test.origin, "Access-Control-Request-Method", "DELETE")
			if test.origin == "" {
				return
			}
			if got := ask.Header().Get("Access-Control-Allow-Origin"); got != test.allow || ask.Code != 204 || ask.Body.Len() != 0 {
				t.Errorf("a preflight: %d, allowed %q, answered %s", ask.Code, got, ask.Body)
			}
			if (ask.Header().Get("Access-Control-Allow-Methods") != "") != (test.allow != "") {
				t.Errorf("a preflight is told the methods %q", ask.Header().Get("Access-Control-Allow-Methods"))
			}
		})
	}
}

// Of several allowed origins each is told itself, also by the second of two answers that
// one handler gives, and the others are told nothing.
func TestEveryAllowedOriginIsToldItself(t *testing.T) {
	t.Parallel()
	h := clodo.CORS(clodo.CORSOptions{Origins: []string{"https://good.example", "https://b.example"}})(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for range 2 {
		for origin, want := range map[string]string{"https://good.example": "https://good.example", "https://b.example": "https://b.example", "https://evil.example": ""} {
			if got := request(h, "GET", "/", "", "Origin", origin).Header(); got.Get("Access-Control-Allow-Origin") != want || got.Get("Vary") != "Origin" {
				t.Errorf("%s is told %v", origin, got)
			}
		}
	}
}

func TestCORSCannotBeOpenedByAccident(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]clodo.CORSOptions{
		"a star":                {Origins: []string{"*"}},
		"a star with a scheme":  {Origins: []string{"https://*"}},
		"a path":                {Origins: []string{"https://a.example/x"}},
		"a name without scheme": {Origins: []string{"a.example"}},
		"any with credentials":  {AnyOrigin: true, Credentials: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !refused(func() { clodo.CORS(o) }) {
				t.Errorf("%+v was taken", o)
			}
		})
	}
}

func TestHealthSaysWhatFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		good := clodo.Check{Name: "database", Run: func(context.Context) error { return nil }}
		bad := clodo.Check{Name: "cache", Run: func(context.Context) error { return errors.New("no answer") }}
		slow := clodo.Check{Name: "mail", Timeout: time.Second, Run: func(ctx context.Context) error { <-ctx.Done(); return nil }}
		broken := clodo.Check{Name: "queue", Run: func(context.Context) error { panic("nil map") }}
		if w := request(clodo.Health(good), "GET", "/health", ""); w.Code != 200 || w.Body.String() != `{"status":"ok","checks":[{"name":"database","ok":true,"duration_ms":0}]}` {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		optional := bad
		optional.Optional = true
		if w := request(clodo.Health(good, optional), "GET", "/health", ""); w.Code != 200 || !strings.HasPrefix(w.Body.String(), `{"status":"degraded"`) || !strings.Contains(w.Body.String(), `"optional":true`) {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		if w := request(clodo.Health(optional, bad, optional), "GET", "/health", ""); w.Code != 503 || !strings.HasPrefix(w.Body.String(), `{"status":"failing"`) {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		w := request(clodo.Health(good, bad, slow, broken), "GET", "/health", "")
		want := `{"status":"failing","checks":[{"name":"database","ok":true,"duration_ms":0},{"name":"cache","ok":false,"error":"no answer","duration_ms":0},` +
			`{"name":"mail","ok":false,"error":"context deadline exceeded","duration_ms":1000},{"name":"queue","ok":false,"error":"the check panicked: nil map","duration_ms":0}]}`
		if w.Code != 503 || w.Body.String() != want {
			t.Errorf("%d\ngot  %s\nwant %s", w.Code, w.Body, want)
		}
	})
}

func TestRecordsKnowTheirRequest(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := slog.New(clodo.LogHandler(&out, nil))
	h := clodo.RequestID(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		log.InfoContext(r.Context(), "one\ntwo", "name", "value")
		log.With("a", 1).ErrorContext(r.Context(), "x", "request_id", "own")
		log.With("a", 1).WithGroup("g").With("c", 3).WithGroup("").WithGroup("h").WarnContext(r.Context(), "y", "b", 2)
		log.WithGroup("g").Warn("z", "b", 2)
		log.Info("nobody's")
	}))
	request(h, "GET", "/", "", "X-Request-Id", "r1", "Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	const trace = `"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"}`
	want := []string{
		`"level":"INFO","msg":"one\ntwo","name":"value","request_id":"r1",` + trace,
		`"level":"ERROR","msg":"x","a":1,"request_id":"own",` + trace,
		`"level":"WARN","msg":"y","a":1,"request_id":"r1",` + strings.TrimSuffix(trace, "}") + `,"g":{"c":3,"h":{"b":2}}}`,
		`"level":"WARN","msg":"z","g":{"b":2}}`,
		`"level":"INFO","msg":"nobody's"}`,
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	for i, line := range lines {
		if _, rest, ok := strings.Cut(line, ","); !ok || i >= len(want) || rest != want[i] {
			t.Errorf("line %d is %s", i, line)
		}
	}
	if len(lines) != len(want) {
		t.Errorf("%d lines", len(lines))
	}
}

func TestSomeHandlersAreOnlyThereInSomeEnvironments(t *testing.T) {
	for here, want := range map[string]int{"staging": 200, "development": 200, "production": 404, "": 404} { // "" is local
		t.Setenv("CLODO_ENVIRONMENT", here)
		h := clodo.RequireEnvironment("staging", "development")(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		if w := request(h, "GET", "/", ""); w.Code != want {
			t.Errorf("%q: %d", here, w.Code)
		}
	}
	t.Setenv("CLODO_ENVIRONMENT", "")
	if w := request(clodo.RequireEnvironment("local")(fine), "GET", "/", ""); w.Code != 204 {
		t.Errorf("local: %d", w.Code)
	}
}

// What a client sends comes back in headers at several places; a line break in it may not
// begin a header of its own.
func TestAClientCannotWriteHeaders(t *testing.T) {
	t.Parallel()
	const evil = "x\r\nSet-Cookie: a=b\r\n\r\n<script>"
	app := clodo.NewRouter()
	app.Use(clodo.RequestID, clodo.CORS(clodo.CORSOptions{Origins: []string{"https://*.example.com"}}), clodo.ETag)
	app.Route("GET /redirect", func(w http.ResponseWriter, r *http.Request) error {
		http.Redirect(w, r, r.URL.Query().Get("to"), http.StatusFound)
		return nil
	})
	app.Route("GET /problem", func(_ http.ResponseWriter, r *http.Request) error {
		return &clodo.Problem{Status: 409, Detail: r.URL.Query().Get("to"), Header: http.Header{"X-Detail": {r.URL.Query().Get("to")}}}
	})
	app.Route("GET /tag", func(w http.ResponseWriter, r *http.Request) error {
		clodo.NotModified(w, r, clodo.WeakETag(r.URL.Query().Get("to")))
		return nil
	})
	app.Group("", clodo.Authenticate(clodo.Bearer(clodo.TokenOptions{Keys: []clodo.Key{secretKey}}))).Handle("GET /token", fine)
	s := httptest.NewServer(app)
	defer s.Close()
	for _, path := range []string{"/redirect", "/problem", "/tag", "/token", "/nothing/" + url.PathEscape(evil)} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", s.URL+path+"?to="+url.QueryEscape(evil), nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = http.Header{"X-Request-Id": {"a\tb"}, "Origin": {"https://a.example.com\tb"}, "Authorization": {"Bearer a\tb"}, "If-None-Match": {`"a\tb`}}
		res, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if len(res.Cookies()) > 0 || strings.Contains(res.Header.Get("X-Request-Id"), "\t") || strings.Contains(res.Header.Get("Content-Type"), "html") && path != "/redirect" {
			t.Errorf("%s: %d %v", path, res.StatusCode, res.Header)
		}
	}
}

// A gateway hands requests on; fetch on Workers refuses a GET that seems to have a body.
func TestALimitGivesNoBodyToARequestWithoutOne(t *testing.T) {
	t.Parallel()
	app := clodo.NewRouter()
	app.Use(clodo.LimitBody(4))
	app.HandleFunc("GET /", func(_ http.ResponseWriter, r *http.Request) {
		if r.Body != http.NoBody {
			t.Errorf("the body is a %T", r.Body)
		}
	})
	app.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", http.NoBody))
}

func TestAPanicOfACheckIsLogged(t *testing.T) { // not parallel: it looks at the default logger
	var out bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewJSONHandler(&out, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	check := clodo.Check{Name: "queue", Run: func(context.Context) error { panic("nil map") }}
	if w := request(clodo.Health(check), "GET", "/health", ""); w.Code != 503 {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
	if !strings.Contains(out.String(), `"check":"queue","panic":"nil map","stack":"goroutine`) {
		t.Errorf("the log says %s", &out)
	}
}
