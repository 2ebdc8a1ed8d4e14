package cache

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/tamylaa/clodo/localcloud/internal/clock"
	"pgregory.net/rapid"
)

// Whatever is put, asked for and forgotten: what is kept stays within its bounds, no file is
// left of what was forgotten, and what is found is what was put last.
func TestTheCacheStaysWithinItsBounds(t *testing.T) {
	t.Parallel()
	s := newShelf(t, limits{body: 300, inline: 20, memory: 8 * overhead, files: 500})
	rapid.Check(t, func(rt *rapid.T) {
		s.Clear()
		last := map[string]string{}
		url := rapid.SampledFrom([]string{"https://a.example/1", "https://a.example/2", "https://a.example/3", "https://b.example/1", "https://b.example/2", "https://b.example/3"})
		rt.Repeat(map[string]func(*rapid.T){
			"put": func(rt *rapid.T) {
				u, size := url.Draw(rt, "url"), rapid.SampledFrom([]int{0, 20, 21, 150, 300}).Draw(rt, "size")
				body := strings.Repeat(rapid.StringMatching("[a-z]").Draw(rt, "letter"), size)
				if got := s.put(u, minute, body); got != http.StatusNoContent {
					rt.Fatalf("put: %d", got)
				}
				last[u] = "200 " + body
				if got := s.match(u); got != last[u] {
					rt.Fatalf("%s is not found after it was put: %.40q", u, got)
				}
			},
			"match": func(rt *rapid.T) {
				u := url.Draw(rt, "url")
				if got := s.match(u); got != "MISS" && got != last[u] {
					rt.Fatalf("%s: got %.40q, want %.40q", u, got, last[u])
				}
			},
			"delete": func(rt *rapid.T) {
				u := url.Draw(rt, "url")
				s.ask("PURGE", u, nil)
				delete(last, u)
			},
			"purge": func(*rapid.T) {
				s.Purge(Selection{Account: "acc", Zone: "a.example", Everything: true})
				for u := range last {
					if strings.Contains(u, "a.example") {
						delete(last, u)
					}
				}
			},
			"": func(rt *rapid.T) {
				memory, saved := int64(0), int64(0)
				for at := s.order.Front(); at != nil; at = at.Next() {
					e := at.Value.(*entry)
					memory, saved = memory+e.memory, saved+e.inFile()
				}
				if memory != s.memory || saved != s.saved || memory > s.limits.memory || saved > s.limits.files || len(s.entries) != s.order.Len() {
					rt.Fatalf("%d of %d bytes in memory, %d of %d in files, %d answers of %d", s.memory, memory, s.saved, saved, len(s.entries), s.order.Len())
				}
			},
		})
		s.Clear()
		if n := s.onDisk(); n != 0 {
			rt.Fatalf("%d files for nothing", n)
		}
	})
}

func TestWhatWasAskedForLastStays(t *testing.T) {
	t.Parallel()
	s := newShelf(t, limits{body: 100, inline: 10, memory: 1 << 20, files: 250})
	for i := range 3 {
		s.put(fmt.Sprintf("https://shop.example/%d", i), minute, strings.Repeat("x", 100))
		s.match("https://shop.example/0")
	}
	for i, want := range []bool{true, false, true} {
		if got := s.match(fmt.Sprintf("https://shop.example/%d", i)) != "MISS"; got != want {
			t.Errorf("%d is found: %t", i, got)
		}
	}
}

func TestAnAnswerThatIsReadStaysWholeWhenItIsForgotten(t *testing.T) {
	t.Parallel()
	s := newShelf(t, limits{body: 1 << 20, inline: 10, memory: 1 << 20, files: 1 << 20})
	const url = "https://shop.example/"
	one, two := strings.Repeat("1", 100<<10), strings.Repeat("2", 100<<10)
	s.put(url, minute, one)
	e := s.find(key{"acc", "", url})
	s.put(url, minute, two)
	s.Clear()
	content, err := s.content(e)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(content)
	if err := errors.Join(err, content.Close()); err != nil || string(got) != one {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if s.release(e); s.onDisk() != 0 {
		t.Errorf("%d files are left", s.onDisk())
	}
}

func TestManyUseACacheAtOnce(t *testing.T) {
	t.Parallel()
	s := newShelf(t, limits{body: 1 << 20, inline: 1 << 10, memory: 20 << 10, files: 200 << 10})
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			for i := range 50 {
				url := fmt.Sprintf("https://shop.example/%d", (n+i)%4)
				body := bytes.Repeat([]byte{byte('a' + n)}, 100<<(i%10))
				if got := s.ask(http.MethodPut, url, io.MultiReader(strings.NewReader("HTTP/1.1 200 OK\r\n"+minute+"\r\n"), bytes.NewReader(body))).StatusCode; got != http.StatusNoContent {
					t.Errorf("put: %d", got)
				}
				if got := strings.TrimPrefix(s.match(url), "200 "); got != "MISS" && strings.Trim(got, got[:1]) != "" {
					t.Errorf("a mixture of answers: %.80q", got)
				}
				if i%10 == 9 {
					s.Purge(Selection{Account: "acc", Zone: "shop.example", Everything: true})
				}
			}
		})
	}
	all.Wait()
}

func TestWhatIsBeingPutWhenEverythingIsForgottenIsForgottenToo(t *testing.T) {
	t.Parallel()
	s := newShelf(t, limits{body: 100, inline: 1, memory: 1 << 20, files: 1000})
	in, out := io.Pipe()
	go func() {
		_, err := out.Write([]byte("HTTP/1.1 200 OK\r\n" + minute + "\r\nab")) // until it is read
		s.Clear()
		if err = errors.Join(err, out.Close()); err != nil {
			t.Error(err)
		}
	}()
	s.ask(http.MethodPut, "https://shop.example/", in)
	if got := s.match("https://shop.example/"); got != "MISS" || s.onDisk() != 0 {
		t.Errorf("%s, %d files", got, s.onDisk())
	}
}

func TestACacheBeginsEmptyAndLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "cache")
	if err := errors.Join(os.MkdirAll(filepath.Join(dir, "ab"), 0o700), os.WriteFile(filepath.Join(dir, "ab", "cd"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	c, err := Open(dir, &clock.Clock{})
	if err != nil {
		t.Fatal(err)
	}
	s := &shelf{Cache: c, t: t}
	if n := s.onDisk(); n != 0 {
		t.Errorf("%d files of the cloud before", n)
	}
	s.put("https://shop.example/", minute, strings.Repeat("x", 100<<10))
	if n := s.onDisk(); n != 1 {
		t.Errorf("%d files for a long answer", n)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder is still there: %v", err)
	}
}
