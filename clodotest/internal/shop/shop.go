// Package shop is a service that the tests of clodotest test.
package shop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/tamylaa/clodo"
	"github.com/tamylaa/clodo/bindings/d1"
	"github.com/tamylaa/clodo/bindings/email"
	"github.com/tamylaa/clodo/bindings/kv"
	"github.com/tamylaa/clodo/bindings/queue"
	"github.com/tamylaa/clodo/bindings/secret"
	"github.com/tamylaa/clodo/bindings/service"
)

var (
	db     = d1.Open("DB")
	counts = kv.Open("COUNTS")
	mails  = email.Open("MAIL")
	orders = queue.Open("ORDERS")
	prices = service.Open("PRICES")
)

// Item is what the shop sells.
type Item struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

// New is the service.
func New() (*clodo.App, error) {
	app, err := clodo.New(clodo.Options{Variables: []string{"CURRENCY"}, Bindings: []string{"DB"}})
	if err != nil {
		return nil, err
	}
	app.Route("POST /items", create)
	app.Route("GET /items", list)
	app.Route("GET /price", price)
	app.Route("GET /far", far)
	app.Route("POST /orders", order)
	app.HandleFunc("GET /vars", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode([]string{os.Getenv("CURRENCY"), os.Getenv("RATES"), os.Getenv("API_KEY")})
	})
	app.Route("GET /keys/{binding}", func(w http.ResponseWriter, r *http.Request) error {
		key, err := secret.Get(r.Context(), r.PathValue("binding"))
		if err != nil {
			return &clodo.Problem{Status: http.StatusNotFound, Detail: err.Error()}
		}
		_, err = fmt.Fprint(w, key)
		return err
	})
	app.HandleFunc("GET /host", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Host) })
	app.HandleFunc("GET /panic", func(http.ResponseWriter, *http.Request) { panic("a mistake") })
	app.Scheduled("0 * * * *", func(ctx context.Context, e clodo.ScheduledEvent) error {
		return counts.PutText(ctx, "cron", e.Cron, kv.PutOptions{})
	})
	app.Scheduled("1 1 1 1 *", func(context.Context, clodo.ScheduledEvent) error { return errors.New("not today") })
	app.Queue("orders", func(ctx context.Context, b *clodo.Batch) error {
		for _, m := range b.Messages {
			var item Item
			if err := m.Decode(&item); err != nil {
				m.Retry(0)
				continue
			}
			if err := counts.PutText(ctx, "order/"+item.Name, "1", kv.PutOptions{}); err != nil {
				return err
			}
			m.Ack()
		}
		return nil
	})
	app.Email(func(ctx context.Context, e *clodo.Email) error {
		if e.Header.Get("Subject") == "spam" {
			e.Reject("no, thanks")
			return nil
		}
		return e.Forward(ctx, "owner@shop.example", nil)
	})
	return app, nil
}

func create(w http.ResponseWriter, r *http.Request) error {
	var item Item
	if err := json.NewDecoder(r.Body).Decode(&item); err != nil {
		return &clodo.Problem{Status: http.StatusBadRequest, Code: "invalid_json"}
	}
	meta, err := db.Prepare("INSERT INTO items(name) VALUES(?)").Bind(item.Name).Run(r.Context())
	if refused := (*d1.Error)(nil); errors.As(err, &refused) && refused.Code() == d1.CodeUnique {
		return &clodo.Problem{Status: http.StatusConflict, Code: "duplicate"}
	}
	if err != nil {
		return err
	}
	item.ID = meta.LastRowID
	w.WriteHeader(http.StatusCreated)
	return json.NewEncoder(w).Encode(item)
}

func list(w http.ResponseWriter, r *http.Request) error {
	rows, err := db.Prepare("SELECT id, name FROM items ORDER BY id").Raw(r.Context())
	if err != nil {
		return err
	}
	items, err := d1.Collect(rows, func(i *Item) []any { return []any{&i.ID, &i.Name} })
	if err != nil {
		return err
	}
	return json.NewEncoder(w).Encode(items)
}

// far asks for a price at a hostname, as where there is no service binding.
func far(w http.ResponseWriter, r *http.Request) error {
	req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, "http://prices.localhost/tea?in=EUR", nil)
	if err != nil {
		return err
	}
	res, err := clodo.Fetch(r.Context(), req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, err = io.Copy(w, res.Body)
	return err
}

func price(w http.ResponseWriter, r *http.Request) error {
	req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, "https://prices.example/tea?in=EUR", nil)
	if err != nil {
		return err
	}
	res, err := prices.RoundTrip(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, err = io.Copy(w, res.Body)
	return err
}

func order(w http.ResponseWriter, r *http.Request) error {
	if err := orders.Send(r.Context(), queue.JSON(Item{Name: "tea"})); err != nil {
		return err
	}
	_, err := mails.Send(r.Context(), email.Message{From: email.Address{Email: "shop@shop.example"}, To: []string{"ada@example.com"}, Subject: "Your tea", Text: "soon"})
	if err != nil {
		return err
	}
	clodo.WaitUntil(r.Context(), func(ctx context.Context) { _ = counts.PutText(ctx, "ordered", "1", kv.PutOptions{}) })
	w.WriteHeader(http.StatusAccepted)
	return nil
}
