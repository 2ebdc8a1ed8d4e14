package clodo_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tamylaa/clodo"
)

func TestWhoHasTheAnswerIsToldSo(t *testing.T) {
	t.Parallel()
	const etag = `"abc"`
	tests := map[string]struct {
		method, ifNoneMatch string
		status              int
	}{
		"nobody's":               {"GET", "", 200},
		"the same":               {"GET", `"abc"`, 304},
		"the same, weak":         {"GET", `W/"abc"`, 304},
		"one of several":         {"GET", `"x" , W/"y",	"abc"`, 304},
		"anything":               {"GET", `*`, 304},
		"for a HEAD":             {"HEAD", `"abc"`, 304},
		"another":                {"GET", `"abcd"`, 200},
		"one with a comma in it": {"GET", `"abc,def"`, 200},
		"without quotes":         {"GET", `abc`, 200},
		"that does not end":      {"GET", `"abc`, 200},
		"that only begins":       {"GET", `W/`, 200},
		"behind what is no tag":  {"GET", `x, "abc"`, 200},
		"for a POST":             {"POST", `"abc"`, 200},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/plain")
				if !clodo.NotModified(w, r, etag) {
					_, _ = io.WriteString(w, "it")
				}
			})
			var header []string
			if test.ifNoneMatch != "" {
				header = []string{"If-None-Match", test.ifNoneMatch}
			}
			w := request(h, test.method, "/", "", header...)
			if w.Code != test.status || w.Header().Get("Etag") != etag || (w.Code == 304) != (w.Body.Len() == 0) || (w.Code == 304) != (w.Header().Get("Content-Type") == "") {
				t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
			}
		})
	}
}

func TestAChangeOfWhatHasChangedIsRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		now    string
		header []string
		ok     bool
	}{
		"no condition":                      {`"1"`, nil, true},
		"as it is":                          {`"1"`, []string{"If-Match", `"1"`}, true},
		"as it is, made weak on the way":    {`"1"`, []string{"If-Match", `W/"1"`}, true},
		"one of several":                    {`W/"2"`, []string{"If-Match", `"1", "2"`}, true},
		"as it was":                         {`"2"`, []string{"If-Match", `"1"`}, false},
		"rubbish":                           {`"2"`, []string{"If-Match", `2`}, false},
		"empty":                             {`"2"`, []string{"If-Match", ``}, false},
		"if it exists, and it does":         {`"2"`, []string{"If-Match", `*`}, true},
		"if it exists, and it does not":     {"", []string{"If-Match", `*`}, false},
		"unless it exists, and it does":     {`"2"`, []string{"If-None-Match", `*`}, false},
		"unless it exists, and it does not": {"", []string{"If-None-Match", `*`}, true},
		"unless it is as it is":             {`"2"`, []string{"If-None-Match", `"2"`}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := clodo.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) error { return clodo.CheckMatch(r, test.now) })
			w := request(h, "PUT", "/", "", test.header...)
			if (w.Code == 200) != test.ok || !test.ok && (w.Code != 412 || !strings.Contains(w.Body.String(), "precondition_failed")) {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
}

func TestATagCannotBreakOutOfItsHeader(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"7", "2026-11-28T10:00:00Z", "a\"b", "a\r\nX: y", "a,b", "", "ü", "a b"} {
		tag := clodo.WeakETag(version)
		inner := strings.TrimSuffix(strings.TrimPrefix(tag, `W/"`), `"`)
		if strings.ContainsAny(inner, "\"\r\n, ") || tag != `W/"`+inner+`"` {
			t.Errorf("the tag of %q is %s", version, tag)
		}
	}
	if clodo.WeakETag("7") != `W/"7"` || clodo.WeakETag("a,b") == clodo.WeakETag("a;b,") || clodo.StrongETag([]byte("a")) == clodo.StrongETag([]byte("b")) {
		t.Error("two versions have one tag")
	}
}

func TestAnswersGetATagOfTheirBytes(t *testing.T) {
	t.Parallel()
	app := clodo.NewRouter()
	app.Use(clodo.ETag)
	app.HandleFunc("/small", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "sm"); fmt.Fprint(w, "all") })
	app.HandleFunc("/own", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Etag", `"own"`); fmt.Fprint(w, "own") })
	app.HandleFunc("/large", func(w http.ResponseWriter, _ *http.Request) {
		for range 20 {
			fmt.Fprint(w, strings.Repeat("x", 100<<10))
		}
	})
	app.HandleFunc("/stream", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "a")
		_ = http.NewResponseController(w).Flush()
		fmt.Fprint(w, "b")
	})
	app.HandleFunc("/none", func(http.ResponseWriter, *http.Request) {})
	app.HandleFunc("/created", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(201); fmt.Fprint(w, "new") })
	app.Route("/missing", func(http.ResponseWriter, *http.Request) error { return clodo.Errorf(404, "gone", "gone") })
	small, none := clodo.StrongETag([]byte("small")), clodo.StrongETag(nil)
	for path, want := range map[string]struct {
		status, length int
		etag           string
	}{
		"/small": {200, 5, small}, "/own": {200, 3, `"own"`}, "/large": {200, 2000 << 10, ""}, "/stream": {200, 2, ""}, "/none": {200, 0, none}, "/created": {201, 3, ""}, "/missing": {404, 64, ""},
	} {
		w := ask(app, "GET", path)
		if w.Code != want.status || w.Header().Get("Etag") != want.etag || w.Body.Len() != want.length {
			t.Errorf("%s: %d, tag %s, %d bytes", path, w.Code, w.Header().Get("Etag"), w.Body.Len())
		}
	}
	if w := request(app, "GET", "/small", "", "If-None-Match", small); w.Code != 304 || w.Body.Len() != 0 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := request(app, "POST", "/small", "", "If-None-Match", small); w.Code != 200 || w.Header().Get("Etag") != "" {
		t.Errorf("a POST: %d", w.Code)
	}
}

func FuzzIfNoneMatch(f *testing.F) {
	for _, s := range []string{`"a"`, `W/"a"`, `*`, `"a","b"`, `W/`, `"`, `,,,`, "W/\"\x00\""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header["If-None-Match"] = []string{header}
		w := httptest.NewRecorder()
		if clodo.NotModified(w, r, `"a"`) && !strings.Contains(header, `"a"`) && !strings.Contains(header, "*") {
			t.Errorf("%q was taken for the tag", header)
		}
	})
}
