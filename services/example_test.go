package services_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/tamylaa/clodo"
	"github.com/tamylaa/clodo/services"
)

// Order is what the service answers with.
type Order struct {
	ID    string `json:"id"`
	Total int    `json:"total"`
}

var orders = services.Open("orders", services.Options{})

func Example() {
	app := clodo.NewRouter()
	app.Use(clodo.RequestID)
	app.Route("GET /receipts/{order}", func(w http.ResponseWriter, r *http.Request) error {
		order, err := services.Call[Order](r.Context(), orders, services.Request{
			Path: "/orders/" + url.PathEscape(r.PathValue("order")),
		})
		var failed *services.Error
		if errors.As(err, &failed) && failed.Status == http.StatusNotFound {
			return clodo.Errorf(404, "order_not_found", "There is no order %s.", r.PathValue("order"))
		}
		if err != nil {
			return err // 502, 503 or 504
		}
		return clodo.JSON(w, http.StatusOK, order)
	})

	// In a test, what stands in for the other service:
	standIn := transport(func(r *http.Request) (*http.Response, error) {
		if r.URL.Path == "/orders/7" {
			return answer(200, `{"id":"7","total":1200}`), nil
		}
		return answer(404, `{}`), nil
	})
	for _, id := range []string{"7", "8"} {
		r := httptest.NewRequest("GET", "/receipts/"+id, nil)
		w := httptest.NewRecorder()
		app.ServeHTTP(w, r.WithContext(services.With(r.Context(), "orders", standIn)))
		fmt.Println(w.Code, strings.TrimSpace(w.Body.String()))
	}
	// Output:
	// 200 {"id":"7","total":1200}
	// 404 {"title":"Not Found","status":404,"detail":"There is no order 8.","code":"order_not_found"}
}

func ExampleClient_Do() {
	app := clodo.NewRouter()
	app.Route("POST /orders", func(w http.ResponseWriter, r *http.Request) error {
		res, err := orders.Do(r.Context(), services.Request{
			Method: "POST", Path: "/orders", Body: Order{Total: 1200},
			Header: http.Header{"Idempotency-Key": {clodo.RequestIDOf(r.Context())}}, // so that it may be repeated
		})
		if err != nil {
			return err
		}
		defer res.Body.Close()
		w.Header().Set("Location", res.Header.Get("Location"))
		w.WriteHeader(http.StatusCreated)
		return nil
	})
}
