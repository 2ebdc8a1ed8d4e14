package r2

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tamylaa/clodo/localcloud/internal/clock"
	"github.com/tamylaa/clodo/localcloud/internal/pieces"
)

// Whatever is put, read, listed and deleted, in whichever order, the store answers as
// a map would.
func TestAStoreIsAMap(t *testing.T) {
	t.Parallel()
	s, runs := newStore(t, &clock.Clock{}), 0
	rapid.Check(t, func(rt *rapid.T) {
		runs++
		bucket := fmt.Sprint("bucket-", runs)
		check(t, s.CreateBucket(t.Context(), bucket))
		model := map[string]string{}
		key := rapid.StringMatching(`[a/é]{1,4}`)
		value := rapid.Custom(func(t *rapid.T) string {
			return strings.Repeat(rapid.StringN(1, 5, -1).Draw(t, "text"), rapid.SampledFrom([]int{0, 1, 7, inlineMax / 2, inlineMax + 1}).Draw(t, "times"))
		})
		rt.Repeat(map[string]func(*rapid.T){
			"put": func(rt *rapid.T) {
				k, v := key.Draw(rt, "key"), value.Draw(rt, "value")
				if _, err := s.Put(t.Context(), bucket, k, strings.NewReader(v), PutOptions{}); err != nil {
					rt.Fatal(err)
				}
				model[k] = v
			},
			"put what is not there": func(rt *rapid.T) {
				k, v := key.Draw(rt, "key"), value.Draw(rt, "value")
				_, err := s.Put(t.Context(), bucket, k, strings.NewReader(v), PutOptions{OnlyIf: &Condition{NoneMatch: []ETag{{Any: true}}}})
				if _, there := model[k]; there != errors.Is(err, ErrPreconditionFailed) {
					rt.Fatalf("%q is there: %t, but %v", k, there, err)
				} else if !there {
					model[k] = v
				}
			},
			"upload in one part": func(rt *rapid.T) {
				k, v := key.Draw(rt, "key"), value.Draw(rt, "value")
				id, err := s.CreateUpload(t.Context(), bucket, k, Settings{})
				if err != nil {
					rt.Fatal(err)
				}
				number := rapid.IntRange(1, MaxParts).Draw(rt, "number")
				etag, err := s.PutPart(t.Context(), bucket, k, id, number, strings.NewReader(v), nil)
				if err != nil {
					rt.Fatal(err)
				}
				if rapid.Bool().Draw(rt, "aborted") {
					err = s.AbortUpload(t.Context(), bucket, k, id)
				} else if _, err = s.CompleteUpload(t.Context(), bucket, k, id, []Part{{number, etag}}); err == nil {
					model[k] = v
				}
				if err != nil {
					rt.Fatal(err)
				}
			},
			"delete": func(rt *rapid.T) {
				keys := rapid.SliceOfN(key, 0, 3).Draw(rt, "keys")
				if err := s.Delete(t.Context(), bucket, keys...); err != nil {
					rt.Fatal(err)
				}
				for _, k := range keys {
					delete(model, k)
				}
			},
			"get": func(rt *rapid.T) {
				k := key.Draw(rt, "key")
				want, there := model[k]
				from := rapid.Int64Range(0, 2*inlineMax).Draw(rt, "from")
				r, err := s.Get(t.Context(), bucket, k, GetOptions{Span: &Span{Offset: &from}})
				switch {
				case !there && !errors.Is(err, ErrNoSuchKey), there && from >= int64(len(want)) && !errors.Is(err, ErrInvalidRange):
					rt.Fatalf("%q with %d bytes from %d: %v", k, len(want), from, err)
				case !there || from >= int64(len(want)):
					return
				case err != nil:
					rt.Fatal(err)
				}
				defer r.Close()
				var b strings.Builder
				if _, err := r.WriteTo(&b); err != nil || b.String() != want[from:] {
					rt.Fatalf("%q from %d is %d bytes, want %d: %v", k, from, b.Len(), len(want)-int(from), err)
				}
			},
			"list": func(rt *rapid.T) {
				o := ListOptions{
					Prefix: rapid.StringMatching(`[a/é]{0,2}`).Draw(rt, "prefix"), Delimiter: rapid.SampledFrom([]string{"", "/", "a/"}).Draw(rt, "delimiter"),
					StartAfter: rapid.StringMatching(`[a/é]{0,2}`).Draw(rt, "after"), Limit: rapid.IntRange(1, 4).Draw(rt, "limit"),
				}
				if diff := cmp.Diff(listed(model, o), allPages(rt, s, bucket, o)); diff != "" {
					rt.Fatalf("%+v (-model +store):\n%s", o, diff)
				}
			},
		})
		check(t, s.DestroyBucket(t.Context(), bucket))
	})
	if n := s.countPieces(t); n != 0 {
		t.Errorf("%d files are left", n)
	}
}

// listed is what lists of a map are: its keys, or the prefixes that stand for them.
func listed(model map[string]string, o ListOptions) []string {
	out := []string{}
	for _, k := range slices.Sorted(maps.Keys(model)) {
		if !strings.HasPrefix(k, o.Prefix) || k <= o.StartAfter {
			continue
		}
		if i := strings.Index(k[len(o.Prefix):], o.Delimiter); o.Delimiter != "" && i >= 0 {
			k = "prefix " + k[:len(o.Prefix)+i+len(o.Delimiter)]
		}
		if len(out) == 0 || out[len(out)-1] != k {
			out = append(out, k)
		}
	}
	return out
}

func allPages(t *rapid.T, s *Store, bucket string, o ListOptions) []string {
	out := []string{}
	for {
		page, err := s.List(t.Context(), bucket, o)
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range page.Items {
			if item.Prefix != "" {
				out = append(out, "prefix "+item.Prefix)
			} else {
				out = append(out, item.Key)
			}
		}
		if page.Cursor == "" {
			return out
		}
		if len(page.Items) != o.Limit {
			t.Fatalf("%d items on a page that is not the last, want %d", len(page.Items), o.Limit)
		}
		o.Cursor = page.Cursor
	}
}

func TestAnUploadIsJoinedOnlyFromPartsThatFit(t *testing.T) {
	t.Parallel()
	const etag = "5d41402abc4b2a76b9719d911017c592"
	kept := map[int]keptPart{}
	for number, size := range map[int]int64{1: MinPart, 2: MinPart, 3: 1, 4: MinPart + 1, 5: MinPart - 1} {
		kept[number] = keptPart{pieces.Piece{ID: fmt.Sprint(number), Size: size}, etag}
	}
	for name, c := range map[string]struct {
		parts []int
		want  error
	}{
		"equal parts and a small one":        {[]int{1, 2, 3}, nil},
		"in another order":                   {[]int{3, 2, 1}, nil},
		"one small part":                     {[]int{3}, nil},
		"no part":                            {nil, ErrInvalidArgument},
		"a part twice":                       {[]int{1, 1}, ErrInvalidPart},
		"a part that was not uploaded":       {[]int{1, 9}, ErrInvalidPart},
		"a small part before the last":       {[]int{1, 3, 4}, ErrEntityTooSmall},
		"parts of different sizes":           {[]int{1, 4, 5}, ErrUnequalParts},
		"a last part larger than the others": {[]int{1, 2, 4}, ErrUnequalParts},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var parts []Part
			for _, number := range c.parts {
				parts = append(parts, Part{number, etag})
			}
			got, sum, err := assemble(parts, kept)
			if !errors.Is(err, c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			if err == nil && (len(got.pieces) != len(parts) || !strings.HasSuffix(sum, fmt.Sprint("-", len(parts)))) {
				t.Errorf("%d pieces with the tag %s", len(got.pieces), sum)
			}
		})
	}
	if _, _, err := assemble([]Part{{1, "other"}}, kept); !errors.Is(err, ErrInvalidPart) {
		t.Errorf("a part with another tag: %v", err)
	}
}
