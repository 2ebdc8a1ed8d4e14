package clodo_test

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/tamylaa/clodo"
	"github.com/tamylaa/clodo/services"
)

func ExampleAuthenticate() {
	key, err := clodo.HS256Key("2026-11", bytes.Repeat([]byte("secret"), 8)) // in a service: []byte(os.Getenv("JWT_SECRET"))
	if err != nil {
		log.Fatal(err)
	}
	tokens := clodo.TokenOptions{Keys: []clodo.Key{key}, Issuer: "https://auth.acme.example", Audience: "notes"}

	app := clodo.NewRouter()
	private := app.Group("", clodo.Authenticate(clodo.Bearer(tokens)))
	private.Route("GET /me", func(w http.ResponseWriter, r *http.Request) error {
		return clodo.JSON(w, http.StatusOK, clodo.IdentityOf(r.Context()).Subject)
	})
	admin := private.Group("/admin", clodo.RequireScope("notes:admin"))
	admin.Route("GET /users", func(w http.ResponseWriter, _ *http.Request) error {
		return clodo.JSON(w, http.StatusOK, []string{})
	})

	token, err := key.Sign(clodo.Claims{
		Issuer: "https://auth.acme.example", Audience: []string{"notes"}, Subject: "ann",
		Scopes: []string{"notes:read"}, Expires: time.Now().Add(15 * time.Minute),
	})
	if err != nil {
		log.Fatal(err)
	}

	for _, path := range []string{"/me", "/admin/users"} {
		for _, authorization := range []string{"", "Bearer " + token} {
			r := httptest.NewRequest("GET", path, nil)
			if authorization != "" {
				r.Header.Set("Authorization", authorization)
			}
			w := httptest.NewRecorder()
			app.ServeHTTP(w, r)
			fmt.Printf("%s %d %s.\n", path, w.Code, w.Header().Get("Www-Authenticate"))
		}
	}
	// Output:
	// /me 401 Bearer.
	// /me 200 .
	// /admin/users 401 Bearer.
	// /admin/users 403 Bearer error="insufficient_scope", scope="notes:admin".
}

func ExampleAPIKeys() {
	key, hash := clodo.NewAPIKey("acme_live_") // the key goes to its user, once; the hash is kept
	find := clodo.FixedKeys(map[string]clodo.Identity{
		hash: {Subject: "robot", Scopes: []string{"notes:read"}},
	})

	app := clodo.NewRouter()
	app.Use(clodo.Authenticate(clodo.APIKeys(find)))
	app.Route("GET /me", func(w http.ResponseWriter, r *http.Request) error {
		return clodo.JSON(w, http.StatusOK, clodo.IdentityOf(r.Context()).Subject)
	})

	r := httptest.NewRequest("GET", "/me", nil)
	r.Header.Set("X-Api-Key", key)
	w := httptest.NewRecorder()
	app.ServeHTTP(w, r)
	fmt.Print(w.Code, " ", w.Body)
	// Output: 200 "robot"
}

func ExampleNewJWKS() {
	auth := services.Open("auth", services.Options{})
	keys := clodo.NewJWKS(clodo.JWKSOptions{
		URL: "https://auth/.well-known/jwks.json", Transport: auth, Algorithms: []clodo.Algorithm{clodo.EdDSA()},
	})
	tokens := clodo.TokenOptions{KeySet: keys, Issuer: "https://auth.acme.example", Audience: "notes"}

	app := clodo.NewRouter()
	app.Use(clodo.Authenticate(clodo.Bearer(tokens)))
}

func ExamplePublicKeys() {
	key, err := clodo.EdDSAKey("2026-11", bytes.Repeat([]byte("s"), 32)) // 32 random bytes, kept as a secret
	if err != nil {
		log.Fatal(err)
	}

	app := clodo.NewRouter()
	app.Handle("GET /.well-known/jwks.json", clodo.PublicKeys(key))

	w := httptest.NewRecorder()
	app.ServeHTTP(w, httptest.NewRequest("GET", "/.well-known/jwks.json", nil))
	fmt.Print(w.Code, " ", w.Body)
	// Output: 200 {"keys":[{"kty":"OKP","kid":"2026-11","alg":"EdDSA","use":"sig","crv":"Ed25519","x":"_sFChnP2r-iSZLOAc0SuiyadElpQOFUgJofbWnEoV58"}]}
}

// A key that a database keeps, and a guard for roles.
func ExampleAPIKeys_database() {
	rows := map[string]clodo.Identity{} // a table in a service
	find := func(_ context.Context, hash string) (*clodo.Identity, error) {
		id, ok := rows[hash]
		if !ok {
			return nil, nil // nobody's key
		}
		return &id, nil
	}

	app := clodo.NewRouter()
	app.Use(clodo.Authenticate(clodo.APIKeys(find)), clodo.RequireRole("admin", "owner"))
}
