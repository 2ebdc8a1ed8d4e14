// Package datatest gives tests databases of their own, as the local cloud has them.
package datatest

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/tamylaa/clodo/bindings/d1"
	"github.com/tamylaa/clodo/data"
	"github.com/tamylaa/clodo/internal/host"
	"github.com/tamylaa/clodo/localcloud"
)

// New is a context with the D1 database DB, which has the tables of the models, the R2
// bucket FILES, and MAIL, which sends email.
func New(t testing.TB, models ...*data.Schema) context.Context {
	t.Helper()
	stores, err := localcloud.OpenData(localcloud.DataOptions{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stores.Close(); err != nil {
			t.Error(err)
		}
	})
	bindings, err := stores.Bindings(t.Context(), localcloud.Program{Script: "test", Bindings: []json.RawMessage{
		json.RawMessage(`{"type":"d1","name":"DB","id":"one"}`), json.RawMessage(`{"type":"r2_bucket","name":"FILES","bucket_name":"files"}`),
		json.RawMessage(`{"type":"send_email","name":"MAIL"}`),
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx := host.WithBindings(t.Context(), bindings)
	for _, statement := range data.DDL(models...) {
		if _, err := d1.Open("DB").Prepare(statement).Run(ctx); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	return ctx
}
