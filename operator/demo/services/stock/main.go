// What is left on the shelf: a service in Go that asks one in TypeScript.
package main

import (
	"log"
	"net/http"

	"github.com/tamylaa/clodo"
	"github.com/tamylaa/clodo/services"
)

// orders is reached through the service binding in wrangler.jsonc.
var orders = services.Open("orders", services.Options{})

const delivered = 100 // of each item

func main() {
	app, err := clodo.New(clodo.Options{})
	if err != nil {
		log.Fatal(err)
	}
	app.Use(clodo.RequestID, clodo.Log(nil), clodo.Recover(nil))
	app.Route("GET /stock/{item}", left)
	app.Handle("GET /health", clodo.Health())
	log.Fatal(app.Serve())
}

type order struct {
	Item  string `json:"item"`
	Count int    `json:"count"`
}

func left(w http.ResponseWriter, r *http.Request) error {
	list, err := services.Call[[]order](r.Context(), orders, services.Request{Path: "/orders"})
	if err != nil {
		return err
	}
	item, n := r.PathValue("item"), delivered
	for _, o := range list {
		if o.Item == item {
			n -= o.Count
		}
	}
	return clodo.JSON(w, http.StatusOK, map[string]any{"item": item, "left": n})
}
