package localcloud

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/tamylaa/clodo/internal/npmtest"
)

func TestACloudIsSavedWhileItServesAndComesBack(t *testing.T) {
	t.Parallel()
	npmtest.Workerd(t)
	dir := t.TempDir()
	c := start(t, Options{Dir: dir, Seed: Seed{Zones: []string{"shop.example"}}})
	r := remote{t, c.Info()}
	var database struct{ UUID string }
	fatal(t, json.Unmarshal(r.do("POST", "/client/v4/accounts/{a}/d1/database", map[string]string{"name": "db"}), &database))
	var namespace struct{ ID string }
	fatal(t, json.Unmarshal(r.do("POST", "/client/v4/accounts/{a}/storage/kv/namespaces", map[string]string{"title": "kv"}), &namespace))
	r.deploy("web", counter, fmt.Sprintf(`,"bindings":[{"name":"DB","type":"d1","id":%q},{"name":"KV","type":"kv_namespace","namespace_id":%q},{"name":"COUNTER","type":"durable_object_namespace","class_name":"Counter"}],"migrations":{"new_tag":"v1","new_sqlite_classes":["Counter"]}`, database.UUID, namespace.ID))
	if got := r.get("web", "/"); got != "visits 1, counter 1, fired null" {
		t.Fatalf("before: %q", got)
	}
	// Who asks meanwhile waits, and gets an answer.
	ctx, stop := context.WithCancel(t.Context())
	var asking sync.WaitGroup
	asked := 0
	asking.Go(func() {
		for ctx.Err() == nil {
			if got := r.get("web", "/"); !strings.HasPrefix(got, "visits ") {
				t.Errorf("while it was saved: %q", got)
			}
			asked++
		}
	})
	var first, second bytes.Buffer
	err := Save(t.Context(), dir, &first)
	stop()
	asking.Wait()
	fatal(t, err)
	fatal(t, c.Save(t.Context(), &second))
	want := fmt.Sprintf("visits %d, counter %d, fired null", asked+2, asked+2)
	if got := r.get("web", "/"); got != want {
		t.Errorf("after it was saved: %q, want %q", got, want)
	}
	if err := Restore(dir, bytes.NewReader(second.Bytes())); code(err) != "L103" {
		t.Errorf("restoring a running cloud: %v", err)
	}

	// What was saved last, in another folder, goes on where it was.
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	fatal(t, Restore(elsewhere, bytes.NewReader(second.Bytes())))
	again := start(t, Options{Dir: elsewhere})
	restored := remote{t, again.Info()}
	if restored.info.APIToken != r.info.APIToken || restored.info.AccountID != r.info.AccountID || len(restored.info.Zones) != 1 {
		t.Errorf("it is %+v, was %+v", restored.info, r.info)
	}
	if got := restored.get("web", "/"); got != want {
		t.Errorf("restored: %q, want %q", got, want)
	}
	left, err := filepath.Glob(filepath.Join(dir, "saving-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("what was saved is left behind: %v, %v", left, err)
	}
}

func TestASaveAfterWhichTheCloudDoesNotGoOnLeavesNoFile(t *testing.T) {
	t.Parallel()
	dir, opened := t.TempDir(), 0
	c := start(t, Options{Dir: dir, workers: func(c *Cloud) (workers, error) {
		if opened++; opened > 1 {
			return nil, errors.New("no memory is left")
		}
		return newWorkers(c)
	}})
	if err := c.Save(t.Context(), io.Discard); err == nil || !strings.Contains(err.Error(), "no memory is left") {
		t.Errorf("saving: %v", err)
	}
	<-c.Stopped() // it ends
	if left, err := filepath.Glob(filepath.Join(dir, "saving-*")); err != nil || len(left) > 0 {
		t.Errorf("what was saved is left behind: %v, %v", left, err)
	}
}

func TestAStoppedCloudIsSavedAndReplaced(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	serve := func(do func(*Cloud)) {
		c, err := Start(t.Context(), local(Options{Dir: dir}))
		fatal(t, err)
		do(c)
		end(t, c)
	}
	zones := func(want ...string) {
		t.Helper()
		serve(func(c *Cloud) {
			if got := c.Info().Zones; strings.Join(got, " ") != strings.Join(want, " ") {
				t.Errorf("zones are %v, want %v", got, want)
			}
		})
	}
	serve(func(c *Cloud) { fatal(t, c.Extend(t.Context(), Seed{Zones: []string{"first.example"}})) })
	var saved bytes.Buffer
	fatal(t, Save(t.Context(), dir, &saved))
	serve(func(c *Cloud) { fatal(t, c.Extend(t.Context(), Seed{Zones: []string{"second.example"}})) })

	damaged := bytes.Clone(saved.Bytes())
	damaged[len(damaged)/2] ^= 1
	for name, b := range map[string][]byte{"a damaged file": damaged, "half a file": saved.Bytes()[:saved.Len()/2], "another file": []byte("photo")} {
		if err := Restore(dir, bytes.NewReader(b)); code(err) != "L111" {
			t.Errorf("%s: %v", name, err)
		}
	}
	zones("first.example", "second.example") // nothing was touched
	fatal(t, Restore(dir, bytes.NewReader(saved.Bytes())))
	zones("first.example")
	if beside, err := os.ReadDir(filepath.Dir(dir)); err != nil || len(beside) != 1 {
		t.Errorf("beside the folder there are %v, %v", beside, err)
	}

	other := t.TempDir()
	fatal(t, os.WriteFile(filepath.Join(other, "thesis.txt"), nil, 0o600))
	if err := Restore(other, bytes.NewReader(saved.Bytes())); code(err) != "L105" {
		t.Errorf("restoring over something else: %v", err)
	}
	if err := Save(t.Context(), other, &saved); code(err) != "L105" {
		t.Errorf("saving something else: %v", err)
	}
}
