package clodo_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tamylaa/clodo"
)

func hmacOf(secret []byte, text string) []byte {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// whoami answers with what is known of who asks.
var whoami = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	if id := clodo.IdentityOf(r.Context()); id != nil {
		_, _ = io.WriteString(w, id.Subject)
		return
	}
	_, _ = io.WriteString(w, "nobody")
})

func TestWhoMayCallIsAuthenticated(t *testing.T) {
	t.Parallel()
	token := must(secretKey.Sign(clodo.Claims{Subject: "ann", Scopes: []string{"read", "write"}, Roles: []string{"admin"}, Expires: time.Now().Add(time.Minute)}))
	key, hash := clodo.NewAPIKey("acme_")
	other, otherHash := clodo.NewAPIKey("acme_")
	keys := clodo.FixedKeys(map[string]clodo.Identity{hash: {Subject: "robot", Scopes: []string{"read"}}, otherHash: {Subject: "other"}})
	tokens := clodo.Bearer(clodo.TokenOptions{Keys: []clodo.Key{secretKey}})
	broken := clodo.APIKeys(func(context.Context, string) (*clodo.Identity, error) { return nil, errors.New("the database is down") })
	anything := clodo.APIKeys(func(context.Context, string) (*clodo.Identity, error) {
		return &clodo.Identity{Subject: "anybody"}, nil
	})
	chain := clodo.Chain
	bearerOf := func(s string) []string { return []string{"Authorization", "Bearer " + s} }
	apiKey := func(s string) []string { return []string{"X-Api-Key", s} }
	either := clodo.Authenticate(tokens, clodo.APIKeys(keys))
	tests := map[string]struct {
		middleware clodo.Middleware
		header     []string
		status     int
		want       string
	}{
		"a token":                         {either, bearerOf(token), 200, "ann"},
		"with another case of its scheme": {either, []string{"Authorization", "bearer " + token}, 200, "ann"},
		"an API key":                      {either, apiKey(key), 200, "robot"},
		"another API key":                 {either, apiKey(other), 200, "other"},
		"both":                            {either, append(bearerOf(token), apiKey(key)...), 200, "ann"},
		"nothing":                         {either, nil, 401, "credentials_missing"},
		"another scheme":                  {either, []string{"Authorization", "Basic YTpi"}, 401, "credentials_missing"},
		"a scheme alone":                  {either, []string{"Authorization", "Bearer"}, 401, "token_malformed"},
		"a wrong token and a right key":   {either, append(bearerOf("x.y.z"), apiKey(key)...), 401, "token_malformed"},
		"a wrong key":                     {either, apiKey(key + "x"), 401, "key_unknown"},
		"an empty key":                    {either, apiKey(""), 401, "key_unknown"},
		"a hash for a key":                {either, apiKey(hash), 401, "key_unknown"},
		"a key that is far too long":      {either, apiKey(strings.Repeat("a", 1<<16)), 401, "key_unknown"},
		"one that would have been found":  {clodo.Authenticate(anything), apiKey(strings.Repeat("a", 513)), 401, "key_unknown"},
		"a key that is borne":             {clodo.Authenticate(clodo.BearerKeys(keys)), bearerOf(key), 200, "robot"},
		"a wrong one":                     {clodo.Authenticate(clodo.BearerKeys(keys)), bearerOf(token), 401, "key_unknown"},
		"when keys cannot be looked up":   {clodo.Authenticate(broken), apiKey(key), 500, "internal_error"},
		"one who is nobody":               {clodo.Authenticate(func(*http.Request) (*clodo.Identity, error) { return nil, nil }), nil, 401, "credentials_missing"},
		"anybody may":                     {clodo.Identify(tokens), nil, 200, "nobody"},
		"anybody may, also who is known":  {clodo.Identify(tokens), bearerOf(token), 200, "ann"},
		"anybody may, but not who lies":   {clodo.Identify(tokens), bearerOf("x.y.z"), 401, "token_malformed"},
		"a scope that it has":             {chain(either, clodo.RequireScope("write", "read")), bearerOf(token), 200, "ann"},
		"a scope that it lacks":           {chain(either, clodo.RequireScope("read", "write")), apiKey(key), 403, "insufficient_scope"},
		"a scope of nobody":               {chain(clodo.Identify(tokens), clodo.RequireScope("read")), nil, 401, "credentials_missing"},
		"a scope without authentication":  {clodo.RequireScope("read"), bearerOf(token), 401, "credentials_missing"},
		"one of the roles":                {chain(either, clodo.RequireRole("owner", "admin")), bearerOf(token), 200, "ann"},
		"none of the roles":               {chain(either, clodo.RequireRole("owner")), bearerOf(token), 403, "insufficient_role"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := request(test.middleware(whoami), "GET", "/", "", test.header...)
			if w.Code != test.status || !strings.Contains(w.Body.String(), test.want) {
				t.Errorf("%d %s, want %d %s", w.Code, w.Body, test.status, test.want)
			}
			if challenge := w.Header().Get("Www-Authenticate"); (challenge != "") != (w.Code == 401 || test.want == "insufficient_scope") {
				t.Errorf("%d with WWW-Authenticate: %s", w.Code, challenge)
			}
			if strings.Contains(w.Body.String(), key) {
				t.Error("the answer has the key in it")
			}
		})
	}
	w := request(chain(either, clodo.RequireScope("read", "write"))(whoami), "GET", "/", "", apiKey(key)...)
	if got := w.Header().Get("Www-Authenticate"); got != `Bearer error="insufficient_scope", scope="read write"` {
		t.Errorf("WWW-Authenticate: %s", got)
	}
}
