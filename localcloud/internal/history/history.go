// Package history keeps every committed state of an SQLite database in WAL mode, so
// that it can be brought back as it was after any of its commits.
//
// The states are taken from the write-ahead log: before what is in it is moved into
// the database's main file and the log begins anew, its page images are appended to
// a file of this package, each as the difference to what the page was before. A
// segment is a copy of the whole database and the file of the changes since; when
// changes outweigh the copy a new segment begins, and old ones are deleted. While a
// process lives, all that a commit costs is a number in memory and, twenty times a
// second, a write of the times of commits.
//
// Nothing is lost when the process is killed: the log is moved only after the
// history has it, and when a database is opened the history takes what is in the log
// and not yet in the history. When the machine loses power the end of the history may
// be missing; the database is not what the history says then, and a new segment
// begins. A commit is known by its sequence number, which grows
// by one with every commit.
package history

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// retention is how long commits are kept, as on Cloudflare, unless there is no room.
const retention = 30 * 24 * time.Hour

// flushEvery is how far apart the times of commits are written. Those of the last
// moment before a crash are taken to be the time of the last that was written.
const flushEvery = 50 * time.Millisecond

// Options say how a history is kept.
type Options struct {
	Now func() time.Time // required
	// MaxSize is how many bytes the history of a database may have; what is oldest goes
	// first. Default: a gigabyte.
	MaxSize int64
	// MinSegment is how many bytes of changes a segment has at least; it keeps small
	// databases from being copied all the time. Default: 16 MB.
	MinSegment int64
}

// Log is the history of one database. It is for one goroutine at a time.
type Log struct {
	options  Options
	dir      string
	path     string     // of the database
	db       *os.File   // stays open: closing it would drop the locks that SQLite has on it
	lineage  [16]byte   // of this database
	segments []*segment // oldest first
	archived uint64     // the last commit that a segment has
	pending  []int64    // the times of the commits after it, in Unix milliseconds
	times    *os.File   // holds those, as far as they are written
	written  int        // how many are
	latest   int64      // the time of the last commit
	suspect  bool       // the database's file may not be what it was
}

// Open opens the history in dir of the database at path, which nobody may change
// meanwhile. It takes over what a killed process left in the write-ahead log; when
// that has been moved into the database, Start is called.
func Open(dir, path string, o Options) (*Log, error) {
	o.MaxSize, o.MinSegment = cmp.Or(o.MaxSize, 1<<30), cmp.Or(o.MinSegment, 16<<20)
	l := &Log{options: o, dir: dir, path: path}
	err := os.MkdirAll(dir, 0o700)
	if err == nil {
		l.db, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	}
	if err == nil {
		err = l.load()
	}
	if err == nil {
		err = l.recover()
	}
	if err != nil {
		return nil, fmt.Errorf("opening the history of %s: %w", filepath.Base(path), errors.Join(err, l.Close()))
	}
	return l, nil
}

// load reads the segments and removes what was being made when a process died.
func (l *Log) load() error {
	names, err := filepath.Glob(filepath.Join(l.dir, "*.log"))
	if err != nil {
		return err
	}
	slices.Sort(names)
	keep := map[string]bool{}
	for i, name := range names {
		s, err := openSegment(name, i == len(names)-1)
		if err != nil {
			return err
		}
		l.segments = append(l.segments, s)
		l.lineage, l.archived, l.latest = s.lineage, s.lastSeq(), s.lastTime()
		keep[name], keep[s.basePath()] = true, true
	}
	for _, pattern := range []string{"*.base", "*.new"} {
		torn, err := filepath.Glob(filepath.Join(l.dir, pattern))
		if err != nil {
			return err
		}
		for _, name := range torn {
			if !keep[name] {
				if err := os.Remove(name); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// timesHead begins the file of times: after which commit they are, and how the
// database's file was then.
type timesHead struct {
	Archived       uint64
	Size, Modified int64
}

const timesHeadLen = 24

func (l *Log) timesHead() (timesHead, error) {
	info, err := l.db.Stat()
	if err != nil {
		return timesHead{}, err
	}
	return timesHead{l.archived, info.Size(), info.ModTime().UnixNano()}, nil
}

// recover appends the commits of a write-ahead log that were not appended before
// the process died, with those of their times that had been written.
func (l *Log) recover() (err error) {
	if l.times, err = os.OpenFile(filepath.Join(l.dir, "times"), os.O_RDWR|os.O_CREATE, 0o600); err != nil || len(l.segments) == 0 {
		return err
	}
	var left timesHead
	rest, err := io.ReadAll(l.times)
	if err != nil {
		return err
	}
	if n, err := binary.Decode(rest, binary.LittleEndian, &left); err == nil {
		rest = rest[n:]
	}
	found, err := l.timesHead()
	if err != nil {
		return err
	}
	l.suspect = left.Size != found.Size || left.Modified != found.Modified
	if left.Archived == l.archived {
		for ; len(rest) >= 8; rest = rest[8:] {
			l.pending = append(l.pending, int64(binary.LittleEndian.Uint64(rest)))
		}
	}
	return l.append(-1)
}

// Start begins to keep the history; the write-ahead log has to be empty. A database
// that is not as the last process left it, because another program changed its file,
// gets a new segment.
func (l *Log) Start() error {
	if len(l.segments) == 0 {
		_, _ = rand.Read(l.lineage[:]) // never fails
		l.latest = l.options.Now().UnixMilli()
		return l.begin()
	}
	if l.suspect {
		same, err := l.same()
		if err != nil {
			return err
		}
		if !same {
			l.archived, l.latest = l.archived+1, max(l.latest, l.options.Now().UnixMilli())
			return l.begin()
		}
	}
	return l.startTimes()
}

// same compares the database with what the history says that it is.
func (l *Log) same() (bool, error) {
	path := filepath.Join(l.dir, "check.new")
	if err := l.Restore(path, l.archived); err != nil {
		return false, err
	}
	kept, err := os.Open(path)
	if err != nil {
		return false, err
	}
	same, err := equal(kept, io.NewSectionReader(l.db, 0, 1<<62))
	return same, errors.Join(err, kept.Close(), os.Remove(path))
}

func equal(a, b io.Reader) (bool, error) {
	var x, y [1 << 16]byte
	for {
		n, errA := io.ReadFull(a, x[:])
		m, errB := io.ReadFull(b, y[:])
		if !bytes.Equal(x[:n], y[:m]) {
			return false, nil
		}
		if ended := errA == io.EOF || errA == io.ErrUnexpectedEOF; ended && errB == errA {
			return true, nil
		}
		if err := errors.Join(errA, errB); err != nil {
			return false, err
		}
	}
}

// begin makes the database as its file is now the beginning of a segment: the
// write-ahead log has to be empty.
func (l *Log) begin() error {
	s, err := newSegment(l.dir, l.db, segmentHead{lineage: l.lineage, seq: l.archived, time: l.latest})
	if err != nil {
		return fmt.Errorf("beginning a segment of the history: %w", err)
	}
	l.segments = append(l.segments, s)
	return l.startTimes()
}

// startTimes begins the file of the times of pending commits.
func (l *Log) startTimes() error {
	l.pending, l.written = l.pending[:0], 0
	head, err := l.timesHead()
	if err != nil {
		return err
	}
	b, err := binary.Append(nil, binary.LittleEndian, head)
	if err != nil {
		return err
	}
	if err := l.times.Truncate(0); err != nil {
		return err
	}
	_, err = l.times.WriteAt(b, 0)
	return err
}

// Seq is the number of the last commit; the database as it was found has 0.
func (l *Log) Seq() uint64 { return l.archived + uint64(len(l.pending)) }

// Committed notes a commit to the write-ahead log. A time that cannot be written is
// written with the next one.
func (l *Log) Committed() {
	now := max(l.options.Now().UnixMilli(), l.latest)
	l.pending, l.latest = append(l.pending, now), now
	if l.written == 0 || now-l.pending[l.written-1] >= flushEvery.Milliseconds() {
		_ = l.flush()
	}
}

// flush writes the times that are not written.
func (l *Log) flush() error {
	b := make([]byte, 0, 8*(len(l.pending)-l.written))
	for _, t := range l.pending[l.written:] {
		b = binary.LittleEndian.AppendUint64(b, uint64(t))
	}
	if _, err := l.times.WriteAt(b, int64(timesHeadLen+8*l.written)); err != nil {
		return fmt.Errorf("writing the times of commits: %w", err)
	}
	l.written = len(l.pending)
	return nil
}

// Archive takes what the write-ahead log holds, of which the number of frames is
// known, and then has it moved by checkpoint, which empties the log.
func (l *Log) Archive(frames int, checkpoint func() error) error {
	if err := l.append(frames); err != nil {
		return fmt.Errorf("keeping the history: %w", err)
	}
	if err := checkpoint(); err != nil {
		return err
	}
	if err := l.startTimes(); err != nil {
		return err
	}
	if s := l.segments[len(l.segments)-1]; s.size > max(l.options.MinSegment, s.base) {
		if err := l.begin(); err != nil {
			return err
		}
	}
	return l.prune()
}

// append adds the commits of the write-ahead log to the last segment. Frames that
// it has already are left out: an earlier checkpoint may have failed.
func (l *Log) append(frames int) (err error) {
	w, err := openWAL(l.path+"-wal", frames)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	s := l.segments[len(l.segments)-1]
	first := 0
	if n := len(s.chunks); n > 0 && s.chunks[n-1].salt == w.salt {
		first = int(s.chunks[n-1].end)
	}
	if first >= w.frames {
		return nil
	}
	c, err := s.append(w, first, l.db, func(i int) int64 {
		if i < len(l.pending) {
			l.latest = l.pending[i]
		}
		return l.latest
	})
	if err != nil {
		return err
	}
	l.archived += uint64(c.commits)
	l.pending, l.written = l.pending[:0], 0
	return nil
}

// prune deletes segments that nobody may ask for any more.
func (l *Log) prune() error {
	oldest := l.options.Now().Add(-retention).UnixMilli()
	var size int64
	for _, s := range l.segments {
		size += s.base + s.size
	}
	for len(l.segments) > 1 && (l.segments[1].time < oldest || size > l.options.MaxSize) {
		s := l.segments[0]
		if err := s.delete(); err != nil {
			return fmt.Errorf("deleting old history: %w", err)
		}
		size -= s.base + s.size
		l.segments = l.segments[1:]
	}
	return nil
}

// Close closes the history's files, after the connection to the database. Commits that
// are pending are found again by Open.
func (l *Log) Close() error {
	var errs []error
	if l.times != nil {
		errs = append(errs, l.flush(), l.times.Close())
	}
	for _, s := range l.segments {
		errs = append(errs, s.file.Close())
	}
	if l.db != nil {
		errs = append(errs, l.db.Close())
	}
	return errors.Join(errs...)
}
