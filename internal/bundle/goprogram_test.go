package bundle

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/project"
)

func TestEventsThatAProgramDoesNotHandleAreNamed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module small\n\ngo 1.26.0\n",
		// What is imported stands for what package clodo imports.
		"main.go": "package main\n\n//go:wasmimport clodo handles_queue\nfunc handlesQueue()\n\nfunc main() { handlesQueue() }\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	w := project.Worker{
		Name: "small", Dir: dir, File: "wrangler.jsonc",
		Crons: []project.Value[string]{{V: "0 4 * * *"}}, QueueConsumers: []project.QueueConsumer{{Queue: "orders"}},
	}
	w.Main.V = "main.go"
	built, err := Bundle(t.Context(), &w, dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range built.Warnings {
		got = append(got, f.Code+" "+f.Message)
	}
	if diff := cmp.Diff([]string{"B129 cron triggers fire, which the program does not handle"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
