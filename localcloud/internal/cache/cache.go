// Package cache has the answers that Workers put with the Cache API. One is kept until it
// is no longer fresh, by the cloud's clock, or until there is no room for it: those that
// were not asked for longest go first. None outlives the cloud.
package cache

import (
	"bytes"
	"container/list"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/tamylaa/clodo/localcloud/internal/clock"
	"github.com/tamylaa/clodo/localcloud/internal/pieces"
)

// limits bound what is kept, in bytes.
type limits struct {
	body   int64 // of one answer; Cloudflare's, but for Enterprise
	inline int64 // a body up to which an answer is in memory alone
	memory int64 // of all answers
	files  int64 // of all longer bodies
}

var usual = limits{body: 512 << 20, inline: 32 << 10, memory: 64 << 20, files: 1 << 30}

// overhead is what an answer takes in memory beside its own bytes, about.
const overhead = 1 << 10

// Cache keeps answers. It is safe for concurrent use; an answer that is being read stays
// whole when it is replaced or forgotten meanwhile.
type Cache struct {
	dir    string
	clock  *clock.Clock
	limits limits
	files  *pieces.Folder

	mu            sync.Mutex
	entries       map[key]*list.Element // of *entry
	order         *list.List            // the one asked for last in front
	memory, saved int64                 // bytes, in memory and in files
	age           int                   // how often everything was forgotten
}

// key is what an answer is found by.
type key struct {
	scope string // who shares the caches: an account, or user Workers of one
	name  string // of the cache; "" is the default one
	url   string
}

// entry is an answer that is kept. It never changes.
type entry struct {
	key
	host    string // of the URL, without the port
	path    string
	status  int
	header  http.Header
	tags    []string // by which it can be purged, in lower case
	body    []byte   // nil if it is in a file
	file    *pieces.Piece
	put     time.Time
	old     time.Duration // that the answer was when it was put
	expires time.Time
	memory  int64
	age     int // of the cache when it began to be put
}

// Open makes an empty cache, whose longer answers are files in dir. What is there already
// is of a cloud that did not end well, and removed.
func Open(dir string, c *clock.Clock) (*Cache, error) {
	if err := os.RemoveAll(dir); err != nil {
		return nil, fmt.Errorf("emptying the folder of the cache: %w", err)
	}
	files, err := pieces.Open(dir)
	if err != nil {
		return nil, err
	}
	return &Cache{dir: dir, clock: c, limits: usual, files: files, entries: map[key]*list.Element{}, order: list.New()}, nil
}

// Close forgets everything. Nothing may be asked any more.
func (c *Cache) Close() error {
	c.Clear()
	if err := os.RemoveAll(c.dir); err != nil {
		return fmt.Errorf("removing the folder of the cache: %w", err)
	}
	return nil
}

// Clear forgets everything, and what is being put now.
func (c *Cache) Clear() {
	c.mu.Lock()
	c.age++
	c.mu.Unlock()
	c.forget(func(*entry) bool { return true })
}

// begin is the age of what begins to be put.
func (c *Cache) begin() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.age
}

// keep keeps an answer, in place of the one before.
func (c *Cache) keep(e *entry) {
	c.mu.Lock()
	if e.age != c.age {
		c.mu.Unlock()
		c.files.Remove(e.pieces()...)
		return
	}
	var gone []pieces.Piece
	if before := c.entries[e.key]; before != nil {
		gone = c.drop(before)
	}
	c.entries[e.key] = c.order.PushFront(e)
	c.memory += e.memory
	c.saved += e.inFile()
	for c.memory > c.limits.memory || c.saved > c.limits.files {
		gone = append(gone, c.drop(c.order.Back())...)
	}
	c.mu.Unlock()
	c.files.Remove(gone...)
}

// drop forgets an answer and returns the files that are to be removed; c.mu is held.
func (c *Cache) drop(at *list.Element) []pieces.Piece {
	e := c.order.Remove(at).(*entry)
	delete(c.entries, e.key)
	c.memory -= e.memory
	c.saved -= e.inFile()
	return e.pieces()
}

// find is the answer that is fresh, or nil. It is to be released.
func (c *Cache) find(k key) *entry {
	c.mu.Lock()
	at := c.entries[k]
	if at == nil {
		c.mu.Unlock()
		return nil
	}
	e := at.Value.(*entry)
	if !c.clock.Now().Before(e.expires) {
		gone := c.drop(at)
		c.mu.Unlock()
		c.files.Remove(gone...)
		return nil
	}
	c.order.MoveToFront(at)
	c.files.Lease(e.pieces()) // nobody removes them before: it is not forgotten yet
	c.mu.Unlock()
	return e
}

func (c *Cache) release(e *entry) { c.files.Release(e.pieces()) }

// forget forgets the answers that is says, and returns how many were fresh.
func (c *Cache) forget(is func(*entry) bool) (fresh int) {
	now := c.clock.Now()
	var gone []pieces.Piece
	c.mu.Lock()
	for at := c.order.Front(); at != nil; {
		next := at.Next()
		if e := at.Value.(*entry); is(e) {
			if now.Before(e.expires) {
				fresh++
			}
			gone = append(gone, c.drop(at)...)
		}
		at = next
	}
	c.mu.Unlock()
	c.files.Remove(gone...)
	return fresh
}

// delete forgets one answer and reports whether it was fresh.
func (c *Cache) delete(k key) bool {
	c.mu.Lock()
	at := c.entries[k]
	if at == nil {
		c.mu.Unlock()
		return false
	}
	fresh := c.clock.Now().Before(at.Value.(*entry).expires)
	gone := c.drop(at)
	c.mu.Unlock()
	c.files.Remove(gone...)
	return fresh
}

// pieces is the file of an answer, if it has one.
func (e *entry) pieces() []pieces.Piece {
	if e.file == nil {
		return nil
	}
	return []pieces.Piece{*e.file}
}

func (e *entry) inFile() int64 {
	if e.file == nil {
		return 0
	}
	return e.file.Size
}

func (e *entry) size() int64 { return int64(len(e.body)) + e.inFile() }

// content opens the body of an answer that was found.
func (c *Cache) content(e *entry) (io.ReadSeekCloser, error) {
	if e.file == nil {
		return inMemory{bytes.NewReader(e.body)}, nil
	}
	return os.Open(c.files.Path(e.file.ID))
}

type inMemory struct{ *bytes.Reader }

func (inMemory) Close() error { return nil }

// body reads a body into e: into memory if it is short, else into a file. The error is
// that of reading or of writing; then there is no file.
func (c *Cache) body(e *entry, r io.Reader) error {
	head, err := io.ReadAll(io.LimitReader(r, c.limits.inline+1))
	if err != nil {
		return err
	}
	if int64(len(head)) <= c.limits.inline {
		e.body = head
		return nil
	}
	id, file, err := c.files.Create()
	if err != nil {
		return fmt.Errorf("making a file of the cache: %w", err)
	}
	r = io.LimitReader(io.MultiReader(bytes.NewReader(head), r), c.limits.body+1)
	n, err := io.Copy(file, r)
	if err = errors.Join(err, file.Close()); err == nil && n > c.limits.body {
		err = errTooLarge
	}
	if err != nil {
		c.files.Remove(pieces.Piece{ID: id})
		return err
	}
	e.file = &pieces.Piece{ID: id, Size: n}
	return nil
}

// errTooLarge is a body that is longer than Cloudflare keeps.
var errTooLarge = errors.New("the answer is too large for the cache")
