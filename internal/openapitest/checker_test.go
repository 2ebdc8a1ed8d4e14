package openapitest

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

const (
	account = "/client/v4/accounts/0123456789abcdef0123456789abcdef"
	worker  = account + "/workers/scripts/shop"
	version = "18f97339-c287-4872-9bdd-e2135c07ec12"
	good    = `{"success":true,"errors":[],"messages":[],"result":`
)

func TestTheReducedDocumentIsValid(t *testing.T) {
	t.Parallel()
	c := Load(t)
	if err := c.doc.Validate(t.Context(), openapi3.DisableExamplesValidation()); err != nil {
		t.Error(err)
	}
	if n := len(c.Routes()); n < 220 {
		t.Errorf("%d routes are known, want all of paths.txt", n)
	}
}

func TestExchangesAreJudged(t *testing.T) {
	t.Parallel()
	c := Load(t)
	upload := func(metadata string) string {
		return "--b\r\nContent-Disposition: form-data; name=\"metadata\"\r\n\r\n" + metadata +
			"\r\n--b\r\nContent-Disposition: form-data; name=\"lib/index.js\"; filename=\"lib/index.js\"\r\nContent-Type: application/javascript+module\r\n\r\nexport default {}\r\n--b--\r\n"
	}
	tests := []struct {
		name              string
		method, path      string
		kind, body        string // of the request; kind is application/json when empty and there is a body
		status            int    // no response is judged when 0
		answer            string
		wantReq, wantResp string // part of the complaint, "" for none
	}{
		{
			name: "a list of databases passes", method: "GET", path: account + "/d1/database?page=1&per_page=100",
			status: 200, answer: good + `[{"uuid":"` + version + `","name":"shop","version":"production","created_at":"2026-01-02T03:04:05.000006Z"}],"result_info":{"page":1,"per_page":100,"count":1,"total_count":1}}`,
		},
		{
			name: "a misspelt query parameter is found", method: "GET", path: account + "/d1/database?perpage=100",
			wantReq: `query parameter "perpage" is not known`,
		},
		{
			name: "a page below one is found", method: "GET", path: account + "/d1/database?per_page=three",
			wantReq: "per_page",
		},
		{
			name: "a route that nobody knows is found", method: "GET", path: account + "/workers/magic",
			wantReq: "neither the document nor undocumented.json",
		},
		{
			name: "a method that the path does not have is found", method: "PATCH", path: account + "/workers/subdomain",
			wantReq: "not with this method",
		},
		{name: "a path outside the API is none of ours", method: "PUT", path: "/d1-upload/17", body: "x"},
		{
			name: "metadata without a content type passes, as wrangler sends it", method: "PUT", path: worker + "?excludeScript=true",
			kind: "multipart/form-data; boundary=b", body: upload(`{"main_module":"lib/index.js","bindings":[{"type":"d1","name":"DB","id":"x"}]}`),
		},
		{
			name: "a binding that lacks a field is named by its pointer", method: "PUT", path: worker,
			kind: "multipart/form-data; boundary=b", body: upload(`{"main_module":"lib/index.js","bindings":[{"type":"assets","name":"A"},{"type":"kv_namespace","name":"KV"}]}`),
			wantReq: `part "metadata": /bindings/1/namespace_id: property "namespace_id" is missing`,
		},
		{
			name: "a binding of no known kind is found", method: "PUT", path: worker,
			kind: "multipart/form-data; boundary=b", body: upload(`{"main_module":"lib/index.js","bindings":[{"type":"floppy","name":"A"}]}`),
			wantReq: "/bindings/0",
		},
		{
			name: "an upload without metadata is found", method: "POST", path: worker + "/versions",
			kind: "multipart/form-data; boundary=b", body: "--b\r\nContent-Disposition: form-data; name=\"x.js\"; filename=\"x.js\"\r\nContent-Type: application/javascript+module\r\n\r\n\r\n--b--\r\n",
			wantReq: `part "metadata" is missing`,
		},
		{
			name: "a module whose file is called otherwise is found", method: "POST", path: worker + "/versions",
			kind: "multipart/form-data; boundary=b", body: "--b\r\nContent-Disposition: form-data; name=\"x.js\"; filename=\"y.js\"\r\nContent-Type: application/javascript+module\r\n\r\n\r\n--b--\r\n",
			wantReq: `sent as file "y.js"`,
		},
		{
			name: "a deployment at 0 % passes", method: "POST", path: worker + "/deployments",
			body:   `{"strategy":"percentage","versions":[{"version_id":"` + version + `","percentage":100},{"version_id":"` + version + `","percentage":0}]}`,
			status: 200, answer: good + `{"id":"` + version + `","source":"api","strategy":"percentage","created_on":"2026-01-02T03:04:05Z","versions":[{"version_id":"` + version + `","percentage":100}]}}`,
		},
		{
			name: "a deployment above 100 % is found in both directions", method: "POST", path: worker + "/deployments",
			body:    `{"strategy":"percentage","versions":[{"version_id":"` + version + `","percentage":101}]}`,
			wantReq: "/versions/0/percentage", status: 200, answer: good + `{"id":"x","source":"api","strategy":"percentage","created_on":"2026-01-02T03:04:05Z","versions":[{"version_id":"x","percentage":101}]}}`,
			wantResp: "/result/versions/0/percentage",
		},
		{
			name: "an answer without its envelope is found", method: "GET", path: account + "/workers/subdomain",
			status: 200, answer: `{"subdomain":"acme"}`, wantResp: `property "success" is missing`,
		},
		{
			name: "a status that the document does not have is found", method: "GET", path: account + "/workers/subdomain",
			status: 201, answer: good + `{"subdomain":"acme"}}`, wantResp: "does not know this status",
		},
		{
			name: "a refusal passes", method: "GET", path: account + "/workers/subdomain",
			status: 404, answer: `{"success":false,"errors":[{"code":10007,"message":"no subdomain"}],"messages":[],"result":null}`,
		},
		{
			name: "a refusal that claims success is found", method: "GET", path: account + "/workers/subdomain",
			status: 404, answer: `{"success":true,"errors":[{"code":10007,"message":"none"}],"messages":[],"result":null}`, wantResp: "/success",
		},
		{
			name: "a rate limit passes with its code below 1000", method: "GET", path: account + "/workers/subdomain",
			status: 429, answer: `{"success":false,"errors":[{"code":971,"message":"slow down"}],"messages":[],"result":null}`,
		},
		{
			name: "a failed query passes with an empty list for a result", method: "POST", path: account + "/d1/database/" + version + "/query",
			body: `{"sql":"select ?1, ?2","params":[1,null]}`, status: 400, answer: `{"success":false,"errors":[{"code":7500,"message":"no such table"}],"messages":[],"result":[]}`,
		},
		{
			name: "removing one secret of many passes", method: "PATCH", path: worker + "/secrets-bulk", kind: "application/merge-patch+json",
			body:   `{"secrets":{"A":null,"B":{"name":"B","type":"secret_text","text":"x"}}}`,
			status: 200, answer: good + `{"B":{"name":"B","type":"secret_text"}}}`,
		},
		{
			name: "a route that only wrangler's sources tell of passes", method: "PUT", path: worker + "/routes",
			body: `[{"pattern":"shop.example/*","zone_name":"shop.example"}]`, status: 200, answer: good + `["shop.example/*"]}`,
		},
		{
			name: "and is checked", method: "PUT", path: worker + "/routes",
			body: `[{"zone_name":"shop.example"}]`, wantReq: `property "pattern" is missing`,
		},
		{
			name: "octets pass as a value", method: "PUT", path: account + "/storage/kv/namespaces/0123456789abcdef0123456789abcdef/values/a%2Fb", kind: "application/octet-stream", body: "\x00\xff",
			status: 200, answer: good + `{}}`,
		},
		{name: "a body where there is none is found", method: "GET", path: account + "/workers/subdomain", body: "{}", wantReq: "the call has none"},
		{name: "a missing body is found", method: "PUT", path: account + "/workers/subdomain", wantReq: "there is no body"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			req := httptest.NewRequest(tt.method, tt.path, strings.NewReader(tt.body))
			if tt.kind == "" && tt.body != "" {
				tt.kind = "application/json"
			}
			if tt.kind != "" {
				req.Header.Set("Content-Type", tt.kind)
			}
			judge(t, "request", c.Request(req, []byte(tt.body)), tt.wantReq)
			if tt.status != 0 {
				header := http.Header{"Content-Type": {"application/json"}}
				judge(t, "response", c.Response(req, tt.status, header, []byte(tt.answer)), tt.wantResp)
			}
		})
	}
}

func judge(t *testing.T, what string, err error, want string) {
	t.Helper()
	switch {
	case err == nil && want != "":
		t.Errorf("%s: nothing is complained about, want %q", what, want)
	case err != nil && (want == "" || !strings.Contains(err.Error(), want)):
		t.Errorf("%s: got %v, want %q", what, err, want)
	}
}

// spy is a test that only counts its errors.
type spy struct {
	testing.TB
	errors   []string
	cleanups []func()
}

func (s *spy) Helper()                   {}
func (s *spy) Cleanup(f func())          { s.cleanups = append(s.cleanups, f) }
func (s *spy) Errorf(_ string, a ...any) { s.errors = append(s.errors, a[0].(error).Error()) }

func TestMiddlewareAndTransportReportBothDirections(t *testing.T) {
	t.Parallel()
	c := Load(t)
	wrong := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{}`))
	})
	tests := []struct {
		name string
		do   func(s *spy, url string, h *http.Handler) http.RoundTripper
		want int
	}{
		{"the middleware sees both", func(s *spy, _ string, h *http.Handler) http.RoundTripper {
			*h = c.Middleware(s, *h)
			return http.DefaultTransport
		}, 2},
		{"the middleware for foreign clients sees answers", func(s *spy, _ string, h *http.Handler) http.RoundTripper {
			*h = c.ResponseMiddleware(s, *h)
			return http.DefaultTransport
		}, 1},
		{"the transport sees both", func(s *spy, _ string, _ *http.Handler) http.RoundTripper {
			return c.Transport(s, http.DefaultTransport)
		}, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := &spy{}
			h := http.Handler(wrong)
			rt := tt.do(s, "", &h)
			srv := httptest.NewServer(h)
			defer srv.Close()
			resp, err := (&http.Client{Transport: rt}).Get(srv.URL + account + "/workers/subdomain?oops=1")
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if len(s.errors) != tt.want {
				t.Errorf("got %d complaints %q, want %d", len(s.errors), s.errors, tt.want)
			}
			for _, f := range s.cleanups {
				f()
			}
			before := len(s.errors)
			if resp, err := (&http.Client{Transport: rt}).Get(srv.URL + account + "/workers/subdomain?oops=1"); err == nil {
				resp.Body.Close()
			}
			if len(s.errors) != before {
				t.Error("an exchange after the end of the test is reported")
			}
		})
	}
}
