//go:build !windows

package durable_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/tamylaa/clodo/deploy"
	"github.com/tamylaa/clodo/deploy/deploytest"
	"github.com/tamylaa/clodo/flow"
	"github.com/tamylaa/clodo/internal/durable"
	"github.com/tamylaa/clodo/internal/state"
	"github.com/tamylaa/clodo/project"
)

// This proof kills a real process (SIGKILL) that releases with the durable engine and
// the real state folder, before and after every step, and lets a new process resume.
// The account is a file. Without CLODO_PROOF=full every fourth moment is tried; with
// it all of them, and 40 kills at random times.
func full() bool { return os.Getenv("CLODO_PROOF") == "full" }

// childEnv makes the test program be the process that releases: its value is the
// folder, killEnv the moment to die at (0 never).
const (
	childEnv = "CLODO_TEST_RELEASE_IN"
	killEnv  = "CLODO_TEST_KILL_AT"
)

func TestMain(m *testing.M) {
	dir := os.Getenv(childEnv)
	if dir == "" {
		os.Exit(m.Run())
	}
	n, err := strconv.Atoi(os.Getenv(killEnv))
	if err == nil {
		err = child(dir, n)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// child releases the target in dir, or goes on with what another process left. It
// prints the number of moments that it went through.
func child(dir string, killAt int) error {
	ctx := context.Background()
	account, err := deploytest.Open(filepath.Join(dir, "account"))
	if err != nil {
		return err
	}
	store := state.New(filepath.Join(dir, state.Folder))
	p := account.Ports()
	source := &deploytest.Source{Code: map[string]string{"api": "v1"}}
	p.Builder, p.Secrets, p.Observer = source, source, &deploytest.Events{}
	p.Blobs, p.Recorder, p.History, p.Leases = store, store, store, store.Leases()
	moments := 0
	moment := func() {
		if moments++; moments == killAt {
			if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
				panic(err)
			}
			select {}
		}
	}
	host, err := os.Hostname() // by which the next process sees that this one is dead
	if err != nil {
		return err
	}
	d := deploy.New(p, deploy.Options{
		By: deploy.Holder{User: "jo", Host: host, PID: os.Getpid()},
		Engine: func(ctx context.Context, release string, set *flow.Set) (flow.Engine, error) {
			for name, step := range set.Steps {
				set.Steps[name] = func(ctx context.Context, in json.RawMessage) (json.RawMessage, error) {
					moment()
					defer moment()
					return step(ctx, in)
				}
			}
			db, err := store.Handle(ctx)
			if err != nil {
				return nil, err
			}
			return durable.New(ctx, set, durable.Options{DB: db, Scope: release})
		},
	})
	list, err := store.Releases(ctx, 1)
	if err != nil {
		return err
	}
	if len(list) > 0 {
		_, err = d.Resume(ctx, "")
	} else {
		var c deploy.Checked
		id := project.TargetID{Service: "api"}
		t := project.Target{
			TargetID: id, Root: dir, Health: project.HealthCheck{Timeout: time.Second},
			Domains: []project.Value[string]{{V: "api.example.com"}},
			Worker: project.Worker{
				Name: "api", Crons: []project.Value[string]{{V: "0 1 * * *"}},
				Bindings: []project.Binding{{Kind: "d1", Name: "DB", Resource: "shop", MigrationsDir: filepath.Join(dir, "migrations")}},
			},
		}
		if c, err = d.Plan(ctx, []project.Target{t}, []deploy.Wave{{Targets: []project.TargetID{id}}}); err == nil {
			_, err = d.Deploy(ctx, c)
		}
	}
	fmt.Println(moments)
	return errors.Join(err, store.Close())
}

// place is a folder for one run, with two migrations.
func place(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"0001_a.sql": "CREATE TABLE a (x);", "0002_b.sql": "INSERT INTO a VALUES (1);"} {
		path := filepath.Join(dir, "migrations", name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.MkdirAll(filepath.Join(dir, "account"), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// spawn runs child in a process of its own; after, if positive, kills it then.
func spawn(t *testing.T, dir string, killAt int, after time.Duration) (out string, killed bool) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	if after > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, after)
		defer cancel()
	}
	cmd := exec.CommandContext(ctx, exe) // which kills with SIGKILL
	cmd.Env = append(os.Environ(), childEnv+"="+dir, killEnv+"="+strconv.Itoa(killAt))
	cmd.Stderr = os.Stderr
	raw, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signaled() {
		return "", true
	}
	// A process that was done when its time was up is not an error.
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("release: %v", err)
	}
	return string(raw), false
}

// check is that the release ended, once.
func check(t *testing.T, dir, what string) {
	t.Helper()
	account, err := deploytest.Open(filepath.Join(dir, "account"))
	if err != nil {
		t.Fatal(err)
	}
	s := account.State
	w := s.Workers["api"]
	if w == nil || len(w.Versions) != 1 || len(w.Deployments) != 1 || len(s.Databases) != 1 || len(s.Domains) != 1 || len(w.Crons) != 1 || w.WorkersDev {
		t.Errorf("%s: lost or double: %+v", what, s)
		return
	}
	rows, err := account.Database("", s.Databases[0].ID).Query(t.Context(), "SELECT (SELECT count(*) FROM a) AS rows, count(*) AS files FROM d1_migrations")
	if err != nil || fmt.Sprint(rows) != "[map[files:2 rows:1]]" {
		t.Errorf("%s: database: %v, %v", what, rows, err)
	}
	store := state.New(filepath.Join(dir, state.Folder))
	list, err := store.Releases(t.Context(), 10)
	if err != nil || len(list) != 1 || list[0].Targets[0].Outcome != deploy.Released {
		t.Errorf("%s: releases: %+v, %v", what, list, err)
	}
	if err := store.Close(); err != nil {
		t.Error(err)
	}
}

func TestAReleaseSurvivesKillMinusNineAtAnyStep(t *testing.T) {
	t.Parallel()
	dir := place(t)
	out, _ := spawn(t, dir, 0, 0)
	check(t, dir, "undisturbed")
	var moments int
	if _, err := fmt.Sscan(out, &moments); err != nil || moments < 10 {
		t.Fatalf("%d moments: %v", moments, err)
	}
	every := 4
	if full() {
		every = 1
	}
	for n := 1; n <= moments; n += every {
		t.Run(fmt.Sprintf("moment %d of %d", n, moments), func(t *testing.T) {
			dir := place(t)
			if _, killed := spawn(t, dir, n, 0); !killed {
				t.Fatal("it was not killed")
			}
			if store := state.New(filepath.Join(dir, state.Folder)); unfinished(t, store) {
				spawn(t, dir, 0, 0)
			}
			check(t, dir, "resumed")
		})
	}
}

func unfinished(t *testing.T, s *state.Store) bool {
	t.Helper()
	list, err := s.Releases(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	return len(list) == 0 || list[0].Targets[0].Outcome == deploy.Running
}

func TestAReleaseSurvivesKillMinusNineAtRandomTimes(t *testing.T) {
	t.Parallel()
	cases := 3
	if full() {
		cases = 40
	}
	for i := range cases {
		dir := place(t)
		for round := 0; ; round++ {
			after := time.Duration(20+rand.IntN(200)) * time.Millisecond
			if round == 8 {
				after = 0
			}
			if _, killed := spawn(t, dir, 0, after); !killed {
				break
			}
			if store := state.New(filepath.Join(dir, state.Folder)); !unfinished(t, store) {
				break
			}
		}
		check(t, dir, fmt.Sprint("random ", i))
	}
}
