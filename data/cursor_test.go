package data

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestACursorSaysWhatWasPutIn(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.OneOf(
			rapid.Just[any](nil), rapid.Int64().AsAny(), rapid.Float64Range(-math.MaxFloat64, math.MaxFloat64).AsAny(), rapid.String().AsAny(),
		)
		values := rapid.SliceOfN(value, 1, 5).Draw(t, "values")
		key := rapid.SliceOf(rapid.Byte()).Draw(t, "key")
		shape := rapid.Uint64().Draw(t, "shape")
		text := encodeCursor(shape, values, key)
		got, err := decodeCursor(text, shape, len(values), key)
		if err != nil || !cmp.Equal(values, got) {
			t.Fatalf("%s: %v, %v; want %v", text, got, err, values)
		}
		if _, err := decodeCursor(text, shape+1, len(values), key); err == nil {
			t.Fatal("it was taken for another list")
		}
		if _, err := decodeCursor(text, shape, len(values)+1, key); err == nil {
			t.Fatal("it was taken for a list with more columns")
		}
		if len(key) > 0 {
			i := rapid.IntRange(0, len(text)-1).Draw(t, "place of a change")
			changed := []byte(text)
			changed[i] = rapid.SampledFrom([]byte("AZaz09-_")).Draw(t, "changed to")
			if _, err := decodeCursor(string(changed), shape, len(values), key); err == nil && string(changed) != text {
				t.Fatalf("%s was taken for %s", changed, text)
			}
			if _, err := decodeCursor(encodeCursor(shape, values, nil), shape, len(values), key); err == nil {
				t.Fatal("one without a seal was taken")
			}
		}
	})
}

// Whatever is taken as a cursor means the same when it is made again.
func FuzzCursor(f *testing.F) {
	f.Add("", []byte(nil))
	f.Add(encodeCursor(7, []any{int64(-1), "ü"}, nil), []byte(nil))
	f.Add(encodeCursor(7, []any{nil, 1.5}, []byte("key")), []byte("key"))
	f.Add("AQcAAAAAAAAAc_8", []byte(nil))
	f.Fuzz(func(t *testing.T, text string, key []byte) {
		values, err := decodeCursor(text, 7, 2, key)
		if err != nil {
			return
		}
		again, err := decodeCursor(encodeCursor(7, values, key), 7, 2, key)
		if err != nil || !cmp.Equal(values, again) {
			t.Errorf("%q is %v, then %v, %v", text, values, again, err)
		}
	})
}
