package clodo_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tamylaa/clodo"
)

// b64 is a text as a part of a token.
func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// must is for keys that tests make.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

var (
	secretKey = must(clodo.HS256Key("h1", bytes.Repeat([]byte("k"), 32)))
	edKey     = must(clodo.EdDSAKey("e1", bytes.Repeat([]byte("s"), 32)))
)

// signedBy is a token of any header and claims, with the signature that the key would
// make of them: Sign makes only tokens that are right.
func signedBy(key clodo.Key, header, claims string) string {
	whole := b64(header) + "." + b64(claims)
	signature := hmacOf(bytes.Repeat([]byte("k"), 32), whole)
	if key.ID == "e1" {
		signature = ed25519.Sign(ed25519.NewKeyFromSeed(bytes.Repeat([]byte("s"), 32)), []byte(whole))
	}
	return whole + "." + b64(string(signature))
}

func TestTokensOfTheStandardsAreVerified(t *testing.T) {
	t.Parallel()
	secret := must(base64.RawURLEncoding.DecodeString("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"))
	x := must(base64.RawURLEncoding.DecodeString("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"))
	y := must(base64.RawURLEncoding.DecodeString("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"))
	const claims = ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
	for name, test := range map[string]struct {
		key   clodo.Key
		token string
	}{
		"HS256, RFC 7515 A.1": {must(clodo.HS256Key("", secret)), "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9" + claims + "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"},
		"ES256, RFC 7515 A.3": {
			must(clodo.ES256PublicKey("", must(ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, x...), y...))))),
			"eyJhbGciOiJFUzI1NiJ9" + claims + "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
		},
	} {
		synctest.Test(t, func(t *testing.T) { // in the year 2000, when they were valid
			c, err := clodo.TokenOptions{Keys: []clodo.Key{test.key}, Issuer: "joe"}.Verify(t.Context(), test.token)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			var more struct {
				Root bool `json:"http://example.com/is_root"`
			}
			if err := c.Decode(&more); err != nil || !more.Root || !c.Expires.Equal(time.Unix(1300819380, 0)) {
				t.Errorf("%s: %+v, %+v, %v", name, c, more, err)
			}
		})
	}
}

func TestWhatAKeySignsItVerifies(t *testing.T) {
	t.Parallel()
	now := time.Now().Truncate(time.Second)
	want := clodo.Claims{
		ID: "1", Issuer: "https://auth.example", Subject: "ann", Audience: []string{"orders", "items"}, Scopes: []string{"orders:read", "orders:write"},
		Roles: []string{"admin"}, Expires: now.Add(time.Hour), NotBefore: now, IssuedAt: now,
	}
	for _, key := range []clodo.Key{secretKey, edKey} {
		token, err := key.Sign(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := clodo.TokenOptions{Keys: []clodo.Key{secretKey, edKey}, Issuer: "https://auth.example", Audience: "items"}.Verify(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&want, got, cmpopts.IgnoreUnexported(clodo.Claims{})); diff != "" {
			t.Errorf("(-signed +verified):\n%s", diff)
		}
	}
	if _, err := must(clodo.EdDSAPublicKey("e1", make([]byte, 32))).Sign(want); err == nil {
		t.Error("a public key has signed")
	}
	for name, claims := range map[string]any{"a text": "x", "nothing": nil, "a function": func() {}} {
		if token, err := secretKey.Sign(claims); err == nil {
			t.Errorf("%s was signed: %s", name, token)
		}
	}
}

func TestOnlyTokensThatAreRightAreBelieved(t *testing.T) {
	t.Parallel()
	now := time.Now().Unix()
	claims := func(change string) string {
		base := map[string]any{"sub": "ann", "iss": "us", "aud": "orders", "exp": now + 60}
		if err := json.Unmarshal([]byte("{"+change+"}"), &base); err != nil {
			t.Fatal(err)
		}
		for name, v := range base {
			if v == "-" {
				delete(base, name)
			}
		}
		return string(must(json.Marshal(base)))
	}
	const hs, ed = `{"alg":"HS256"}`, `{"alg":"EdDSA"}`
	good := signedBy(secretKey, hs, claims(""))
	body, _, _ := strings.Cut(good[strings.Index(good, ".")+1:], ".")
	public := edPublic(t)
	tests := map[string]struct {
		token string
		code  string // "" is believed
	}{
		"a right one":                            {good, ""},
		"one by the other key":                   {signedBy(edKey, ed, claims("")), ""},
		"one that names its key":                 {signedBy(edKey, `{"alg":"EdDSA","kid":"e1"}`, claims("")), ""},
		"one for several audiences":              {signedBy(secretKey, hs, claims(`"aud":["items","orders"]`)), ""},
		"one that has just expired":              {signedBy(secretKey, hs, claims(fmt.Sprintf(`"exp":%d`, now-20))), ""},
		"one of a clock that is ahead":           {signedBy(secretKey, hs, claims(fmt.Sprintf(`"iat":%d,"nbf":%d`, now+20, now+20))), ""},
		"a time with a fraction":                 {signedBy(secretKey, hs, claims(fmt.Sprintf(`"exp":%d.5`, now+60))), ""},
		"alg none":                               {b64(`{"alg":"none"}`) + "." + body + ".", "token_signature"},
		"alg none with a signature":              {signedBy(secretKey, `{"alg":"none"}`, claims("")), "token_signature"},
		"alg None":                               {b64(`{"alg":"None"}`) + "." + body + ".", "token_signature"},
		"no alg":                                 {signedBy(secretKey, `{}`, claims("")), "token_signature"},
		"another alg than the key's":             {signedBy(secretKey, `{"alg":"HS512"}`, claims("")), "token_signature"},
		"HMAC with the public key as its secret": {b64(hs) + "." + b64(claims("")) + "." + base64.RawURLEncoding.EncodeToString(hmacOf(public, b64(hs)+"."+b64(claims("")))), "token_signature"},
		"another key's id":                       {signedBy(edKey, `{"alg":"EdDSA","kid":"e2"}`, claims("")), "token_signature"},
		"no signature":                           {good[:strings.LastIndex(good, ".")+1], "token_signature"},
		"a changed claim":                        {b64(hs) + "." + b64(claims(`"sub":"bob"`)) + good[strings.LastIndex(good, "."):], "token_signature"},
		"an extension that must be known":        {signedBy(secretKey, `{"alg":"HS256","crit":["exp"]}`, claims("")), "token_unsupported"},
		"expired":                                {signedBy(secretKey, hs, claims(fmt.Sprintf(`"exp":%d`, now-31))), "token_expired"},
		"expired long ago":                       {signedBy(secretKey, hs, claims(`"exp":0`)), "token_expired"},
		"without an end":                         {signedBy(secretKey, hs, claims(`"exp":"-"`)), "token_without_end"},
		"with an end that is null":               {signedBy(secretKey, hs, claims(`"exp":null`)), "token_without_end"},
		"with an end that is a text":             {signedBy(secretKey, hs, claims(`"exp":"2100"`)), "token_malformed"},
		"with an end after the end of time":      {signedBy(secretKey, hs, claims(`"exp":1e18`)), "token_malformed"},
		"with an end before the beginning":       {signedBy(secretKey, hs, claims(`"exp":-1`)), "token_malformed"},
		"not valid yet":                          {signedBy(secretKey, hs, claims(fmt.Sprintf(`"nbf":%d`, now+100))), "token_not_yet_valid"},
		"issued in the future":                   {signedBy(secretKey, hs, claims(fmt.Sprintf(`"iat":%d`, now+100))), "token_not_yet_valid"},
		"from another issuer":                    {signedBy(secretKey, hs, claims(`"iss":"them"`)), "token_issuer"},
		"from nobody":                            {signedBy(secretKey, hs, claims(`"iss":"-"`)), "token_issuer"},
		"for another audience":                   {signedBy(secretKey, hs, claims(`"aud":"items"`)), "token_audience"},
		"for an audience that begins alike":      {signedBy(secretKey, hs, claims(`"aud":"orders2"`)), "token_audience"},
		"for nobody":                             {signedBy(secretKey, hs, claims(`"aud":"-"`)), "token_audience"},
		"claims that are a list":                 {signedBy(secretKey, hs, `[]`), "token_malformed"},
		"claims that are no JSON":                {signedBy(secretKey, hs, `{`), "token_malformed"},
		"a header that is a list":                {signedBy(secretKey, `[]`, claims("")), "token_malformed"},
		"two parts":                              {b64(hs) + "." + body, "token_malformed"},
		"four parts":                             {good + ".x", "token_malformed"},
		"five, as encrypted ones have":           {"a.b.c.d.e", "token_malformed"},
		"padded":                                 {good + "=", "token_malformed"},
		"another text for the same signature":    {sameBits(good), "token_malformed"},
		"with a break in its signature":          {good[:len(good)-5] + "\n" + good[len(good)-5:], "token_malformed"},
		"with a break in it":                     {good[:10] + "\n" + good[10:], "token_malformed"},
		"longer than any token":                  {signedBy(secretKey, hs, claims(`"x":"`+strings.Repeat("a", 9000)+`"`)), "token_malformed"},
		"empty":                                  {"", "token_malformed"},
	}
	options := clodo.TokenOptions{Keys: []clodo.Key{secretKey, edKey}, Issuer: "us", Audience: "orders"}
	h := clodo.Authenticate(clodo.Bearer(options))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "hello "+clodo.IdentityOf(r.Context()).Subject)
	}))
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := request(h, "GET", "/", "", "Authorization", "Bearer "+test.token)
			challenge := w.Header().Get("Www-Authenticate")
			switch {
			case test.code == "":
				if w.Code != 200 || w.Body.String() != "hello ann" {
					t.Errorf("%d %s", w.Code, w.Body)
				}
			case w.Code != 401 || !strings.Contains(w.Body.String(), `"code":"`+test.code+`"`) || !strings.HasPrefix(challenge, `Bearer error="invalid_token", error_description="`):
				t.Errorf("%d %s, WWW-Authenticate: %s", w.Code, w.Body, challenge)
			}
		})
	}
}

// sameBits changes the last character of a token in the bits that decoding drops.
func sameBits(token string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, token[len(token)-1])
	return token[:len(token)-1] + string(alphabet[last^1])
}

func edPublic(t *testing.T) []byte {
	t.Helper()
	w := ask(clodo.PublicKeys(edKey), "GET", "/")
	var set struct {
		Keys []struct{ X, Kid, Alg string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &set); err != nil || len(set.Keys) != 1 || set.Keys[0].Kid != "e1" || set.Keys[0].Alg != "EdDSA" {
		t.Fatalf("%s: %v", w.Body, err)
	}
	return must(base64.RawURLEncoding.DecodeString(set.Keys[0].X))
}

func TestKeysThatAreWeakAreRefused(t *testing.T) {
	t.Parallel()
	small := must(rsa.GenerateKey(rand.Reader, 1024))
	other := must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	for name, make := range map[string]func() (clodo.Key, error){
		"an empty secret":      func() (clodo.Key, error) { return clodo.HS256Key("", nil) },
		"a secret of 31 bytes": func() (clodo.Key, error) { return clodo.HS256Key("", make([]byte, 31)) },
		"a seed of 31 bytes":   func() (clodo.Key, error) { return clodo.EdDSAKey("", make([]byte, 31)) },
		"RSA of 1024 bits":     func() (clodo.Key, error) { return clodo.RS256PublicKey("", &small.PublicKey) },
		"another curve's":      func() (clodo.Key, error) { return clodo.ES256PublicKey("", &other.PublicKey) },
		"a short key of EdDSA": func() (clodo.Key, error) { return clodo.EdDSAPublicKey("", make([]byte, 31)) },
	} {
		if _, err := make(); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	for name, f := range map[string]func(){
		"no keys at all":              func() { clodo.Bearer(clodo.TokenOptions{Issuer: "us"}) },
		"a key that is none":          func() { clodo.Bearer(clodo.TokenOptions{Keys: []clodo.Key{{}}}) },
		"a secret shown to everybody": func() { clodo.PublicKeys(secretKey) },
		"keys over plain http": func() {
			clodo.NewJWKS(clodo.JWKSOptions{URL: "http://id.example/jwks", Transport: http.DefaultTransport, Algorithms: []clodo.Algorithm{clodo.EdDSA()}})
		},
		"keys for no algorithm": func() {
			clodo.NewJWKS(clodo.JWKSOptions{URL: "https://id.example/jwks", Transport: http.DefaultTransport})
		},
		"no authenticator":                      func() { clodo.Authenticate() },
		"no scope":                              func() { clodo.RequireScope() },
		"a scope that breaks out of its header": func() { clodo.RequireScope("a\"\r\nX: y") },
		"a key instead of its hash":             func() { clodo.FixedKeys(map[string]clodo.Identity{"secret": {}}) },
	} {
		if !refused(f) {
			t.Errorf("%s: it was taken", name)
		}
	}
}

// provider is an identity provider: what its keys sign and where it publishes them.
type provider struct {
	mu     sync.Mutex
	asked  int
	answer func() (*http.Response, error)
}

func (p *provider) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked++
	if r.URL.String() != "https://id.example/jwks" {
		return nil, errors.New("it was asked for " + r.URL.String())
	}
	return p.answer()
}

func keySet(status int, body string) func() (*http.Response, error) {
	return func() (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}, nil
	}
}

func TestKeysOfAProviderAreFetchedWhenTheyAreNeeded(t *testing.T) {
	t.Parallel()
	r, e := must(rsa.GenerateKey(rand.Reader, 2048)), must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	point := must(e.PublicKey.Bytes())
	set := func(ids ...string) string {
		kid := map[string]string{
			"rsa": fmt.Sprintf(`{"kty":"RSA","use":"sig","kid":"rsa","n":"%s","e":"AQAB"}`, base64.RawURLEncoding.EncodeToString(r.N.Bytes())),
			"ec": fmt.Sprintf(`{"kty":"EC","crv":"P-256","alg":"ES256","kid":"ec","x":"%s","y":"%s"}`,
				base64.RawURLEncoding.EncodeToString(point[1:33]), base64.RawURLEncoding.EncodeToString(point[33:])),
			"ed":      fmt.Sprintf(`{"kty":"OKP","crv":"Ed25519","kid":"e1","x":"%s"}`, base64.RawURLEncoding.EncodeToString(edPublic(t))),
			"enc":     fmt.Sprintf(`{"kty":"RSA","use":"enc","kid":"enc","n":"%s","e":"AQAB"}`, base64.RawURLEncoding.EncodeToString(r.N.Bytes())),
			"rubbish": `{"kty":"oct","k":"AAAA"}`,
		}
		var all []string
		for _, id := range ids {
			all = append(all, kid[id])
		}
		return `{"keys":[` + strings.Join(all, ",") + `]}`
	}
	claims := func() string { return fmt.Sprintf(`{"sub":"ann","exp":%d}`, time.Now().Unix()+3600*24) }
	tokenOf := func(header string, sign func(hash []byte) []byte) string {
		whole := b64(header) + "." + b64(claims())
		hash := sha256.Sum256([]byte(whole))
		return whole + "." + base64.RawURLEncoding.EncodeToString(sign(hash[:]))
	}
	byRSA := func(hash []byte) []byte { return must(rsa.SignPKCS1v15(nil, r, crypto.SHA256, hash)) }
	byEC := func(hash []byte) []byte {
		x, y, err := ecdsa.Sign(rand.Reader, e, hash)
		if err != nil {
			t.Fatal(err)
		}
		return append(x.FillBytes(make([]byte, 32)), y.FillBytes(make([]byte, 32))...)
	}
	synctest.Test(t, func(t *testing.T) {
		p := &provider{answer: keySet(200, set("rubbish", "enc", "rsa", "ec"))}
		options := clodo.TokenOptions{KeySet: clodo.NewJWKS(clodo.JWKSOptions{
			URL: "https://id.example/jwks", Transport: p, Algorithms: []clodo.Algorithm{clodo.RS256(), clodo.ES256(), clodo.EdDSA()},
		})}
		status := func(token string) int {
			t.Helper()
			_, err := options.Verify(t.Context(), token)
			var problem *clodo.Problem
			switch {
			case err == nil:
				return 200
			case errors.As(err, &problem):
				return problem.Status
			}
			t.Fatal(err)
			return 0
		}
		see := func(what string, token string, want, asked int) {
			t.Helper()
			if got := status(token); got != want || p.asked != asked {
				t.Errorf("%s: %d, want %d; the provider was asked %d times, want %d", what, got, want, p.asked, asked)
			}
		}
		rs, es := tokenOf(`{"alg":"RS256","kid":"rsa"}`, byRSA), tokenOf(`{"alg":"ES256","kid":"ec"}`, byEC)
		new := signedBy(edKey, `{"alg":"EdDSA","kid":"e1"}`, claims())
		see("RS256", rs, 200, 1)
		see("ES256", es, 200, 1)
		see("a key that is for something else", tokenOf(`{"alg":"RS256","kid":"enc"}`, byRSA), 401, 1)
		see("one without an id", tokenOf(`{"alg":"RS256"}`, byRSA), 200, 1)
		see("an algorithm that is not the key's", tokenOf(`{"alg":"RS256","kid":"ec"}`, byEC), 401, 1)
		p.answer = keySet(200, set("rsa", "ec", "ed"))
		see("a key that is new, too soon", new, 401, 1)
		time.Sleep(30 * time.Second)
		see("a key that is new", new, 200, 2)
		for range 5 {
			see("a key that nobody knows", signedBy(edKey, `{"alg":"EdDSA","kid":"other"}`, claims()), 401, 2)
		}
		time.Sleep(10 * time.Minute)
		p.answer = keySet(500, "")
		see("an old set, the provider being down", rs, 200, 3)
		see("which is not asked for each token", rs, 200, 3)
		time.Sleep(time.Hour)
		see("when it is too old", rs, 503, 4)
		see("nor is it then", rs, 503, 4)
		time.Sleep(30 * time.Second)
		p.answer = keySet(200, set("ec"))
		see("a key that was withdrawn", rs, 401, 5)
		see("one that was not", es, 200, 5)
		for name, bad := range map[string]string{
			"no JSON": "<html>", "no keys": `{}`, "no useful key": set("rubbish", "enc"), "more than is reasonable": `{"keys":[],"x":"` + strings.Repeat("a", 300<<10) + `"}`,
			"a small key": `{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}`, "a point that is not on the curve": `{"keys":[{"kty":"EC","crv":"P-256","x":"` + strings.Repeat("A", 43) + `","y":"` + strings.Repeat("A", 43) + `"}]}`,
		} {
			p.answer = keySet(200, bad)
			fresh := clodo.NewJWKS(clodo.JWKSOptions{URL: "https://id.example/jwks", Transport: p, Algorithms: []clodo.Algorithm{clodo.RS256(), clodo.ES256()}})
			if keys, err := fresh.Keys(t.Context(), ""); err == nil {
				t.Errorf("%s gave %d keys", name, len(keys))
			}
		}
	})
}

func FuzzToken(f *testing.F) {
	exp := time.Now().Add(time.Hour)
	f.Add(must(secretKey.Sign(clodo.Claims{Subject: "ann", Expires: exp})))
	f.Add(must(edKey.Sign(clodo.Claims{Subject: "ann", Expires: exp})))
	for _, s := range []string{"", "..", "a.b.c", b64(`{"alg":"none"}`) + "." + b64(`{"exp":9e9}`) + ".", b64(`{"alg":"HS256","crit":[]}`) + "..", "\xff.\xff.\xff"} {
		f.Add(s)
	}
	options := clodo.TokenOptions{Keys: []clodo.Key{secretKey, edKey}}
	f.Fuzz(func(t *testing.T, token string) {
		c, err := options.Verify(t.Context(), token)
		var p *clodo.Problem
		if err != nil && (!errors.As(err, &p) || p.Status != 401) {
			t.Errorf("%v", err)
		}
		if err == nil && c.Subject != "ann" {
			t.Errorf("forged: %+v", c)
		}
	})
}
