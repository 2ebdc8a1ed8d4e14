package r2

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/tamylaa/clodo/localcloud/internal/clock"
	"github.com/tamylaa/clodo/localcloud/internal/pieces"
)

func newStore(t testing.TB, c *clock.Clock) *Store {
	t.Helper()
	s := openStore(t, t.TempDir(), c)
	check(t, s.CreateBucket(t.Context(), "b"))
	return s
}

func openStore(t testing.TB, dir string, c *clock.Clock) *Store {
	t.Helper()
	s, err := Open(dir, c)
	check(t, err)
	t.Cleanup(func() { check(t, s.Close()) })
	return s
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func put(t testing.TB, s *Store, key, value string, o PutOptions) Object {
	t.Helper()
	object, err := s.Put(t.Context(), "b", key, strings.NewReader(value), o)
	check(t, err)
	return object
}

// read is the content of an object, or what it was refused with.
func read(t testing.TB, s *Store, key string, o GetOptions) string {
	t.Helper()
	r, err := s.Get(t.Context(), "b", key, o)
	if err != nil {
		return err.Error()
	}
	defer r.Close()
	var b bytes.Buffer
	if _, err := r.WriteTo(&b); err != nil {
		return err.Error()
	}
	return b.String()
}

// large is a content that lies in a file.
var large = strings.Repeat("large ", inlineMax/4)

// pieces counts the files that hold contents.
func (s *Store) countPieces(t testing.TB) (n int) {
	t.Helper()
	check(t, filepath.WalkDir(filepath.Dir(filepath.Dir(s.files.Path(pieces.NewID()))), func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			n++
		}
		return err
	}))
	return n
}

func TestAnObjectIsWhatWasPut(t *testing.T) {
	t.Parallel()
	s := newStore(t, &clock.Clock{})
	expiry := int64(5000)
	for _, value := range []string{"", "small", large} {
		o := PutOptions{Settings: Settings{
			HTTP: HTTPMetadata{ContentType: "text/plain", CacheExpiry: &expiry}, Custom: []Field{{"k", "v"}}, Class: InfrequentAccess,
		}}
		got := put(t, s, "key", value, o)
		sum := md5.Sum([]byte(value))
		want := Object{
			Key: "key", Size: int64(len(value)), ETag: hex.EncodeToString(sum[:]), Class: InfrequentAccess,
			Checksums: Checksums{MD5: hex.EncodeToString(sum[:])}, HTTP: o.HTTP, Custom: o.Custom,
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Object{}, "Version", "Uploaded")); diff != "" {
			t.Errorf("put (-want +got):\n%s", diff)
		}
		head, err := s.Head(t.Context(), "b", "key")
		if diff := cmp.Diff(got, head); diff != "" || err != nil {
			t.Errorf("head: %v (-put +head):\n%s", err, diff)
		}
		if content := read(t, s, "key", GetOptions{}); content != value {
			t.Errorf("got %d bytes, want %d", len(content), len(value))
		}
	}
	if n := s.countPieces(t); n != 1 {
		t.Errorf("%d files for one large object", n)
	}
}

func TestAReaderKeepsWhatItOpened(t *testing.T) {
	t.Parallel()
	s := newStore(t, &clock.Clock{})
	put(t, s, "k", large, PutOptions{})
	first, err := s.Get(t.Context(), "b", "k", GetOptions{})
	check(t, err)
	put(t, s, "k", large+"2", PutOptions{})
	check(t, s.Delete(t.Context(), "b", "k"))
	var b bytes.Buffer
	_, err = first.WriteTo(&b)
	check(t, err)
	if b.String() != large {
		t.Error("the reader got something else than it had opened")
	}
	if n := s.countPieces(t); n != 1 {
		t.Errorf("%d files while one is read", n)
	}
	first.Close()
	first.Close() // is no mistake
	if n := s.countPieces(t); n != 0 {
		t.Errorf("%d files are left", n)
	}
}

func TestABodyThatBreaksOffChangesNothing(t *testing.T) {
	t.Parallel()
	s := newStore(t, &clock.Clock{})
	put(t, s, "k", "before", PutOptions{})
	for _, sent := range []string{"", "part", large} {
		body := io.MultiReader(strings.NewReader(sent), iotest.ErrReader(io.ErrUnexpectedEOF))
		if _, err := s.Put(t.Context(), "b", "k", body, PutOptions{}); !errors.Is(err, ErrIncompleteBody) {
			t.Errorf("after %d bytes: %v", len(sent), err)
		}
	}
	_, err := s.Put(t.Context(), "b", "k", strings.NewReader(large), PutOptions{Expect: Checksums{SHA1: "00"}})
	if !errors.Is(err, ErrBadDigest) {
		t.Errorf("a wrong checksum: %v", err)
	}
	_, err = s.Put(t.Context(), "b", "k", strings.NewReader(large), PutOptions{OnlyIf: &Condition{Match: []ETag{{Value: "x"}}}})
	if !errors.Is(err, ErrPreconditionFailed) {
		t.Errorf("a condition that fails: %v", err)
	}
	if got := read(t, s, "k", GetOptions{}); got != "before" {
		t.Errorf("the object is %q", got)
	}
	if n := s.countPieces(t); n != 0 {
		t.Errorf("%d files are left", n)
	}
}

func TestWhatIsLeftOverIsSweptWhenTheStoreIsOpened(t *testing.T) {
	t.Parallel()
	dir, c := t.TempDir(), &clock.Clock{}
	s, err := Open(dir, c)
	check(t, err)
	check(t, s.CreateBucket(t.Context(), "b"))
	put(t, s, "k", large, PutOptions{})
	id, err := s.CreateUpload(t.Context(), "b", "u", Settings{})
	check(t, err)
	_, err = s.PutPart(t.Context(), "b", "u", id, 1, strings.NewReader("part"), nil)
	check(t, err)
	_, orphan, err := s.files.Create()
	check(t, errors.Join(err, orphan.Close(), s.Close()))
	s, err = Open(dir, c)
	check(t, err)
	if n := s.countPieces(t); n != 2 {
		t.Errorf("%d files, want those of the object and of the part", n)
	}
	if got := read(t, s, "k", GetOptions{}); got != large {
		t.Error("the object is not what it was")
	}
	check(t, c.Advance(7*24*time.Hour+time.Second))
	if _, err := s.PutPart(t.Context(), "b", "u", id, 2, strings.NewReader("x"), nil); !errors.Is(err, ErrNoSuchUpload) {
		t.Errorf("an upload of a week ago: %v", err)
	}
	check(t, s.Close())
	s = openStore(t, dir, c)
	if n := s.countPieces(t); n != 1 {
		t.Errorf("%d files after a week, want that of the object", n)
	}
}

func TestABucketIsDeletedWhenItIsEmpty(t *testing.T) {
	t.Parallel()
	s := newStore(t, &clock.Clock{})
	put(t, s, "k", large, PutOptions{})
	id, err := s.CreateUpload(t.Context(), "b", "u", Settings{})
	check(t, err)
	_, err = s.PutPart(t.Context(), "b", "u", id, 1, strings.NewReader("part"), nil)
	check(t, err)
	if err := s.DeleteBucket(t.Context(), "b"); !errors.Is(err, ErrBucketNotEmpty) {
		t.Errorf("a bucket with an object: %v", err)
	}
	usage, err := s.Usage(t.Context(), "b")
	if want := (Usage{Objects: 1, Bytes: int64(len(large))}); usage != want || err != nil {
		t.Errorf("usage %+v, %v, want %+v", usage, err, want)
	}
	check(t, s.Delete(t.Context(), "b", "k"))
	check(t, s.DeleteBucket(t.Context(), "b"))
	if n := s.countPieces(t); n != 0 {
		t.Errorf("%d files are left", n)
	}
	for what, err := range map[string]error{
		"put":    func() error { _, err := s.Put(t.Context(), "b", "k", strings.NewReader(""), PutOptions{}); return err }(),
		"head":   func() error { _, err := s.Head(t.Context(), "b", "k"); return err }(),
		"list":   func() error { _, err := s.List(t.Context(), "b", ListOptions{}); return err }(),
		"upload": func() error { _, err := s.CreateUpload(t.Context(), "b", "k", Settings{}); return err }(),
		"usage":  func() error { _, err := s.Usage(t.Context(), "b"); return err }(),
		"delete": s.DeleteBucket(t.Context(), "b"),
	} {
		if !errors.Is(err, ErrNoSuchBucket) {
			t.Errorf("%s in a bucket that is gone: %v", what, err)
		}
	}
	check(t, s.CreateBucket(t.Context(), "b"))
	check(t, s.CreateBucket(t.Context(), "b")) // is no mistake
	put(t, s, "k", large, PutOptions{})
	check(t, s.DestroyBucket(t.Context(), "b"))
	if n := s.countPieces(t); n != 0 {
		t.Errorf("%d files are left of a bucket that was destroyed", n)
	}
}
