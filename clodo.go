// Package clodo is what a service in Go is made with: a router over net/http, and
// errors that become problem+json answers. It imports the standard library only, and
// runs natively and on Workers alike.
//
//	app := clodo.NewRouter()
//	app.Route("GET /orders/{id}", func(w http.ResponseWriter, r *http.Request) error {
//		order, err := find(r.Context(), r.PathValue("id"))
//		if err != nil {
//			return err
//		}
//		return json.NewEncoder(w).Encode(order)
//	})
//	http.ListenAndServe("127.0.0.1:8080", app)
package clodo
