// Package shop is a service that the tests of clodotest test.
package shop

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"

	"github.com/tamylaa/clodo"
	"github.com/tamylaa/clodo/bindings/d1"
)

// Item is what the shop sells.
type Item struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

// New is the service.
func New() (*clodo.Router, error) {
	if os.Getenv("CURRENCY") == "" {
		return nil, errors.New("CURRENCY is not set")
	}
	app := clodo.NewRouter()
	app.Route("POST /items", create)
	app.Route("GET /items", list)
	app.HandleFunc("GET /vars", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode([]string{os.Getenv("CURRENCY"), os.Getenv("RATES"), os.Getenv("API_KEY")})
	})
	return app, nil
}

func create(w http.ResponseWriter, r *http.Request) error {
	var item Item
	if err := json.NewDecoder(r.Body).Decode(&item); err != nil {
		return &clodo.Problem{Status: http.StatusBadRequest, Code: "invalid_json"}
	}
	db := d1.Open("DB")
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
	rows, err := d1.Open("DB").Prepare("SELECT id, name FROM items ORDER BY id").Raw(r.Context())
	if err != nil {
		return err
	}
	items, err := d1.Collect(rows, func(i *Item) []any { return []any{&i.ID, &i.Name} })
	if err != nil {
		return err
	}
	return json.NewEncoder(w).Encode(items)
}
