package localcloud

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"testing"

	"github.com/tamylaa/clodo/bindings/d1"
	"github.com/tamylaa/clodo/bindings/kv"
	"github.com/tamylaa/clodo/bindings/service"
	"github.com/tamylaa/clodo/internal/host"
)

// program is a context with the bindings of a Worker without workerd.
func program(t *testing.T, p Program) context.Context {
	t.Helper()
	d, err := OpenData(DataOptions{Dir: t.TempDir()})
	fatal(t, err)
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	b, err := d.Bindings(t.Context(), p)
	fatal(t, err)
	return host.WithBindings(t.Context(), b)
}

func TestAProgramHasItsWorkersBindings(t *testing.T) {
	t.Parallel()
	ctx := program(t, Program{Script: "p", Bindings: []json.RawMessage{json.RawMessage(`{"type":"d1","name":"DB","id":"one"}`)}})
	db := d1.Open("DB")
	_, err := db.Exec(ctx, "CREATE TABLE t(a)")
	fatal(t, err)
	meta, err := db.Prepare("INSERT INTO t VALUES(?)").Bind("x").Run(ctx)
	fatal(t, err)
	var a string
	if err := db.Prepare("SELECT a FROM t").First(ctx, &a); err != nil || a != "x" || meta.Changes != 1 {
		t.Errorf("%q, %+v, %v", a, meta, err)
	}
	if err := d1.Open("NONE").Prepare("SELECT 1").First(ctx, &a); err == nil || err.Error() != "d1 NONE: the Worker has no binding NONE" {
		t.Error(err)
	}
}

func TestABindingIsUsedAsWhatItIs(t *testing.T) {
	t.Parallel()
	ctx := program(t, Program{Script: "p", Bindings: []json.RawMessage{
		json.RawMessage(`{"type":"d1","name":"DB","id":"one"}`),
		json.RawMessage(`{"type":"service","name":"OTHER","service":"other"}`),
		json.RawMessage(`{"type":"hyperdrive","name":"HYPER","id":"1"}`),
	}})
	_, err := kv.Open("DB").Get(ctx, "a")
	if want := "kv DB: the binding DB is of the type d1, which is not used as kv"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "/", nil)
	fatal(t, err)
	_, err = service.Open("OTHER").RoundTrip(r)
	if want := `service OTHER: the Worker "other", which the binding OTHER names, is not running here`; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	if _, err := kv.Open("HYPER").Get(ctx, "a"); err == nil {
		t.Error("a binding of a kind that is not there was used")
	}
}

func TestDataThatIsClosedSaysSo(t *testing.T) {
	t.Parallel()
	d, err := OpenData(DataOptions{Dir: t.TempDir()})
	fatal(t, err)
	b, err := d.Bindings(t.Context(), Program{Script: "p", Bindings: []json.RawMessage{json.RawMessage(`{"type":"kv_namespace","name":"KV","namespace_id":"1"}`)}})
	fatal(t, err)
	_, err = kv.Open("KV").Get(host.WithBindings(t.Context(), b), "a")
	if !errors.Is(err, kv.ErrNotFound) {
		t.Error(err)
	}
	fatal(t, d.Close())
	if _, err := kv.Open("KV").Get(host.WithBindings(t.Context(), b), "a"); err == nil || err.Error() != "kv KV: the data is closed" {
		t.Error(err)
	}
}
