package clodotest_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/bindings/d1"
	"github.com/tamylaa/clodo/clodotest"
	"github.com/tamylaa/clodo/clodotest/internal/shop"
)

func start(t *testing.T) *clodotest.App {
	t.Helper()
	return clodotest.StartWith(t, shop.New, clodotest.Options{Dir: "testdata/shop"})
}

func TestAServiceHasWhatItsFilesSay(t *testing.T) {
	t.Parallel()
	app := start(t)
	want := []string{"EUR", `{"USD":1.1}`, "from .dev.vars"}
	if diff := cmp.Diff(want, clodotest.JSON[[]string](t, app.Get("/vars"))); diff != "" {
		t.Error(diff)
	}
}

func TestEveryTestHasItsOwnData(t *testing.T) {
	t.Parallel()
	for i := range 5 {
		t.Run(fmt.Sprint("test ", i), func(t *testing.T) {
			t.Parallel()
			app := start(t)
			name := fmt.Sprint("coffee ", i)
			res := app.Post("/items", shop.Item{Name: name})
			clodotest.Status(t, res, http.StatusCreated)
			clodotest.Status(t, app.Post("/items", shop.Item{Name: name}), http.StatusConflict)
			clodotest.Status(t, app.Post("/items", "no JSON"), http.StatusBadRequest)
			want := []shop.Item{{ID: 1, Name: `tea; "green"`}, {ID: 2, Name: name}}
			if diff := cmp.Diff(want, clodotest.JSON[[]shop.Item](t, app.Get("/items"))); diff != "" {
				t.Error(diff)
			}
			var n int
			if err := d1.Open("DB").Prepare("SELECT count(*) FROM items").First(app.Context(), &n); err != nil || n != 2 {
				t.Errorf("the test sees %d items, %v", n, err)
			}
		})
	}
}
