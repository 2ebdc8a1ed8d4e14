package data

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// read asks the cache and fills it from fetch.
func read[V any](c *Cache, key string, fetch func() V, models ...string) (v V, hit bool) {
	got, p, ok := c.get(key, models...)
	if ok {
		return got.(V), true
	}
	v = fetch()
	c.put(key, v, 8, p)
	return v, false
}

func TestAWriteEndsTheAnswersOfItsModelOnly(t *testing.T) {
	t.Parallel()
	c := NewCache(CacheOptions{})
	ask := func(key string, models ...string) bool {
		_, hit := read(c, key, func() int { return 1 }, models...)
		return hit
	}
	ask("users", "users")
	ask("posts", "posts")
	ask("posts with users", "posts", "users")
	c.Invalidate("users")
	got := []bool{ask("users", "users"), ask("posts", "posts"), ask("posts with users", "posts", "users"), ask("users", "users")}
	if diff := cmp.Diff([]bool{false, true, false, true}, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(CacheStats{Hits: 2, Misses: 5, Entries: 3, Bytes: 3*(8+overhead) + int64(len("users")+len("posts")+len("posts with users"))}, c.Stats()); diff != "" {
		t.Error(diff)
	}
}

func TestAReadThatBeganBeforeAWriteIsNotKept(t *testing.T) {
	t.Parallel()
	c := NewCache(CacheOptions{})
	_, p, _ := c.get("k", "users")
	c.Invalidate("users")
	c.put("k", "old", 3, p)
	if _, _, ok := c.get("k", "users"); ok {
		t.Error("the answer from before the write is there")
	}
}

func TestAnAnswerIsUsedForItsTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := NewCache(CacheOptions{TTL: time.Minute})
		fetched := 0
		fetch := func() int { fetched++; return fetched }
		for _, wait := range []time.Duration{0, 59 * time.Second, time.Second, 0} {
			time.Sleep(wait)
			read(c, "k", fetch, "users")
		}
		if fetched != 2 {
			t.Errorf("fetched %d times", fetched)
		}
	})
}

// Whatever is asked for and written, an answer is never older than the last write, the
// bounds hold, and the list agrees with the map.
func TestTheCacheIsBoundedAndNeverStale(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		entries, room := rapid.IntRange(1, 10).Draw(t, "entries"), rapid.Int64Range(500, 20_000).Draw(t, "bytes")
		c := NewCache(CacheOptions{Entries: entries, Bytes: room})
		truth := map[string]int{}
		t.Repeat(map[string]func(*rapid.T){
			"read": func(t *rapid.T) {
				model := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "model")
				key := fmt.Sprint(model, rapid.IntRange(0, 20).Draw(t, "key"))
				if v, _ := read(c, key, func() int { return truth[model] }, model); v != truth[model] {
					t.Fatalf("%s is %d, want %d", key, v, truth[model])
				}
			},
			"write": func(t *rapid.T) {
				model := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "model")
				truth[model]++
				c.Invalidate(model)
			},
			"": func(t *rapid.T) {
				s := c.Stats()
				if s.Entries > entries || s.Bytes > room {
					t.Fatalf("it holds %d answers of %d bytes", s.Entries, s.Bytes)
				}
				n, size, hand := 0, int64(0), c.hand == nil
				for e := c.oldest; e != nil; e = e.newer {
					if c.entries[e.key] != e {
						t.Fatalf("%s is in the list and not in the map", e.key)
					}
					n, size, hand = n+1, size+e.size, hand || e == c.hand
				}
				if n != s.Entries || size != s.Bytes || !hand {
					t.Fatalf("the list has %d answers of %d bytes, the counters say %+v; the hand is in it: %v", n, size, s, hand)
				}
			},
		})
	})
}

func TestReadersAndWritersAtOnceSeeTheirOwnWrites(t *testing.T) {
	t.Parallel()
	c := NewCache(CacheOptions{Entries: 8})
	var row, written atomic.Int64 // written: of the writes that have returned, the newest
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 5000 {
				if rand.IntN(4) == 0 {
					n := row.Add(1)
					c.Invalidate("m")
					for old := written.Load(); old < n && !written.CompareAndSwap(old, n); old = written.Load() {
					}
				}
				least := written.Load()
				if got, _ := read(c, "k", row.Load, "m"); got < least {
					t.Errorf("read %d after a write of %d", got, least)
					return
				}
			}
		})
	}
	all.Wait()
}

// What is asked for often stays when many others come once.
func TestWhatIsAskedForOftenStays(t *testing.T) {
	t.Parallel()
	c := NewCache(CacheOptions{Entries: 100})
	hits := 0
	for i := range 10_000 {
		if _, hit := read(c, fmt.Sprint("hot", i%50), func() int { return 0 }, "m"); hit {
			hits++
		}
		read(c, fmt.Sprint("cold", i), func() int { return 0 }, "m")
	}
	if hits < 9_000 {
		t.Errorf("%d of 10,000 were hits", hits)
	}
}
