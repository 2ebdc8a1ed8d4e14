// Package clodo is what a service in Go is made with: a router over net/http, errors
// that become problem+json answers, and handlers of cron triggers, queues and emails.
// It imports the standard library only, and runs natively and on Workers alike.
//
//	func main() {
//		app, err := clodo.New(clodo.Options{Bindings: []string{"DB"}})
//		if err != nil {
//			log.Fatal(err)
//		}
//		app.Route("GET /orders/{id}", func(w http.ResponseWriter, r *http.Request) error {
//			order, err := find(r.Context(), r.PathValue("id"))
//			if err != nil {
//				return err
//			}
//			return json.NewEncoder(w).Encode(order)
//		})
//		log.Fatal(app.Serve())
//	}
//
// What it has works alone, too: a [Router] is an [http.Handler], and its middleware
// wraps any other.
package clodo
