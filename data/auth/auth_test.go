package auth_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tamylaa/clodo"
	"github.com/tamylaa/clodo/bindings/d1"
	"github.com/tamylaa/clodo/bindings/email"
	"github.com/tamylaa/clodo/data"
	"github.com/tamylaa/clodo/data/auth"
	"github.com/tamylaa/clodo/internal/datatest"
)

// gate is an app with the module, and the messages that it sent.
type gate struct {
	t    *testing.T
	ctx  context.Context
	app  *clodo.Router
	auth *auth.Auth
	mu   sync.Mutex
	sent []auth.Message
	fail error // of sending
}

func newGate(t *testing.T, o auth.Options) *gate {
	t.Helper()
	g := &gate{t: t, app: clodo.NewRouter()}
	key, err := clodo.HS256Key("", []byte(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	o.DB, o.Key, o.Link, o.Issuer, o.Audience = d1.Open("DB"), key, "https://app.example.com/in?from=mail", "test", "api"
	o.Send = func(_ context.Context, m auth.Message) error {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.fail == nil {
			g.sent = append(g.sent, m)
		}
		return g.fail
	}
	g.auth = auth.New(o)
	modules := data.Register(g.app, nil, g.auth.Module())
	g.ctx = datatest.New(t, modules.Models...)
	g.app.Group("/api", clodo.Authenticate(g.auth.Bearer())).HandleFunc("GET /secret", func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(clodo.IdentityOf(r.Context()).Subject))
	})
	return g
}

func (g *gate) send(method, path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(g.ctx, method, path, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	g.app.ServeHTTP(w, r)
	return w
}

// secret is what the last message brings.
func (g *gate) secret() string {
	g.t.Helper()
	if len(g.sent) == 0 {
		g.t.Fatal("nothing was sent")
	}
	u, err := url.Parse(g.sent[len(g.sent)-1].Link)
	if err != nil || u.Query().Get("from") != "mail" {
		g.t.Fatal(u, err)
	}
	return u.Query().Get("token")
}

func (g *gate) exchange(secret string) *httptest.ResponseRecorder {
	return g.send("POST", "/auth/tokens", `{"token":"`+secret+`"}`)
}

func token(t *testing.T, w *httptest.ResponseRecorder) (token, user string) {
	t.Helper()
	var answer struct {
		Data struct {
			Token string
			User  struct{ ID string }
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return answer.Data.Token, answer.Data.User.ID
}

func TestWhoComesBackWithTheLinkIsIn(t *testing.T) {
	t.Parallel()
	g := newGate(t, auth.Options{Roles: func(context.Context, auth.User) ([]string, error) { return []string{"reader"}, nil }})
	if w := g.send("POST", "/auth/links", `{"email":" Ann@Example.com "}`); w.Code != 202 || strings.Contains(w.Body.String(), "token") {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if m := g.sent[0]; m.To != "ann@example.com" || time.Until(m.Expires) > 15*time.Minute || time.Until(m.Expires) < 14*time.Minute {
		t.Errorf("%+v", m)
	}
	jwt, id := token(t, g.exchange(g.secret()))
	if w := g.send("GET", "/api/secret", "", "Authorization", "Bearer "+jwt); w.Code != 200 || w.Body.String() != id {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := g.send("GET", "/auth/me", "", "Authorization", "Bearer "+jwt); w.Code != 200 || !strings.Contains(w.Body.String(), `"email":"ann@example.com"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := g.exchange(g.secret()); w.Code != 401 || !strings.Contains(w.Body.String(), "link_invalid") {
		t.Errorf("a link worked twice: %d %s", w.Code, w.Body)
	}
	g.send("POST", "/auth/links", `{"email":"ann@example.com"}`)
	if _, again := token(t, g.exchange(g.secret())); again != id {
		t.Errorf("the same address is another person: %s, %s", again, id)
	}
	var kept int
	if err := d1.Open("DB").Prepare("SELECT count(*) FROM magic_links WHERE hash = ?").Bind(g.secret()).First(g.ctx, &kept); err != nil || kept != 0 {
		t.Errorf("the database has the secret itself: %v", err)
	}
}

func TestWhatDoesNotGetIn(t *testing.T) {
	t.Parallel()
	g := newGate(t, auth.Options{})
	tests := map[string]struct {
		method, path, body string
		header             []string
		status             int
		want               string
	}{
		"no address":          {"POST", "/auth/links", `{"email":"ann"}`, nil, 422, `"code":"PATTERN_MISMATCH"`},
		"nothing":             {"POST", "/auth/links", `{}`, nil, 422, `"code":"REQUIRED_FIELD_MISSING"`},
		"no JSON":             {"POST", "/auth/links", `email=ann`, nil, 400, "invalid_json"},
		"two lines":           {"POST", "/auth/links", `{"email":"ann@example.com\nBcc: x@example.com"}`, nil, 422, "PATTERN_MISMATCH"},
		"a made-up secret":    {"POST", "/auth/tokens", `{"token":"AAAA"}`, nil, 401, "link_invalid"},
		"SQL for a secret":    {"POST", "/auth/tokens", `{"token":"' OR 1=1 --"}`, nil, 401, "link_invalid"},
		"no secret":           {"POST", "/auth/tokens", `{"token":""}`, nil, 422, "REQUIRED_FIELD_MISSING"},
		"no token":            {"GET", "/api/secret", "", nil, 401, "credentials_missing"},
		"any token":           {"GET", "/api/secret", "", []string{"Authorization", "Bearer x"}, 401, "token_malformed"},
		"a token of no alg":   {"GET", "/auth/me", "", []string{"Authorization", "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4IiwiZXhwIjo5OTk5OTk5OTk5fQ."}, 401, "token_signature"},
		"a link as the token": {"GET", "/auth/me", "", []string{"Authorization", "Bearer AAAA"}, 401, "token_malformed"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if w := g.send(test.method, test.path, test.body, test.header...); w.Code != test.status || !strings.Contains(w.Body.String(), test.want) {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
	if len(g.sent) != 0 {
		t.Errorf("sent %v", g.sent)
	}
}

func TestLinksAreFewAndEnd(t *testing.T) {
	t.Parallel()
	g := newGate(t, auth.Options{})
	for range 5 {
		if w := g.send("POST", "/auth/links", `{"email":"ann@example.com"}`); w.Code != 202 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	if w := g.send("POST", "/auth/links", `{"email":"ann@example.com"}`); w.Code != 429 || w.Header().Get("Retry-After") != "900" || len(g.sent) != 5 {
		t.Errorf("%d %s, %d sent", w.Code, w.Body, len(g.sent))
	}
	if w := g.send("POST", "/auth/links", `{"email":"bob@example.com"}`); w.Code != 202 {
		t.Errorf("another address: %d", w.Code)
	}
	if _, err := d1.Open("DB").Prepare("UPDATE magic_links SET expires_at = ?").Bind(time.Now().Add(-time.Second)).Run(g.ctx); err != nil {
		t.Fatal(err)
	}
	if w := g.exchange(g.secret()); w.Code != 401 {
		t.Errorf("a link that has ended: %d %s", w.Code, w.Body)
	}
	if w := g.send("POST", "/auth/links", `{"email":"ann@example.com"}`); w.Code != 202 {
		t.Errorf("after the others have ended: %d %s", w.Code, w.Body)
	}
	g.fail = errors.New("the mail server is down")
	for range 6 {
		if w := g.send("POST", "/auth/links", `{"email":"eve@example.com"}`); w.Code != 500 {
			t.Errorf("a message that was not sent: %d %s", w.Code, w.Body)
		}
	}
}

func TestOfTwoAtOnceOneGetsIn(t *testing.T) {
	t.Parallel()
	g := newGate(t, auth.Options{})
	g.send("POST", "/auth/links", `{"email":"ann@example.com"}`)
	secret := g.secret()
	var all sync.WaitGroup
	codes := make(chan int, 8)
	for range 8 {
		all.Go(func() { codes <- g.exchange(secret).Code })
	}
	all.Wait()
	close(codes)
	in := 0
	for code := range codes {
		if code == 200 {
			in++
		}
	}
	if in != 1 {
		t.Errorf("%d got in with one link", in)
	}
}

func TestOnlyWhoIsKnownGetsALink(t *testing.T) {
	t.Parallel()
	g := newGate(t, auth.Options{KnownOnly: true})
	if _, err := g.auth.Users().Create(g.ctx, auth.User{Email: "ann@example.com"}); err != nil {
		t.Fatal(err)
	}
	known, unknown := g.send("POST", "/auth/links", `{"email":"ann@example.com"}`), g.send("POST", "/auth/links", `{"email":"bob@example.com"}`)
	if known.Code != 202 || known.Body.String() != unknown.Body.String() || len(g.sent) != 1 {
		t.Errorf("%s, %s, %d sent", known.Body, unknown.Body, len(g.sent))
	}
}

func TestALinkGoesByEmail(t *testing.T) {
	t.Parallel()
	ctx := datatest.New(t)
	m := auth.Message{To: "ann@example.com", Link: "https://app.example.com/in?token=x", Expires: time.Now()}
	from := email.Address{Email: "app@example.com", Name: "App"}
	if err := auth.Mail(email.Open("MAIL"), from, "Sign in")(ctx, m); err != nil {
		t.Error(err)
	}
	if err := auth.Mail(email.Open("NONE"), from, "Sign in")(ctx, m); err == nil {
		t.Error("a message that went nowhere was sent")
	}
}

func TestATokenEnds(t *testing.T) {
	t.Parallel()
	key, err := clodo.HS256Key("", []byte(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		a := auth.New(auth.Options{DB: d1.Open("DB"), Key: key, Link: "https://app.example.com", Send: auth.LogMessage(nil)})
		jwt, err := key.Sign(clodo.Claims{Subject: "x", Expires: time.Now().Add(time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", "Bearer "+jwt)
		if _, err := a.Bearer()(r); err != nil {
			t.Error(err)
		}
		time.Sleep(2 * time.Hour)
		if _, err := a.Bearer()(r); err == nil {
			t.Error("a token of yesterday is taken")
		}
	})
}
