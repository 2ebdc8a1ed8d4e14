package store_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/tamylaa/clodo/localcloud/internal/store"
)

func TestTheDirectoryKnowsEveryChangeThatHasReturned(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	see := func() *store.Directory {
		t.Helper()
		d, err := s.Directory(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	change := func(fn func(*store.Tx) error) {
		t.Helper()
		if err := s.Write(t.Context(), fn); err != nil {
			t.Fatal(err)
		}
	}
	if d := see(); len(d.Accounts) != 0 || d != see() {
		t.Errorf("an empty store has %+v, and reads it again", d)
	}
	change(func(tx *store.Tx) error {
		return errors.Join(tx.PutAccount(store.Account{ID: "a"}), tx.PutToken(store.Token{Value: "t"}), tx.AddZone(store.Zone{ID: "z", Name: "z.example"}))
	})
	d := see()
	_, err := d.Account("a")
	_, err2 := d.Token("t")
	if z, err3 := d.Zone("z"); errors.Join(err, err2, err3) != nil || z.Name != "z.example" || len(d.Accounts) != 1 || len(d.Zones) != 1 {
		t.Errorf("what was added is missing: %+v", d)
	}
	if _, err := d.Zone("y"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("an unknown zone: %v", err)
	}
	change(func(tx *store.Tx) error { return tx.PutZone(store.Zone{ID: "z", Name: "z.example", Paused: true}) })
	if z, _ := see().Zone("z"); !z.Paused {
		t.Error("an edited zone is the old one")
	}
	before := see()
	change(func(tx *store.Tx) error { return tx.PutSetting("x", 1) })
	if see() != before {
		t.Error("a change of something else reads everything again")
	}
	refused := errors.New("no")
	if err := s.Write(t.Context(), func(tx *store.Tx) error { return errors.Join(tx.PutAccount(store.Account{ID: "b"}), refused) }); !errors.Is(err, refused) {
		t.Fatal(err)
	}
	if len(see().Accounts) != 1 {
		t.Error("a change that was taken back is there")
	}
	change(func(tx *store.Tx) error { return tx.DeleteZone(store.Zone{ID: "z"}) })
	if len(see().Zones) != 0 {
		t.Error("a deleted zone is there")
	}
	change(func(tx *store.Tx) error { return tx.AddZone(store.Zone{ID: "z", Name: "z.example"}) })
	change(func(tx *store.Tx) error { return tx.Clear() })
	if len(see().Zones) != 0 {
		t.Error("a zone is there after all was cleared")
	}
}

func TestWhoWroteFindsItInTheDirectory(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			for n := range 15 {
				value := fmt.Sprintf("%d-%d", worker, n)
				if err := s.Write(t.Context(), func(tx *store.Tx) error { return tx.PutToken(store.Token{Value: value}) }); err != nil {
					t.Error(err)
					return
				}
				d, err := s.Directory(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := d.Token(value); err != nil {
					t.Errorf("the token that was just made: %v", err)
				}
			}
		})
	}
	all.Wait()
}
