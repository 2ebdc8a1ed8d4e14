package store_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/localcloud/internal/store"
)

func open(t *testing.T, dir string) *store.Store {
	t.Helper()
	s, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEverythingSurvivesARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	now := time.Now().UTC().Truncate(time.Microsecond)
	s := open(t, dir)
	digest, size, err := s.Blobs.Write(strings.NewReader("export default {}"))
	if err != nil || size != 17 {
		t.Fatalf("Write: %d bytes, %v", size, err)
	}
	account := store.Account{ID: "a1", Name: "shop", Subdomain: "shop", CreatedOn: now}
	version := store.Version{ID: "v1", Account: "a1", Script: "web", Number: 1, CreatedOn: now, Modules: []store.Module{{Name: "index.js", Blob: digest, Size: size}}}
	err = s.Write(t.Context(), func(tx *store.Tx) error {
		return errors.Join(
			tx.PutAccount(account), tx.AddZone(store.Zone{ID: "z1", Account: "a1", Name: "shop.example"}),
			tx.PutScript(store.Script{Account: "a1", Name: "web"}), tx.AddVersion(version),
			tx.AddDeployment(store.Deployment{ID: "d1", Account: "a1", Script: "web", Versions: []store.Share{{Version: "v1", Percentage: 100}}}),
		)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s = open(t, dir)
	defer s.Close()
	err = s.Read(t.Context(), func(tx *store.Tx) error {
		got, err := tx.LatestVersion("a1", "web")
		if diff := cmp.Diff(version, got); diff != "" {
			t.Errorf("the version changed (-want +got):\n%s", diff)
		}
		accounts, err2 := tx.Accounts()
		if diff := cmp.Diff([]store.Account{account}, accounts); diff != "" {
			t.Errorf("the accounts changed (-want +got):\n%s", diff)
		}
		active, err3 := tx.ActiveDeployment("a1", "web")
		if active.ID != "d1" {
			t.Errorf("the active deployment is %q, want d1", active.ID)
		}
		return errors.Join(err, err2, err3)
	})
	if err != nil {
		t.Error(err)
	}
}

func TestAChangeIsInvisibleUntilItIsWhole(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	defer s.Close()
	stop := errors.New("stop")
	err := s.Write(t.Context(), func(tx *store.Tx) error {
		if err := tx.PutAccount(store.Account{ID: "a1"}); err != nil {
			return err
		}
		// A reader beside the change neither waits nor sees it.
		err := s.Read(t.Context(), func(tx *store.Tx) error {
			if _, err := tx.Account("a1"); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("a reader sees a change in progress: %v", err)
			}
			return nil
		})
		return errors.Join(err, stop)
	})
	if !errors.Is(err, stop) {
		t.Fatalf("Write: %v", err)
	}
	err = s.Read(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Account("a1")
		return err
	})
	if !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a failed change was kept: %v", err)
	}
}

func TestTakenNamesAreTold(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	defer s.Close()
	tests := map[string]func(*store.Tx) error{
		"a zone of another account": func(tx *store.Tx) error {
			return errors.Join(tx.AddZone(store.Zone{ID: "z1", Account: "a1", Name: "x.example"}), tx.AddZone(store.Zone{ID: "z2", Account: "a2", Name: "x.example"}))
		},
		"a route pattern": func(tx *store.Tx) error {
			return errors.Join(tx.PutRoute(store.Route{ID: "r1", Zone: "z", Pattern: "x.example/*"}), tx.PutRoute(store.Route{ID: "r2", Zone: "z", Pattern: "x.example/*"}))
		},
		"a database name": func(tx *store.Tx) error {
			return errors.Join(tx.PutDatabase(store.Database{ID: "1", Account: "a", Name: "db"}), tx.PutDatabase(store.Database{ID: "2", Account: "a", Name: "db"}))
		},
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			if err := s.Write(context.Background(), change); !errors.Is(err, store.ErrExists) {
				t.Errorf("got %v, want ErrExists", err)
			}
		})
	}
}

func TestOnlyTheBytesOfVersionsStay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	kept, _, errA := s.Blobs.Write(strings.NewReader("of a version"))
	gone, _, errB := s.Blobs.Write(strings.NewReader("of a refused upload"))
	err := s.Write(t.Context(), func(tx *store.Tx) error {
		return tx.AddVersion(store.Version{ID: "v", Account: "a", Script: "w", Number: 1, Modules: []store.Module{{Blob: kept}}})
	})
	if err := errors.Join(errA, errB, err, s.Close()); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	defer s.Close()
	if f, err := s.Blobs.Open(kept); err != nil {
		t.Errorf("the version's bytes are gone: %v", err)
	} else if err := f.Close(); err != nil {
		t.Error(err)
	}
	if _, err := s.Blobs.Open(gone); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the refused bytes are there: %v", err)
	}
}

func TestSecretsAreForTheOwnerOnly(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no modes")
	}
	dir := t.TempDir()
	s := open(t, dir)
	defer s.Close()
	if err := s.Write(t.Context(), func(tx *store.Tx) error { return tx.PutAccount(store.Account{ID: "a"}) }); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", e.Name(), info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestTheSameBytesAreOneBlob(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	defer s.Close()
	a, _, errA := s.Blobs.Write(strings.NewReader("same"))
	b, _, errB := s.Blobs.Write(strings.NewReader("same"))
	if errors.Join(errA, errB) != nil || a != b {
		t.Errorf("got %q and %q: %v", a, b, errors.Join(errA, errB))
	}
}
