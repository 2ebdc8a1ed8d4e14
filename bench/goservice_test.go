package main

import (
	"bytes"
	"compress/gzip"
	"path/filepath"
	"testing"

	"github.com/tamylaa/clodo/internal/bundle"
	"github.com/tamylaa/clodo/project"
)

// helloBudget is what the smallest service may be when it is packed; 1.72 MB is
// measured.
const helloBudget = 1.76e6

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
		var packed bytes.Buffer
		g, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := g.Write(m.Bytes); err != nil || g.Close() != nil {
			t.Fatal(err)
		}
		t.Logf("%d bytes, %d packed", len(m.Bytes), packed.Len())
		if packed.Len() > helloBudget {
			t.Errorf("a hello has %d bytes packed, more than %.0f; who has made it so large?", packed.Len(), helloBudget)
		}
		return
	}
	t.Error("nothing was built")
}
