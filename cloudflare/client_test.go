package cloudflare_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/cloudflare"
)

func TestASecretIsNeverPrinted(t *testing.T) {
	t.Parallel()
	const value = "cfut_do-not-print"
	s := cloudflare.NewSecret(value)
	if s.Reveal() != value {
		t.Fatalf("the value is lost: %q", s.Reveal())
	}
	c := client(t, &play{t: t}, cloudflare.Options{Token: s})
	binding := cloudflare.Binding{Type: "secret_text", Name: "KEY", Text: s}
	upload := cloudflare.Upload{Metadata: cloudflare.Metadata{Bindings: []cloudflare.Binding{binding}, Assets: &cloudflare.MetadataAssets{JWT: s}}}
	session := cloudflare.AssetSession{JWT: s}
	nested := struct{ inner any }{struct{ s cloudflare.Secret }{s}}
	for name, v := range map[string]any{"secret": s, "pointer": &s, "options": cloudflare.Options{Token: s}, "client": c, "client's value": *c, "upload": upload, "session": session, "unexported": nested} {
		var logged strings.Builder
		slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "v", v)
		slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "v", v)
		encoded, _ := json.Marshal(v)
		for _, text := range []string{
			fmt.Sprint(v), fmt.Sprintf("%v %+v %#v %s %q %x %X %d", v, v, v, v, v, v, v, v), string(encoded), logged.String(),
			fmt.Errorf("wrapped: %v", v).Error(),
		} {
			if strings.Contains(text, value) || strings.Contains(text, fmt.Sprintf("%x", value)) {
				t.Errorf("%s: %s", name, text)
			}
		}
	}
}

func TestASecretThatWasHiddenIsNotTakenForOne(t *testing.T) {
	t.Parallel()
	b, err := json.Marshal(cloudflare.AssetSession{JWT: cloudflare.NewSecret("ticket")})
	if err != nil {
		t.Fatal(err)
	}
	var back cloudflare.AssetSession
	if err := json.Unmarshal(b, &back); err == nil || !strings.Contains(err.Error(), "cannot be read back") {
		t.Errorf("got %v and %q, want a refusal", err, back.JWT.Reveal())
	}
}

func TestAnErrorSaysWhatWasCalledAndNeverTheToken(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		answer answer
		want   string
		is     map[string]bool
	}{
		{"a refusal in Cloudflare's words", answer{status: 404, body: `{"success":false,"errors":[{"code":7003,"message":"Could not route","error_chain":[{"code":7000,"message":"No route"}]}],"result":null}`}, "GET /zones/z: Could not route (code 7003); No route (code 7000) [HTTP 404] [request 8f00]", map[string]bool{"not found": true}},
		{"a token that Cloudflare does not know", answer{status: 400, body: `{"success":false,"errors":[{"code":6003,"message":"Invalid request headers"}]}`}, "GET /zones/z: Invalid request headers (code 6003) [HTTP 400] [request 8f00]", map[string]bool{"auth": true}},
		{"a token without the permission", answer{status: 403, body: `{"success":false,"errors":[{"code":10000,"message":"Authentication error"}],"messages":["x"],"result":[]}`}, "GET /zones/z: Authentication error (code 10000) [HTTP 403] [request 8f00]", map[string]bool{"permission": true}},
		{"the same under another status", answer{status: 401, body: refusal(10000)}, "GET /zones/z: no (code 10000) [HTTP 401] [request 8f00]", map[string]bool{"permission": true}},
		{"an unknown token with 401", answer{status: 401, body: refusal(1001)}, "GET /zones/z: no (code 1001) [HTTP 401] [request 8f00]", map[string]bool{"auth": true}},
		{"an unknown token with 403", answer{status: 403, body: refusal(9106)}, "GET /zones/z: no (code 9106) [HTTP 403] [request 8f00]", map[string]bool{"auth": true}},
		{"an unknown token in words", answer{status: 403, body: `{"success":false,"errors":[{"code":9109,"message":"Invalid access token"}]}`}, "GET /zones/z: Invalid access token (code 9109) [HTTP 403] [request 8f00]", map[string]bool{"auth": true}},
		{"a known token that may not do this", answer{status: 403, body: `{"success":false,"errors":[{"code":9109,"message":"Unauthorized to access requested resource"}]}`}, "GET /zones/z: Unauthorized to access requested resource (code 9109) [HTTP 403] [request 8f00]", map[string]bool{"permission": true}},
		{"errors that are plain text", answer{status: 400, body: `{"success":false,"errors":["bad"]}`}, "GET /zones/z: bad [HTTP 400] [request 8f00]", nil},
		{"no reason at all", answer{status: 409, body: `{"success":false,"errors":[]}`}, "GET /zones/z: Conflict [HTTP 409] [request 8f00]", map[string]bool{"conflict": true}},
		{"a page of a proxy", answer{status: 403, body: html}, `GET /zones/z: the answer is not the JSON of Cloudflare's API (it starts with "<html>busy</html>") [HTTP 403] [request 8f00]`, map[string]bool{"permission": true}},
		{"a firewall's challenge", answer{status: 403, body: html, header: http.Header{"Cf-Mitigated": {"challenge"}}}, "GET /zones/z: a firewall in front of Cloudflare's API asked for a challenge [HTTP 403] [request 8f00]", map[string]bool{"permission": true}},
		{"JSON that is no envelope", answer{status: 200, body: `{"ok":true}`}, `GET /zones/z: the answer lacks "success", so it is not of Cloudflare's API (it starts with "{\"ok\":true}") [HTTP 200] [request 8f00]`, nil},
		{"a redirect", answer{status: 307, header: http.Header{"Location": {"https://elsewhere.example/"}}}, "GET /zones/z: no (code 1234) [HTTP 307] [request 8f00]", nil},
		{"too many calls", answer{status: 429, body: refusal(971), retryAfter: "300"}, "GET /zones/z: no (code 971) [HTTP 429] [request 8f00]", map[string]bool{"rate limited": true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := client(t, &play{t: t, answers: []answer{tt.answer}}, cloudflare.Options{Token: cloudflare.NewSecret("hush"), Attempts: 1}).Zone(t.Context(), "z")
			if err == nil || err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
			for what, is := range map[string]func(error) bool{
				"not found": cloudflare.IsNotFound, "auth": cloudflare.IsAuth, "permission": cloudflare.IsPermission,
				"conflict": cloudflare.IsConflict, "rate limited": cloudflare.IsRateLimited,
			} {
				if got := is(fmt.Errorf("wrapped: %w", err)); got != tt.is[what] {
					t.Errorf("%s: %t", what, got)
				}
			}
		})
	}
}

func TestCodesAreFoundByErrorsIs(t *testing.T) {
	t.Parallel()
	p := &play{t: t, answers: []answer{{status: 404, body: refusal(10007)}}}
	_, err := client(t, p, cloudflare.Options{}).Settings(t.Context(), acc, "shop")
	if !errors.Is(err, cloudflare.CodeWorkerNotFound) || errors.Is(err, cloudflare.CodeD1NotFound) {
		t.Errorf("got %v, want code 10007 and no other", err)
	}
}

func TestTheLocalMarkIsHeldToTheTarget(t *testing.T) {
	t.Parallel()
	marked := http.Header{cloudflare.LocalMark: {"1"}}
	tests := []struct {
		name   string
		opts   cloudflare.Options
		header http.Header
		wrong  bool
	}{
		{"Cloudflare itself must not carry it", cloudflare.Options{}, marked, true},
		{"not under another spelling of its address either", cloudflare.Options{BaseURL: "https://API.cloudflare.com:443/client/v4/"}, marked, true},
		{"Cloudflare itself does not", cloudflare.Options{}, nil, false},
		{"a local one must", cloudflare.Options{BaseURL: "http://127.0.0.1:1/client/v4", Local: true}, nil, true},
		{"a local one does", cloudflare.Options{BaseURL: "http://127.0.0.1:1/client/v4", Local: true}, marked, false},
		{"any other may", cloudflare.Options{BaseURL: "https://fake.example/client/v4"}, marked, false},
		{"or not", cloudflare.Options{BaseURL: "https://fake.example/client/v4"}, nil, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := &play{t: t, answers: []answer{{status: 200, header: tt.header.Clone()}}}
			_, err := client(t, p, tt.opts).Zone(t.Context(), "z")
			if errors.Is(err, cloudflare.ErrWrongCloud) != tt.wrong {
				t.Errorf("got %v, want the wrong cloud: %t", err, tt.wrong)
			}
		})
	}
}

func TestBaseURLsThatCannotWorkAreRefused(t *testing.T) {
	t.Parallel()
	token := cloudflare.NewSecret("hush")
	tests := []struct {
		name string
		opts cloudflare.Options
		want string // "" for good
	}{
		{"none is Cloudflare's own", cloudflare.Options{Token: token}, ""},
		{"loopback may be plain", cloudflare.Options{BaseURL: "http://127.0.0.1:8787/client/v4", Token: token}, ""},
		{"so may the name of this machine", cloudflare.Options{BaseURL: "http://localhost:8787/client/v4", Token: token}, ""},
		{"another machine may not, with a token", cloudflare.Options{BaseURL: "http://cloud.example/client/v4", Token: token}, "unencrypted"},
		{"a name that only begins like loopback may not", cloudflare.Options{BaseURL: "http://127.evil.example/client/v4", Token: token}, "unencrypted"},
		{"no address", cloudflare.Options{BaseURL: "cloud"}, "is not http(s)://host/path"},
		{"no web address", cloudflare.Options{BaseURL: "ftp://cloud.example"}, "is not http(s)://host/path"},
		{"with a password", cloudflare.Options{BaseURL: "https://me:pass@cloud.example"}, "me:xxxxx@"},
		{"Cloudflare is not local", cloudflare.Options{Local: true}, "a local one is wanted"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := cloudflare.New(tt.opts)
			if (err == nil) != (tt.want == "") || (err != nil && !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestValuesThatWouldAddressSomethingElseAreNotSent(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", ".", ".."} {
		err := client(t, &play{t: t}, cloudflare.Options{}).DeleteScript(t.Context(), acc, name, cloudflare.DeleteOptions{})
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("script name %q cannot be part of an address", name)) {
			t.Errorf("%q: got %v", name, err)
		}
	}
}

func TestAnAnswerIsReadToItsLimitOnly(t *testing.T) {
	t.Parallel()
	p := &play{t: t, answers: []answer{{status: 200, body: ok}}}
	_, err := client(t, p, cloudflare.Options{MaxResponse: 10}).Zone(t.Context(), "z")
	if err == nil || !strings.Contains(err.Error(), "larger than 10 bytes") {
		t.Errorf("got %v, want the limit", err)
	}
}

func TestAnEmptyAnswerIsASuccess(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 204, 205} {
		p := &play{t: t, answers: []answer{{status: status}}}
		c := client(t, emptied{p}, cloudflare.Options{})
		if err := c.DeleteRoute(t.Context(), zone, "r"); err != nil {
			t.Errorf("%d: %v", status, err)
		}
	}
}

// emptied takes the bodies out of answers.
type emptied struct{ http.RoundTripper }

func (e emptied) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := e.RoundTripper.RoundTrip(req)
	if err == nil {
		resp.Body = http.NoBody
	}
	return resp, err
}

func TestARefusedAnalyticsQueryIsAnErrorThoughItComesWith200(t *testing.T) {
	t.Parallel()
	p := &play{t: t, answers: []answer{{status: 200, body: `{"data":null,"errors":[{"message":"unknown field"},{"message":"and more"}]}`}}}
	err := client(t, p, cloudflare.Options{}).GraphQL(t.Context(), "{x}", nil, &struct{}{})
	var e *cloudflare.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want an *Error", err)
	}
	if diff := cmp.Diff([]cloudflare.Detail{{Message: "unknown field"}, {Message: "and more"}}, e.Details); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
