package ai_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tamylaa/clodo/localcloud/internal/ai"
)

// models is an upstream that answers by the model's name.
func models(t *testing.T) *ai.Upstream {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch r.URL.Path {
		case "/base/@cf/meta/llama":
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
			fmt.Fprintf(w, `{"success":true,"errors":[],"messages":[],"result":{"response":%q}}`, r.Header.Get("Authorization")+string(body))
		case "/base/bare":
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"data":[1]}`)
		case "/base/stream":
			w.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprint(w, "data: 1\n\n")
		case "/base/ear":
			w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
			_, _ = w.Write(body)
		default:
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"success":false,"errors":[{"code":7003,"message":"no such model"}]}`)
		}
	}))
	t.Cleanup(server.Close)
	u, err := ai.New(ai.Options{Upstream: server.URL + "/base", Token: "t0ken"})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestACallGoesToTheUpstreamAndItsAnswerBack(t *testing.T) {
	t.Parallel()
	none, err := ai.New(ai.Options{})
	if err != nil {
		t.Fatal(err)
	}
	gone := httptest.NewServer(nil)
	lost, err := ai.New(ai.Options{Upstream: gone.URL})
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	const inputs = `{"inputs":{"prompt":"hi"},"options":{}}`
	for name, test := range map[string]struct {
		upstream            *ai.Upstream
		path, model, body   string
		status              int
		contentType, answer string
	}{
		"an answer in an envelope":      {nil, "/run?version=3", "@cf/meta/llama", inputs, 200, "application/json", `{"response":"Bearer t0ken{\"prompt\":\"hi\"}"}`},
		"an answer without":             {nil, "/run", "bare", inputs, 200, "application/json", `{"data":[1]}`},
		"a stream":                      {nil, "/run", "stream", inputs, 200, "text/event-stream", "data: 1\n\n"},
		"a stream as input":             {nil, "/run?userInputs={}", "ear", "sound", 200, "audio/wav", "sound"},
		"a stream with more inputs":     {nil, "/run?userInputs={%22a%22:1}", "ear", "sound", 501, "application/json", "by itself only"},
		"an unknown model":              {nil, "/run", "nope", inputs, 404, "application/json", "no such model"},
		"a model that is a path":        {nil, "/run", "../../secret", inputs, 400, "application/json", "no such model"},
		"a model that hides a path":     {nil, "/run", "a/../../b", inputs, 400, "application/json", "no such model"},
		"no inputs":                     {nil, "/run", "bare", `{}`, 400, "application/json", "no inputs"},
		"something else than run":       {nil, "/ai-gateway/run", "bare", inputs, 501, "application/json", "run only"},
		"no upstream":                   {none, "/run", "bare", inputs, 501, "application/json", "--ai-upstream"},
		"an upstream that is not there": {lost, "/run", "bare", inputs, 502, "application/json", "did not answer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := test.upstream
			if u == nil {
				u = models(t)
			}
			req := httptest.NewRequestWithContext(t.Context(), "POST", test.path, strings.NewReader(test.body))
			req.Header.Set("Cf-Consn-Model-Id", test.model)
			req.Header.Set("Content-Type", "audio/wav")
			w := httptest.NewRecorder()
			u.Binding(w, req, "")
			exact := test.status != 200 && strings.Contains(w.Body.String(), test.answer) || w.Body.String() == test.answer
			if w.Code != test.status || w.Header().Get("Content-Type") != test.contentType || !exact {
				t.Errorf("got %d %s %s, want %d %s %s", w.Code, w.Header().Get("Content-Type"), w.Body, test.status, test.contentType, test.answer)
			}
		})
	}
}

func TestAnUpstreamIsAnAddressOfHTTP(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"localhost:11434", "ftp://x/", "http://", "\x00"} {
		if _, err := ai.New(ai.Options{Upstream: bad}); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
