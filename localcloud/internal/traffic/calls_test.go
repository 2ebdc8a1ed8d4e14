package traffic

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestWhatIsPackedIsUnpacked(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		type one struct {
			At      int64
			Numbers [3]int64
		}
		var p packed
		var want, got []one
		for range rapid.IntRange(1, 20).Draw(t, "entries") {
			e := one{At: rapid.Int64Range(0, 1<<52).Draw(t, "at")}
			for i := range e.Numbers {
				e.Numbers[i] = rapid.Int64().Draw(t, "number")
			}
			p.add(e.At, e.Numbers[:]...)
			want = append(want, e)
		}
		err := unpack(p.first, p.entries, 3, func(at int64, n []int64) error {
			got = append(got, one{at, [3]int64(n)})
			return nil
		})
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Fatalf("%v (-packed +unpacked):\n%s", err, diff)
		}
	})
}

func FuzzUnpack(f *testing.F) {
	var p packed
	p.add(7, 1, 2, 3)
	f.Add(p.entries)
	f.Add([]byte{0x80})
	f.Fuzz(func(t *testing.T, entries []byte) {
		stop := errors.New("enough")
		n := 0
		err := unpack(0, entries, 3, func(int64, []int64) error {
			if n++; n > len(entries) {
				return stop
			}
			return nil
		})
		if errors.Is(err, stop) {
			t.Error("there are more entries than bytes")
		}
	})
}
