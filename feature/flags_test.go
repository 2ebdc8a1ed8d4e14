package feature_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/feature"
)

const shop = `{"v":1,"environment":"production","hosts":{"a.example.com":"a","b.example.com":"b"},"flags":{
	"premium":{"default":false,"customers":{"a":true},"runtime":true},
	"theme":{"type":"enum","values":["light","dark"],"default":"light","customers":{"b":"dark"}},
	"title":{"type":"string","default":"Shop"},
	"limit":{"type":"integer","default":10,"domains":{"b.example.com":20}},
	"ratio":{"type":"number","default":0.5},
	"share":{"default":false,"rules":[{"percentage":50,"value":true}]},
	"beta":{"default":false,"rules":[{"when":[{"attribute":"plan","equals":"pro"}],"value":true}]}
}}`

// stored is a Source in memory.
type stored struct {
	mu    sync.Mutex
	text  string
	err   error
	reads int
	slow  time.Duration
}

func (s *stored) Read(ctx context.Context, _ time.Duration) ([]byte, time.Duration, error) {
	s.mu.Lock()
	s.reads++
	slow := s.slow
	s.mu.Unlock()
	select {
	case <-time.After(slow):
	case <-ctx.Done():
		return nil, 0, ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return []byte(s.text), 0, s.err
}

func (s *stored) set(text string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text, s.err = text, err
}

func open(t testing.TB, o feature.Options) *feature.Flags {
	t.Helper()
	if o.Source == nil {
		o.Source = &stored{}
	}
	f, err := feature.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestHandlesReadTheirTypes(t *testing.T) {
	t.Parallel()
	type theme string
	var (
		premium = feature.Bool("premium")
		look    = feature.Enum[theme]("theme", "light", "dark")
		text    = feature.String("theme")
		title   = feature.String("title")
		limit   = feature.Integer("limit")
		ratio   = feature.Number("ratio")
	)
	f := open(t, feature.Options{Document: shop, Use: []feature.Flag{premium, look, text, title, limit, ratio}})
	type values struct {
		Premium     bool
		Look        theme
		Text, Title string
		Limit       int64
		Ratio       float64
	}
	for domain, want := range map[string]values{
		"a.example.com":     {true, "light", "light", "Shop", 10, 0.5},
		"b.example.com":     {false, "dark", "dark", "Shop", 20, 0.5},
		"other.example.com": {false, "light", "light", "Shop", 10, 0.5},
	} {
		ctx := feature.NewContext(t.Context(), f.Evaluate(t.Context(), feature.Context{Domain: domain}))
		got := values{premium.Enabled(ctx), look.Value(ctx), text.Value(ctx), title.Value(ctx), limit.Value(ctx), ratio.Value(ctx)}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", domain, diff)
		}
	}
}

func TestOpenNamesEverythingThatIsWrong(t *testing.T) {
	t.Parallel()
	type theme string
	for _, c := range []struct {
		name, document string
		use            []feature.Flag
		want           []string
	}{
		{"a flag that is not declared", shop, []feature.Flag{feature.Bool("premum")}, []string{`flag "premum" is not declared in clodo.yaml`, "beta, limit, premium"}},
		{"several at once", shop, []feature.Flag{feature.Bool("x"), feature.Bool("y")}, []string{`"x"`, `"y"`}},
		{"another type", shop, []feature.Flag{feature.Bool("limit")}, []string{`flag "limit" is declared as integer and used as boolean`}},
		{"an enum with a value that the program does not know", shop, []feature.Flag{feature.Enum[theme]("theme", "light")}, []string{`flag "theme" can be "dark", and the program knows only light`}},
		{"a document that is no JSON", "{", nil, []string{"read the flags"}},
		{"a document with two faults", `{"v":1,"flags":{"a":{"default":1},"b":{"default":false,"requires":["c"]}}}`, nil, []string{`the default of flag "a"`, `flag "b" requires "c"`}},
	} {
		_, err := feature.Open(feature.Options{Document: c.document, Use: c.use})
		if err == nil {
			t.Errorf("%s: Open did not fail", c.name)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q does not say %q", c.name, err, want)
			}
		}
	}
}

func TestFlagsComeFromTheEnvironment(t *testing.T) {
	premium := feature.Bool("premium")
	t.Setenv(feature.Variable, "")
	if _, err := feature.Open(feature.Options{Use: []feature.Flag{premium}}); err == nil || !strings.Contains(err.Error(), "CLODO_FEATURES is not set") {
		t.Errorf("without the variable: %v", err)
	}
	t.Setenv(feature.Variable, `{"v":1,"flags":{"premium":{"default":true}}}`)
	f, err := feature.Open(feature.Options{Use: []feature.Flag{premium}})
	if err != nil {
		t.Fatal(err)
	}
	if !premium.In(f.Evaluate(t.Context(), feature.Context{})) {
		t.Error("the flag is off")
	}
}

// A request's flags are those of its hostname, however many others are answered.
func TestADomainNeverSeesAnothersFlags(t *testing.T) {
	t.Parallel()
	premium := feature.Bool("premium")
	source := &stored{}
	f := open(t, feature.Options{Document: shop, Source: source, MaxAge: time.Millisecond})
	passed := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "passed") })
	h := f.Middleware(feature.Require(premium)(passed))
	off := `{"error":"Feature not available","feature":"premium","message":"The premium feature is not enabled for this domain"}`
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			host, status, body := "a.example.com", http.StatusOK, "passed"
			if i%2 == 1 {
				host, status, body = "b.example.com:8080", http.StatusNotFound, off
			}
			for range 200 {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://"+host+"/", nil))
				if w.Code != status || w.Body.String() != body {
					t.Errorf("%s got %d %s", host, w.Code, w.Body)
					return
				}
			}
		})
	}
	// Meanwhile something else changes.
	wg.Go(func() {
		for i := range 50 {
			source.set(fmt.Sprintf(`{"v":1,"flags":{"premium":{"customers":{"c%d":true}}}}`, i), nil)
			time.Sleep(time.Millisecond) // so that readings of it lie between
		}
	})
	wg.Wait()
}

func TestAGuardAnswersAsItIsTold(t *testing.T) {
	t.Parallel()
	premium := feature.Bool("premium")
	f := open(t, feature.Options{Document: shop})
	passed := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "passed") })
	teapot := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	for _, c := range []struct {
		name         string
		guard        feature.Guard
		method, host string
		status       int
		kind, body   string
	}{
		{"on", feature.Guard{Flag: premium}, "GET", "a.example.com", 200, "", "passed"},
		{"off", feature.Guard{Flag: premium}, "GET", "b.example.com", 404, "application/json", `{"error":"Feature not available","feature":"premium","message":"The premium feature is not enabled for this domain"}`},
		{"off, HEAD", feature.Guard{Flag: premium}, "HEAD", "b.example.com", 404, "application/json", ""},
		{"off with a fallback", feature.Guard{Flag: premium, Fallback: teapot}, "GET", "b.example.com", 418, "", ""},
		{"on with a fallback", feature.Guard{Flag: premium, Fallback: teapot}, "GET", "a.example.com", 200, "", "passed"},
		{"off but optional", feature.Guard{Flag: premium, Optional: true}, "GET", "b.example.com", 200, "", "passed"},
		{"a flag that is not declared is off", feature.Guard{Flag: feature.Bool("nothing")}, "GET", "a.example.com", 404, "application/json", `{"error":"Feature not available","feature":"nothing","message":"The nothing feature is not enabled for this domain"}`},
	} {
		w := httptest.NewRecorder()
		f.Middleware(c.guard.Middleware(passed)).ServeHTTP(w, httptest.NewRequest(c.method, "http://"+c.host+"/", nil))
		if w.Code != c.status || w.Body.String() != c.body || c.kind != "" && w.Header().Get("Content-Type") != c.kind {
			t.Errorf("%s: %d %s %q", c.name, w.Code, w.Header().Get("Content-Type"), w.Body)
		}
	}
}

func TestTheMiddlewareSaysWhoARequestIsFor(t *testing.T) {
	t.Parallel()
	share, beta := feature.Bool("share"), feature.Bool("beta")
	f := open(t, feature.Options{
		Document:   shop,
		Subject:    func(r *http.Request) string { return r.Header.Get("User") },
		Attributes: func(r *http.Request) map[string]string { return map[string]string{"plan": r.Header.Get("Plan")} },
	})
	ask := func(user, plan string) (got []string) {
		r := httptest.NewRequest(http.MethodGet, "http://c.example.com/", nil)
		r.Header.Set("User", user)
		r.Header.Set("Plan", plan)
		f.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			for _, flag := range []*feature.BoolFlag{share, beta} {
				got = append(got, fmt.Sprint(flag.Enabled(r.Context())))
			}
		})).ServeHTTP(httptest.NewRecorder(), r)
		return got
	}
	in := "" // a user within the share
	for i := 0; in == ""; i++ {
		if u := fmt.Sprint("user-", i); feature.Bucket("share", u) < 5000 {
			in = u
		}
	}
	if diff := cmp.Diff([][]string{{"true", "true"}, {"false", "false"}}, [][]string{ask(in, "pro"), ask("", "free")}); diff != "" {
		t.Errorf("share and beta (-want +got):\n%s", diff)
	}
	ctx := feature.NewContext(t.Context(), f.Evaluate(t.Context(), feature.Context{}))
	if share.Enabled(ctx) || !share.Enabled(feature.With(ctx, in, nil)) {
		t.Error("With does not say who it is")
	}
}

func TestMadeUpHostnamesTakeNoMemory(t *testing.T) {
	t.Parallel()
	f := open(t, feature.Options{Document: shop})
	var first *feature.Evaluation
	for i := range 3 {
		e := f.Evaluate(t.Context(), feature.Context{Domain: fmt.Sprintf("h%d.example.com", i)})
		if first == nil {
			first = e
		}
		if !feature.SameSet(first, e) {
			t.Error("a hostname that means nothing has flags of its own")
		}
	}
}

func TestAFlagThatIsNotDeclaredIsOff(t *testing.T) {
	t.Parallel()
	f := open(t, feature.Options{Document: shop})
	e := f.Evaluate(t.Context(), feature.Context{})
	if feature.Bool("no").In(e) || feature.Bool("limit").In(e) || feature.String("no").In(e) != "" {
		t.Error("it is not")
	}
	if _, ok := e.Detail("no"); ok {
		t.Error("it is there")
	}
}

func TestADocumentIsWrittenAsItIsRead(t *testing.T) {
	t.Parallel()
	d, err := feature.ParseDocument(shop)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	again, err := feature.ParseDocument(string(text))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(d, again); diff != "" {
		t.Errorf("(-first +again):\n%s", diff)
	}
}

func TestALongDocumentGoesOnInFurtherVariables(t *testing.T) {
	t.Setenv(feature.Variable, shop[:40])
	t.Setenv(feature.Variable+"_2", shop[40:90])
	t.Setenv(feature.Variable+"_3", shop[90:])
	t.Setenv(feature.Variable+"_5", "of something else")
	f, err := feature.Open(feature.Options{Use: []feature.Flag{feature.Integer("limit")}, Source: &stored{}})
	if err != nil {
		t.Fatal(err)
	}
	if got := len(f.Evaluate(t.Context(), feature.Context{}).Names()); got != 7 {
		t.Errorf("%d flags", got)
	}
}
