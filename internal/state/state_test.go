package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/tamylaa/clodo/audit"
	"github.com/tamylaa/clodo/deploy"
	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/project"
)

func store(t *testing.T) *Store {
	t.Helper()
	return at(t, filepath.Join(t.TempDir(), Folder))
}

func at(t *testing.T, dir string) *Store {
	t.Helper()
	s := New(dir)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func release(id string, outcome deploy.Outcome) deploy.Release {
	api := project.TargetID{Service: "api", Environment: "production"}
	return deploy.Release{
		ID: id, Kind: deploy.KindDeploy, Message: "why", By: deploy.Holder{User: "jo", Host: "laptop", PID: 1}, Started: time.Now().UTC().Truncate(time.Millisecond),
		Plan:    deploy.Plan{ID: "p_1", Hash: "h", Targets: []deploy.TargetPlan{{Target: api}}},
		Targets: []deploy.TargetRecord{{Target: api, Script: deploy.Script{Name: "api-production"}, Outcome: outcome}},
	}
}

func code(err error) string {
	var de *diag.Error
	if errors.As(err, &de) {
		return de.Code
	}
	return ""
}

func TestLookingLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	s := store(t)
	for what, err := range map[string]error{
		"releases": second(s.Releases(t.Context(), 10)), "unfinished": second(s.Unfinished(t.Context())), "steps": second(s.Steps(t.Context(), "r")), "journal": second(s.Journal(t.Context())),
	} {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := os.Stat(s.Dir()); !errors.Is(err, os.ErrNotExist) {
		t.Error("the folder was made")
	}
}

func second[T any](_ T, err error) error { return err }

func TestReleasesComeBackAsTheyWereSaved(t *testing.T) {
	t.Parallel()
	s := store(t)
	first, next := release("r_1", deploy.Running), release("r_2", deploy.Released)
	for _, r := range []deploy.Release{first, next} {
		if err := s.SaveRelease(t.Context(), r, audit.Event{Action: "release.begin"}); err != nil {
			t.Fatal(err)
		}
	}
	note := deploy.StepNote{Release: "r_1", Target: first.Targets[0].Target, Step: deploy.StepUpload, State: deploy.Started, At: first.Started}
	if err := s.SaveStep(t.Context(), note, deploy.Lease{}); err != nil {
		t.Fatal(err)
	}
	again := at(t, s.Dir()) // another process
	list, err := again.Releases(t.Context(), 10)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]deploy.Release{next, first}, list); diff != "" {
		t.Error(diff)
	}
	open, err := again.Unfinished(t.Context())
	if diff := cmp.Diff([]deploy.Release{first}, open); err != nil || diff != "" {
		t.Error(err, diff)
	}
	if list, err := again.Releases(t.Context(), 1); err != nil || len(list) != 1 || list[0].ID != "r_2" {
		t.Errorf("the newest: %v, %v", list, err)
	}
	notes, err := again.Steps(t.Context(), "r_1")
	if err != nil || !cmp.Equal(notes, []deploy.StepNote{note}) {
		t.Errorf("steps: %v, %v", notes, err)
	}
	if info, err := os.Stat(s.path()); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("state.db: %v, %v", info.Mode(), err)
	}
	ignore, err := os.ReadFile(filepath.Join(s.Dir(), ".gitignore"))
	if err != nil || !strings.Contains(string(ignore), "\n*\n") {
		t.Errorf(".gitignore: %q, %v", ignore, err)
	}
}

func TestTheJournalIsWrittenWithTheChangeOrNotAtAll(t *testing.T) {
	t.Parallel()
	s := store(t)
	r := release("r_1", deploy.Running)
	if err := s.SaveRelease(t.Context(), r, audit.Event{Action: "release.begin"}); err != nil {
		t.Fatal(err)
	}
	stale := deploy.Lease{Resource: "worker:/api", Epoch: 7}
	err := s.SaveTarget(t.Context(), "r_1", r.Targets[0], stale, audit.Event{Action: "target.released"})
	if !errors.Is(err, deploy.ErrConflict) {
		t.Errorf("a write with a lost lease: %v", err)
	}
	unknown := r.Targets[0]
	unknown.Target.Service = "web"
	if err := s.SaveTarget(t.Context(), "r_1", unknown, deploy.Lease{}, audit.Event{Action: "target.released"}); !errors.Is(err, deploy.ErrNotFound) {
		t.Errorf("a target that is not in the release: %v", err)
	}
	journal, err := s.Journal(t.Context())
	if err != nil || len(journal) != 1 {
		t.Fatalf("journal: %v, %v", journal, err)
	}
	var wg sync.WaitGroup
	for i := range 8 { // two handles, as two processes have
		other := at(t, s.Dir())
		wg.Go(func() {
			for range 5 {
				if err := other.Append(context.Background(), audit.Event{Action: fmt.Sprint(i)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	journal, err = s.Journal(t.Context())
	if err != nil || len(journal) != 41 {
		t.Fatalf("%d entries, %v", len(journal), err)
	}
	if _, err := audit.Verify(journal); err != nil {
		t.Error(err)
	}
}

func TestALeaseHasOneHolder(t *testing.T) {
	t.Parallel()
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	gone := exec.Command(os.Args[0], "-test.run=^$")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	unwaited := exec.Command(os.Args[0], "-test.run=^$")
	if err := unwaited.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unwaited.Wait(); err != nil {
			t.Error(err)
		}
	})
	for end := time.Now().Add(10 * time.Second); runtime.GOOS == "linux" && alive(unwaited.Process.Pid) && time.Now().Before(end); {
		runtime.Gosched()
	}
	me := deploy.Holder{User: "jo", Host: host, PID: os.Getpid(), Release: "r_1"}
	tests := []struct {
		name   string
		holder deploy.Holder
		ttl    time.Duration
		free   bool
	}{
		{"a living holder on this machine keeps it", me, time.Minute, false},
		{"a holder on another machine keeps it", deploy.Holder{User: "ann", Host: "elsewhere", PID: 1}, time.Minute, false},
		{"a dead holder on this machine loses it at once", deploy.Holder{User: "jo", Host: host, PID: gone.Process.Pid}, time.Minute, true},
		{"a dead holder that nobody waited for loses it at once", deploy.Holder{User: "jo", Host: host, PID: unwaited.Process.Pid}, time.Minute, runtime.GOOS == "linux"},
		{"a lease that ran out is free", me, -time.Second, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := store(t).Leases()
			old, err := l.Acquire(t.Context(), "worker:/api", tt.holder, tt.ttl)
			if err != nil {
				t.Fatal(err)
			}
			lease, err := at(t, l.Dir()).Leases().Acquire(t.Context(), "worker:/api", me, time.Minute)
			var held *deploy.HeldError
			switch {
			case tt.free && (err != nil || lease.Epoch != old.Epoch+1):
				t.Errorf("lease %+v, %v", lease, err)
			case !tt.free && (!errors.As(err, &held) || held.Holder != tt.holder || time.Since(held.Since) > time.Minute):
				t.Errorf("error: %v", err)
			}
			if !tt.free {
				return
			}
			if _, err := l.Renew(t.Context(), old, time.Minute); !errors.Is(err, deploy.ErrConflict) {
				t.Errorf("the old holder renewed: %v", err)
			}
			if err := l.Leases().Release(t.Context(), old); err != nil {
				t.Error(err)
			}
			if _, err := l.Acquire(t.Context(), "worker:/api", me, time.Minute); !errors.As(err, &held) {
				t.Errorf("the old holder gave the new lease away: %v", err)
			}
			if err := l.Leases().Release(t.Context(), lease); err != nil {
				t.Error(err)
			}
			if _, err := l.Acquire(t.Context(), "worker:/api", me, time.Minute); err != nil {
				t.Errorf("after release: %v", err)
			}
		})
	}
}

func TestOfManyAtOnceExactlyOneGetsTheLease(t *testing.T) {
	t.Parallel()
	s := store(t)
	var mu sync.Mutex
	got := 0
	var wg sync.WaitGroup
	for i := range 16 {
		l := at(t, s.Dir()).Leases()
		wg.Go(func() {
			_, err := l.Acquire(context.Background(), "worker:/api", deploy.Holder{User: "u", Host: "h", PID: i}, time.Minute)
			var held *deploy.HeldError
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				got++
			} else if !errors.As(err, &held) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got != 1 {
		t.Errorf("%d holders", got)
	}
}

func TestArtifactsAreVerifiedWhenTheyAreRead(t *testing.T) {
	t.Parallel()
	s := store(t)
	digest, err := s.Put(t.Context(), []byte("export default {}"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Put(t.Context(), []byte("export default {}")); err != nil {
		t.Errorf("twice: %v", err)
	}
	if b, err := s.Get(t.Context(), digest); err != nil || string(b) != "export default {}" {
		t.Errorf("%q, %v", b, err)
	}
	if err := os.WriteFile(s.blob(digest), []byte("export default []"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(t.Context(), digest); code(err) != "D324" {
		t.Errorf("a changed artifact: %v", err)
	}
	for _, name := range []string{"", "../../etc/passwd", strings.Repeat("a", 64)} {
		if _, err := s.Get(t.Context(), name); !errors.Is(err, deploy.ErrNotFound) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestAFolderThatCannotBeUsedIsExplained(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, want string
		make       func(t *testing.T, dir string)
	}{
		{"a file is in the way", "D320", func(t *testing.T, dir string) {
			t.Helper()
			put(t, dir, "")
		}},
		{"the database is not one", "D324", func(t *testing.T, dir string) {
			t.Helper()
			put(t, filepath.Join(dir, "state.db"), strings.Repeat("garbage ", 1000))
		}},
		{"a newer clodo wrote it", "D323", func(t *testing.T, dir string) {
			t.Helper()
			s := at(t, dir)
			if err := s.Append(t.Context(), audit.Event{}); err != nil {
				t.Fatal(err)
			}
			if _, err := s.db.Exec("UPDATE clodo_meta SET value = '99'"); err != nil {
				t.Fatal(err)
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), Folder)
			tt.make(t, dir)
			if err := at(t, dir).Append(t.Context(), audit.Event{}); code(err) != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAFullDiskIsExplainedAndLosesNothing(t *testing.T) {
	t.Parallel()
	s := store(t)
	if err := s.Append(t.Context(), audit.Event{Action: "first"}); err != nil {
		t.Fatal(err)
	}
	// SQLite reports a full disk also when a database reaches its largest size.
	var pages int
	if err := s.db.QueryRow("PRAGMA page_count").Scan(&pages); err != nil {
		t.Fatal(err)
	}
	s.db.SetMaxOpenConns(1)
	if _, err := s.db.Exec(fmt.Sprintf("PRAGMA max_page_count = %d", pages)); err != nil {
		t.Fatal(err)
	}
	err := s.Append(t.Context(), audit.Event{Action: "too big", Detail: map[string]string{"x": strings.Repeat("y", 1<<20)}})
	if code(err) != "D321" {
		t.Errorf("got %v", err)
	}
	journal, err := at(t, s.Dir()).Journal(t.Context())
	if err != nil || len(journal) != 1 {
		t.Errorf("journal: %v, %v", journal, err)
	}
}

// sqliteError is an error with a result code of SQLite.
type sqliteError int

func (e sqliteError) Error() string { return fmt.Sprintf("disk I/O error (%d)", int(e)) }
func (e sqliteError) Code() int     { return int(e) }

func TestAFullDiskIsToldApartFromAFolderThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		err  error
		want string
	}{
		"the database cannot grow":                         {sqliteError(13), "D321"},
		"the index of the write-ahead log cannot grow":     {sqliteError(4874), "D321"},
		"a write that the system refuses for want of room": {errors.Join(sqliteError(778), syscall.ENOSPC), "D321"},
		"a write that the system refuses":                  {sqliteError(778), "D320"},
		"a database that may only be read":                 {sqliteError(1032), "D320"},
	} {
		if err := store(t).explain(fmt.Errorf("write the journal: %w", tt.err)); code(err) != tt.want {
			t.Errorf("%s: got %v, want %s", name, err, tt.want)
		}
	}
}

func TestTheDatabaseIsSetUpToSurviveAPowerCut(t *testing.T) {
	t.Parallel()
	s := store(t)
	db, err := s.Handle(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, h := range []*sql.DB{db, s.db} {
		var journal string
		var sync, keys int
		for query, into := range map[string]any{"PRAGMA journal_mode": &journal, "PRAGMA synchronous": &sync, "PRAGMA foreign_keys": &keys} {
			if err := h.QueryRow(query).Scan(into); err != nil {
				t.Fatal(err)
			}
		}
		if journal != "wal" || sync != 2 || keys != 1 {
			t.Errorf("journal_mode %s, synchronous %d, foreign_keys %d", journal, sync, keys)
		}
	}
}

func TestManyOpenANewFolderAtOnce(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), Folder)
	var g errgroup.Group
	for range 40 {
		g.Go(func() error {
			s := New(dir) // a handle of its own, as another process has
			err := s.Append(t.Context(), audit.Event{Actor: "jo@laptop", Action: "test"})
			return errors.Join(err, s.Close())
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	s := New(dir)
	entries, err := s.Journal(t.Context())
	if err != nil || len(entries) != 40 {
		t.Errorf("%d entries, %v", len(entries), err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
