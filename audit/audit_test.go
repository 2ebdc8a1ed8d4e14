package audit

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
)

func chain(t testing.TB, n int) []Entry {
	t.Helper()
	var list []Entry
	prev := Genesis
	for i := range n {
		e, err := Seal(int64(i)+1, Event{
			Time: time.Date(2026, 11, 23, 12, 0, i, 0, time.UTC), Actor: "jo@laptop", Action: "version.upload", Release: "r_1",
			Target: "api", Detail: map[string]string{"b": "<&>", "a": fmt.Sprint(i)},
		}, prev)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, e)
		prev = e.Hash
	}
	return list
}

func TestAnUntouchedChainHolds(t *testing.T) {
	t.Parallel()
	list := chain(t, 5)
	head, err := Verify(list)
	if err != nil || head != list[4].Hash {
		t.Errorf("head %s, %v", head, err)
	}
	ev, err := list[2].Event()
	if err != nil || ev.Seq != 3 || ev.Detail["a"] != "2" {
		t.Errorf("%+v, %v", ev, err)
	}
	if head, err := Verify(nil); head != Genesis || err != nil {
		t.Errorf("empty: %s, %v", head, err)
	}
}

func TestEveryChangedByteIsFound(t *testing.T) {
	t.Parallel()
	for at := range 3 {
		for field := range 3 {
			original := chain(t, 3)
			length := len([]string{original[at].Body, original[at].Prev, original[at].Hash}[field])
			for i := range length {
				list := slices.Clone(original)
				e := &list[at]
				s := []*string{&e.Body, &e.Prev, &e.Hash}[field]
				b := []byte(*s)
				b[i] ^= 1
				*s = string(b)
				var broken *BrokenError
				if _, err := Verify(list); !errors.As(err, &broken) {
					t.Fatalf("entry %d, field %d, byte %d: not found", at, field, i)
				}
			}
		}
	}
}

func TestRemovedReorderedAndInsertedEntriesAreFound(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func([]Entry) []Entry{
		"the first removed": func(l []Entry) []Entry { return l[1:] },
		"one removed":       func(l []Entry) []Entry { return slices.Delete(l, 1, 2) },
		"two swapped": func(l []Entry) []Entry {
			l[1], l[2] = l[2], l[1]
			return l
		},
		"one twice": func(l []Entry) []Entry { return slices.Insert(l, 1, l[1]) },
		"a body resealed without its followers": func(l []Entry) []Entry {
			e, err := Seal(2, Event{Action: "nothing happened"}, l[0].Hash)
			if err != nil {
				t.Fatal(err)
			}
			l[1] = e
			return l
		},
		"another text for the same event": func(l []Entry) []Entry {
			e := &l[3]
			e.Body = " " + e.Body
			e.Hash = hash(e.Seq, e.Body, e.Prev)
			return l
		},
		"a number inside that is not its own": func(l []Entry) []Entry {
			e, err := Seal(9, Event{}, l[2].Hash)
			if err != nil {
				t.Fatal(err)
			}
			e.Seq = 4
			e.Hash = hash(e.Seq, e.Body, e.Prev)
			l[3] = e
			return l
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var broken *BrokenError
			if _, err := Verify(change(chain(t, 4))); !errors.As(err, &broken) {
				t.Errorf("not found: %v", err)
			}
		})
	}
}

// FuzzEvent: a body that is accepted is the canonical text of its event.
func FuzzEvent(f *testing.F) {
	for _, e := range chain(f, 2) {
		f.Add(e.Body)
	}
	f.Add(`{}`)
	f.Fuzz(func(t *testing.T, body string) {
		ev, err := Entry{Body: body}.Event()
		if err != nil {
			return
		}
		again, err := Seal(ev.Seq, ev, Genesis)
		if err != nil || again.Body != body && ev.Time.Equal(ev.Time.UTC().Truncate(time.Millisecond)) && ev.Time.Location() == time.UTC {
			t.Errorf("%q is accepted, and its event is written %q, %v", body, again.Body, err)
		}
	})
}
