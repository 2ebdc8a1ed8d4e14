package main

import (
	"bytes"
	"compress/gzip"
	"path/filepath"
	"testing"

	"github.com/tamylaa/clodo/internal/bundle"
	"github.com/tamylaa/clodo/project"
)

// smallBudget is what a service with one query may be when it is packed; 1.74 MB is
// measured.
const smallBudget = 1.77e6

func TestASmallServiceStaysSmall(t *testing.T) {
	t.Parallel()
	dir, err := filepath.Abs("testdata/goservice/clodo")
	if err != nil {
		t.Fatal(err)
	}
	w := project.Worker{Name: "hello", Dir: dir, File: "wrangler.jsonc"}
	w.Main.V = "main.go"
	built, err := bundle.Bundle(t.Context(), &w, dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range built.Modules {
		if m.ContentType != bundle.TypeWasm {
			continue
		}
		// The shim exports handlers of what a program imports a function for.
		if bytes.Contains(m.Bytes, []byte("handles_queue")) {
			t.Error("it handles queues")
		}
		var packed bytes.Buffer
		g, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := g.Write(m.Bytes); err != nil || g.Close() != nil {
			t.Fatal(err)
		}
		t.Logf("%d bytes, %d packed", len(m.Bytes), packed.Len())
		if packed.Len() > smallBudget {
			t.Errorf("it has %d bytes packed, more than %.0f; who has made it so large?", packed.Len(), smallBudget)
		}
		return
	}
	t.Error("nothing was built")
}
