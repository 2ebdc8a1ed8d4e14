// A service in Go on clodo's runtime, which the bench measures.
package main

import (
	"io"
	"log"
	"net/http"

	"github.com/tamylaa/clodo"
)

func main() {
	app := clodo.NewRouter()
	app.HandleFunc("GET /hello", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, "hello\n")
	})
	log.Fatal(clodo.Serve(app))
}
