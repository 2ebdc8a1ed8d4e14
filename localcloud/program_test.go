package localcloud

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/tamylaa/clodo/bindings/d1"
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
