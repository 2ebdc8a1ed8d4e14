package clodo_test

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo"
)

// order is what the tests here decode.
type order struct {
	Name  string    `json:"name"`
	Count int8      `json:"count"`
	Size  uint      `json:"size"`
	Paid  bool      `json:"paid"`
	Price float64   `json:"price"`
	When  time.Time `json:"when"`
	Any   any       `json:"any"`
	Items []struct {
		SKU string `json:"sku"`
	} `json:"items"`
}

// takesOrders answers with the order that it was sent.
func takesOrders(w http.ResponseWriter, r *http.Request) error {
	var o order
	if err := clodo.Decode(r, &o); err != nil {
		return err
	}
	return clodo.JSON(w, http.StatusCreated, o)
}

func TestABodyThatIsNotRightIsToldWhy(t *testing.T) {
	t.Parallel()
	const ct, js = "Content-Type", "application/json"
	tests := map[string]struct {
		body   string
		header []string
		status int
		want   string // in the answer
	}{
		"a right one":                      {`{"name":"a","items":[{"sku":"x"}]}`, []string{ct, js}, 201, `"name":"a"`},
		"with white space around it":       {" \n{\"name\":\"a\"}\r\n\t", []string{ct, js}, 201, `"name":"a"`},
		"with a charset":                   {`{}`, []string{ct, "application/json; charset=utf-8"}, 201, ``},
		"of a type that ends in +json":     {`{}`, []string{ct, "application/merge-patch+json"}, 201, ``},
		"without a type":                   {`{}`, nil, 201, ``},
		"a form":                           {`{}`, []string{ct, "application/x-www-form-urlencoded"}, 415, `"code":"unsupported_media_type"`},
		"plain text":                       {`{}`, []string{ct, "text/plain"}, 415, `"code":"unsupported_media_type"`},
		"text that ends in +json":          {`{}`, []string{ct, "text/x+json"}, 415, `"code":"unsupported_media_type"`},
		"a type that cannot be read":       {`{}`, []string{ct, "application/json;;;="}, 415, `"code":"unsupported_media_type"`},
		"none":                             {``, []string{ct, js}, 400, `"code":"empty_body"`},
		"only white space":                 {" \n", []string{ct, js}, 400, `"code":"empty_body"`},
		"no JSON":                          {`{"name":}`, []string{ct, js}, 400, `at byte 9`},
		"JSON that ends too early":         {`{"name":"a"`, []string{ct, js}, 400, `"code":"invalid_json"`},
		"two values":                       {`{} {}`, []string{ct, js}, 400, `goes on after`},
		"a value and rubbish":              {`{}x`, []string{ct, js}, 400, `goes on after`},
		"nested beyond reason":             {strings.Repeat("[", 100_000), []string{ct, js}, 400, `"code":"invalid_json"`},
		"nested more than Workers bear":    {`{"any":` + nested(500) + `}`, []string{ct, js}, 400, `lie too deep in each other`},
		"nested as far as it may be":       {`{"any":` + nested(499) + `}`, []string{ct, js}, 201, ``},
		"brackets in a text":               {`{"name":"\"` + nested(600) + `"}`, []string{ct, js}, 201, ``},
		"a number for a text":              {`{"name":1}`, []string{ct, js}, 422, `{"field":"name","code":"INVALID_TYPE","message":"is a number and should be a string"}`},
		"a text for a number":              {`{"count":"1"}`, []string{ct, js}, 422, `{"field":"count","code":"INVALID_TYPE","message":"is a string and should be a whole number of 8 bits"}`},
		"a number that is too large":       {`{"count":300}`, []string{ct, js}, 422, `{"field":"count","code":"INVALID_TYPE","message":"is a number (300) and should be a whole number of 8 bits"}`},
		"a number with a fraction":         {`{"count":1.5}`, []string{ct, js}, 422, `is a number (1.5) and should be`},
		"a negative one":                   {`{"size":-1}`, []string{ct, js}, 422, `not negative`},
		"a boolean for a number":           {`{"price":true}`, []string{ct, js}, 422, `is a boolean and should be a number`},
		"an object for a boolean":          {`{"paid":{}}`, []string{ct, js}, 422, `is an object and should be a boolean`},
		"a wrong type further down":        {`{"items":[{"sku":[]}]}`, []string{ct, js}, 422, `{"field":"items.sku","code":"INVALID_TYPE","message":"is an array and should be a string"}`},
		"an array for all of it":           {`[]`, []string{ct, js}, 422, `"detail":"The body is an array and should be an object."`},
		"null for all of it":               {` null `, []string{ct, js}, 422, `"detail":"The body is null and should be an object."`},
		"null for a field":                 {`{"name":null}`, []string{ct, js}, 201, `"name":""`},
		"what is not UTF-8":                {"{\"name\":\"a\xff\"}", []string{ct, js}, 400, `it is not UTF-8`},
		"a key that is there twice":        {`{"name":"a","paid":true,"n\u0061me":"b"}`, []string{ct, js}, 400, `"detail":"The body has a key twice: \"name\"."`},
		"a key twice further down":         {`{"items":[{"sku":"a"},{"sku":"}\"","sku":"b"}]}`, []string{ct, js}, 400, `a key twice`},
		"a key in two objects":             {`{"items":[{"sku":"a"},{"sku":"b"}]}`, []string{ct, js}, 201, ``},
		"a time that is none":              {`{"when":"tomorrow"}`, []string{ct, js}, 422, `"code":"validation_failed"`},
		"a field that nobody knows":        {`{"admin":true}`, []string{ct, js}, 422, `{"field":"admin","code":"UNKNOWN_FIELD","message":"is not known here"}`},
		"more than a mebibyte":             {`{"name":"` + strings.Repeat("a", 1<<20) + `"}`, []string{ct, js}, 413, `"code":"too_large"`},
		"a name that breaks out of a text": {`{"a\"b\n":1}`, []string{ct, js}, 422, `"code":"UNKNOWN_FIELD"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := request(clodo.HandlerFunc(takesOrders), "POST", "/", test.body, test.header...)
			if w.Code != test.status || !strings.Contains(w.Body.String(), test.want) || !json.Valid(w.Body.Bytes()) {
				t.Errorf("%d %s\nwant %d with %s", w.Code, w.Body, test.status, test.want)
			}
		})
	}
}

// nested are that many arrays, each in the one before.
func nested(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }

// Whatever has a key twice is found, and nothing else.
func FuzzRepeatedKey(f *testing.F) {
	for _, text := range []string{`{}`, `[]`, `null`, `{"a":1,"a":2}`, `{"a":{"a":[{"a":"\"a\":,"}]}}`, `[{"a":1},{"a":"}"},"a","a"]`, `{"\\":1,"\u005c":2}`, `{"a":[{},[]],"b":{"":1,"":2}}`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !json.Valid([]byte(text)) || !utf8.ValidString(text) {
			return
		}
		r := httptest.NewRequest("POST", "/", strings.NewReader(text))
		var v any
		err := clodo.Decode(r, &v)
		d := json.NewDecoder(strings.NewReader(text))
		if want := repeats(d); (err != nil) != want {
			t.Errorf("%s: %v, but it has a key twice: %v", text, err, want)
		}
	})
}

// repeats reports that the next value of d has a key twice.
func repeats(d *json.Decoder) (found bool) {
	token, err := d.Token()
	if err != nil {
		return false
	}
	switch token {
	case json.Delim('{'):
		keys := map[string]bool{}
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return false
			}
			found = found || keys[key.(string)]
			keys[key.(string)] = true
			found = repeats(d) || found
		}
		_, _ = d.Token()
	case json.Delim('['):
		for d.More() {
			found = repeats(d) || found
		}
		_, _ = d.Token()
	}
	return found
}

func TestALimitOfTheServiceReplacesDecodesOwn(t *testing.T) {
	t.Parallel()
	large := `{"name":"` + strings.Repeat("a", 1<<20) + `"}`
	for name, test := range map[string]struct {
		middleware clodo.Middleware
		status     int
	}{
		"a higher one":                  {clodo.LimitBody(2 << 20), 201},
		"a higher one before a timeout": {clodo.Chain(clodo.LimitBody(2<<20), clodo.Timeout(time.Minute)), 201},
		"a lower one":                   {clodo.LimitBody(100), 413},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := httptest.NewServer(test.middleware(clodo.HandlerFunc(takesOrders)))
			defer s.Close()
			res, err := http.Post(s.URL, "application/json", strings.NewReader(large))
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if res.StatusCode != test.status {
				t.Errorf("status %d, want %d", res.StatusCode, test.status)
			}
		})
	}
}

// A client that sends a byte now and then holds nothing up for longer than Timeout says.
func TestAClientThatIsSlowIsTimedOut(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(clodo.Timeout(50 * time.Millisecond)(clodo.HandlerFunc(takesOrders)))
	defer s.Close()
	c, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
	b, err := io.ReadAll(c)
	if err != nil || !strings.HasPrefix(string(b), "HTTP/1.1 408 ") || !strings.Contains(string(b), "slow_client") {
		t.Errorf("%v\n%s", err, b)
	}
}

// A deadline is of its own request: neither the connection nor its next request notices.
func TestATimeoutLeavesTheConnectionAsItWas(t *testing.T) {
	t.Parallel()
	limited := clodo.Timeout(200 * time.Millisecond)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, outside *http.Request) {
		limited(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(w, r.Body)
			<-r.Context().Done()
			select {
			case <-outside.Context().Done():
				t.Error("the server took the client for gone")
			case <-time.After(20 * time.Millisecond): // it would have been at once
			}
		})).ServeHTTP(w, outside)
	}))
	defer s.Close()
	for range 3 {
		res, err := s.Client().Post(s.URL, "text/plain", strings.NewReader("hello"))
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if string(b) != "hello" || err != nil {
			t.Fatalf("%q %v", b, err)
		}
	}
	w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
	limited(fine).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if len(w.write) != 2 || w.write[0].Before(time.Now()) || !w.write[1].IsZero() {
		t.Errorf("deadlines for writing: %v", w.write)
	}
}

// deadlines is a connection that remembers until when it could be written to.
type deadlines struct {
	*httptest.ResponseRecorder
	write []time.Time
}

func (d *deadlines) SetWriteDeadline(t time.Time) error {
	d.write = append(d.write, t)
	return nil
}

func TestAProblemArrivesAtTheOtherSide(t *testing.T) {
	t.Parallel()
	sent := clodo.Errorf(409, "conflict", "version %d is not the newest", 3)
	sent.Fields = []clodo.Field{{Name: "version", Code: "STALE", Message: "is 3"}}
	w := httptest.NewRecorder()
	clodo.WriteError(w, httptest.NewRequest("GET", "/", nil), sent)
	var got clodo.Problem
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := *sent
	want.Title = "Conflict"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-sent +got):\n%s", diff)
	}
}

func TestWhatCannotBeJSONIsNotHalfSent(t *testing.T) {
	t.Parallel()
	w := ask(clodo.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) error { return clodo.JSON(w, 200, func() {}) }), "GET", "/")
	if w.Code != 500 || !strings.Contains(w.Body.String(), "internal_error") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{`{}`, `{"name":1}`, `{"x":1}`, `[`, `{} {}`, `{"items":[{"sku":null}]}`, "\xff", `{"when":""}`, `1e999`} {
		f.Add(s, "application/json")
	}
	f.Add(`{}`, "text/html; a=b; a=b")
	f.Fuzz(func(t *testing.T, body, kind string) {
		r := httptest.NewRequest("POST", "/", strings.NewReader(body))
		r.Header.Set("Content-Type", kind)
		w := httptest.NewRecorder()
		clodo.HandlerFunc(takesOrders).ServeHTTP(w, r)
		if w.Code != 201 && (w.Code < 400 || w.Code > 499) || !json.Valid(w.Body.Bytes()) {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}
