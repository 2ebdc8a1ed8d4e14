package clodotest_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo"
	"github.com/tamylaa/clodo/bindings/d1"
	"github.com/tamylaa/clodo/bindings/kv"
	"github.com/tamylaa/clodo/clodotest"
	"github.com/tamylaa/clodo/clodotest/internal/shop"
	"github.com/tamylaa/clodo/internal/npmtest"
)

// options are those of the tests: the service in testdata, and one that it calls.
func options() clodotest.Options {
	return clodotest.Options{
		Dir: "testdata/shop", Host: "www.shop.example", Secrets: map[string]string{"press": "s3cret"},
		Services: map[string]http.Handler{"prices": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, r.Host, " ", r.URL.RequestURI())
		})},
	}
}

func TestAServiceRunsNatively(t *testing.T) {
	t.Parallel()
	whole(t, clodotest.StartWith(t, shop.New, options()))
}

func TestTheSameServiceRunsOnWorkerd(t *testing.T) {
	t.Parallel()
	npmtest.Workerd(t)
	o := options()
	o.Runtime = clodotest.Workerd
	whole(t, clodotest.StartWith(t, shop.New, o))
}

// whole is what an App can do.
func whole(t *testing.T, app *clodotest.App) {
	t.Helper()
	t.Run("it has what its files say", func(t *testing.T) {
		want := []string{"EUR", `{"USD":1.1}`, "from .dev.vars"}
		if diff := cmp.Diff(want, clodotest.JSON[[]string](t, app.Get("/vars"))); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("the test has its variables, too", func(t *testing.T) {
		if got := os.Getenv("CURRENCY") + " " + os.Getenv("API_KEY"); got != "EUR from .dev.vars" {
			t.Error(got)
		}
	})
	t.Run("its database has the migrations, and the test sees it", func(t *testing.T) {
		clodotest.Status(t, app.Post("/items", shop.Item{Name: "coffee"}), http.StatusCreated)
		clodotest.Status(t, app.Post("/items", shop.Item{Name: "coffee"}), http.StatusConflict)
		clodotest.Status(t, app.Post("/items", "no JSON"), http.StatusBadRequest)
		want := []shop.Item{{ID: 1, Name: `tea; "green"`}, {ID: 2, Name: "coffee"}}
		if diff := cmp.Diff(want, clodotest.JSON[[]shop.Item](t, app.Get("/items"))); diff != "" {
			t.Error(diff)
		}
		var n int
		if err := d1.Open("DB").Prepare("SELECT count(*) FROM items").First(app.Context(), &n); err != nil || n != 2 {
			t.Errorf("the test sees %d items, %v", n, err)
		}
	})
	t.Run("it reads the Secrets Store", func(t *testing.T) {
		if got := clodotest.Body(t, app.Get("/keys/PRESS_KEY")); got != "s3cret" {
			t.Error(got)
		}
		if got := clodotest.Body(t, app.Get("/keys/LOST_KEY")); !strings.Contains(got, `Secret \"lost\" not found`) {
			t.Error(got)
		}
	})
	t.Run("it is asked by its host", func(t *testing.T) {
		if got := clodotest.Body(t, app.Get("/host")); got != "www.shop.example" {
			t.Error(got)
		}
		res, err := app.Client().Get("http://anything.example/host")
		if err != nil {
			t.Fatal(err)
		}
		if got := clodotest.Body(t, res); got != "www.shop.example" {
			t.Error(got)
		}
	})
	t.Run("it calls the services of the test", func(t *testing.T) {
		if got := clodotest.Body(t, app.Get("/price")); got != "prices.example /tea?in=EUR" {
			t.Error(got)
		}
		if got := clodotest.Body(t, app.Get("/far")); got != "prices.localhost /tea?in=EUR" {
			t.Error(got)
		}
	})
	t.Run("a cron trigger fires", func(t *testing.T) {
		if err := app.Scheduled("0 * * * *"); err != nil {
			t.Error(err)
		}
		if got, err := kv.Open("COUNTS").GetText(app.Context(), "cron"); got != "0 * * * *" || err != nil {
			t.Errorf("%q %v", got, err)
		}
		if err := app.Scheduled("1 1 1 1 *"); err == nil {
			t.Error("the handler failed, and nobody said so")
		}
	})
	t.Run("email and messages that it sends are seen", func(t *testing.T) { outgoing(t, app) })
	t.Run("messages are delivered", func(t *testing.T) {
		d := app.Deliver("orders", shop.Item{Name: "milk"}, "no JSON")
		if diff := cmp.Diff(clodotest.Delivery{Acked: []int{0}, Retried: []int{1}}, d, cmp.Comparer(func(a, b error) bool { return errors.Is(a, b) })); diff != "" {
			t.Error(diff)
		}
		if _, err := kv.Open("COUNTS").Get(app.Context(), "order/milk"); err != nil {
			t.Error(err)
		}
	})
}

// outgoing is what an App has sent and got, of email and messages.
func outgoing(t *testing.T, app *clodotest.App) {
	t.Helper()
	clodotest.Status(t, app.Post("/orders", nil), http.StatusAccepted)
	if got := app.Queued("orders"); len(got) != 1 || string(got[0]) != `{"id":0,"name":"tea"}` {
		t.Errorf("the queue has %q", got)
	}
	got := app.SentEmails()
	if len(got) != 1 || got[0].Subject != "Your tea" || got[0].From != "shop@shop.example" || !strings.Contains(string(got[0].Raw), "soon") {
		t.Errorf("sent: %+v", got)
	}
	message := "From: ada@example.com\r\nMessage-ID: <1@example.com>\r\nSubject: %s\r\n\r\ntext\r\n"
	if diff := cmp.Diff(clodotest.Received{Forwarded: []string{"owner@shop.example"}}, app.Receive("ada@example.com", "shop@shop.example", fmt.Appendf(nil, message, "tea"))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(clodotest.Received{Rejected: "no, thanks"}, app.Receive("ada@example.com", "shop@shop.example", fmt.Appendf(nil, message, "spam"))); diff != "" {
		t.Error(diff)
	}
}

func TestEveryTestHasItsOwnData(t *testing.T) {
	t.Parallel()
	for i := range 5 {
		t.Run(fmt.Sprint("test ", i), func(t *testing.T) {
			t.Parallel()
			app := clodotest.StartWith(t, shop.New, options())
			clodotest.Status(t, app.Post("/items", shop.Item{Name: fmt.Sprint("coffee ", i)}), http.StatusCreated)
			if n := len(clodotest.JSON[[]shop.Item](t, app.Get("/items"))); n != 2 {
				t.Errorf("%d items", n)
			}
		})
	}
}

// fake is a test that notes how it failed.
type fake struct {
	testing.TB
	said string
}

func (f *fake) Helper()        {}
func (f *fake) Cleanup(func()) {}

func (f *fake) Fatalf(format string, a ...any) {
	f.said = fmt.Sprintf(format, a...)
	panic(f)
}

// failure is what f told a test before it ended it.
func failure(t *testing.T, f func(testing.TB)) string {
	t.Helper()
	told := &fake{TB: t}
	func() {
		defer func() { _ = recover() }()
		f(told)
	}()
	return told.said
}

func TestWhatIsWrongFailsTheTestAndSaysSo(t *testing.T) {
	t.Parallel()
	app := clodotest.StartWith(t, shop.New, options())
	for _, c := range []struct {
		name string
		do   func(testing.TB)
		want string
	}{
		{"another status", func(tb testing.TB) { clodotest.Status(tb, app.Get("/host"), 404) }, "GET /host: status 200, want 404: www.shop.example"},
		{"no JSON", func(tb testing.TB) { clodotest.JSON[int](tb, app.Get("/host")) }, "the answer is no int: "},
		{"no success", func(tb testing.TB) { clodotest.JSON[int](tb, app.Get("/none")) }, "status 404: "},
		{"a folder without files", func(tb testing.TB) {
			clodotest.StartWith(tb, shop.New, clodotest.Options{Dir: t.TempDir()})
		}, "clodotest: "},
		{"a service that is not there", func(tb testing.TB) {
			clodotest.StartWith(tb, shop.New, clodotest.Options{Dir: "testdata/shop", Service: "none"})
		}, `clodotest: "none" is in the folder of no service; services are: shop`},
		{"a service that does not start", func(tb testing.TB) {
			clodotest.StartWith(tb, func() (*clodo.App, error) { return nil, errors.New("out of order") }, options())
		}, "clodotest: starting shop: out of order"},
		{"a runtime that there is not", func(tb testing.TB) {
			clodotest.StartWith(tb, shop.New, clodotest.Options{Dir: "testdata/shop", Runtime: "moon"})
		}, `clodotest: the runtime "moon" is neither "native" nor "workerd"; see CLODO_TEST`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := failure(t, c.do); !strings.HasPrefix(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func TestAnAppIsAServiceOfAnother(t *testing.T) {
	t.Parallel()
	first := clodotest.StartWith(t, shop.New, options())
	clodotest.Status(t, first.Post("/items", shop.Item{Name: "coffee"}), http.StatusCreated)
	o := options()
	o.Services["prices"] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.URL.Path, r.URL.RawQuery = "/items", ""
		first.ServeHTTP(w, r)
	})
	second := clodotest.StartWith(t, shop.New, o)
	if got := len(clodotest.JSON[[]shop.Item](t, second.Get("/price"))); got != 2 {
		t.Errorf("the other service has %d items; it sees other data than its own", got)
	}
}
