// A service in Go on clodo's runtime, which the bench measures.
package main

import (
	"encoding/json"
	"io"
	"log"
	"net/http"

	"github.com/tamylaa/clodo"
	"github.com/tamylaa/clodo/bindings/d1"
)

var find = d1.Open("DB").Prepare("SELECT id, name, email FROM users WHERE id = ?")

func user(w http.ResponseWriter, r *http.Request) error {
	var u struct {
		ID    int    `json:"id"`
		Name  string `json:"name"`
		Email string `json:"email"`
	}
	if err := find.Bind(1).First(r.Context(), &u.ID, &u.Name, &u.Email); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(u)
}

func main() {
	app := clodo.NewRouter()
	app.HandleFunc("GET /hello", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, "hello\n")
	})
	app.Route("GET /d1", user)
	log.Fatal(clodo.Serve(app))
}
