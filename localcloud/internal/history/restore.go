package history

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"sort"
	"strconv"
	"time"
)

// UnknownError is about a bookmark or a time that names no state of the
// database, or one that is not kept any more.
type UnknownError struct{ Reason string }

func (e *UnknownError) Error() string { return e.Reason }

func unknown(format string, args ...any) error { return &UnknownError{fmt.Sprintf(format, args...)} }

// Bookmark names the state after a commit. Bookmarks of a database sort as strings
// in the order of its commits; they have the four parts of Cloudflare's.
func (l *Log) Bookmark(seq uint64) string {
	return fmt.Sprintf("%08x-%08x-%08x-%x", seq>>32, uint32(seq), 0, l.lineage)
}

// Parse is the commit that a bookmark names. It may be too old to be restored.
func (l *Log) Parse(bookmark string) (uint64, error) {
	seq, lineage, ok := parse(bookmark)
	switch {
	case !ok:
		return 0, unknown("%q is not a bookmark", bookmark)
	case lineage != l.lineage:
		return 0, unknown("the bookmark %s is not of this database", bookmark)
	case seq > l.Seq():
		return 0, unknown("the bookmark %s is of no state that this database ever had", bookmark)
	}
	return seq, nil
}

func parse(bookmark string) (seq uint64, lineage [16]byte, ok bool) {
	if len(bookmark) != 59 || bookmark[8] != '-' || bookmark[17:27] != "-00000000-" {
		return 0, lineage, false
	}
	seq, err := strconv.ParseUint(bookmark[:8]+bookmark[9:17], 16, 64)
	_, err2 := hex.Decode(lineage[:], []byte(bookmark[27:]))
	return seq, lineage, err == nil && err2 == nil
}

// At is the last commit at or before t.
func (l *Log) At(t time.Time) (uint64, error) {
	now, at := l.options.Now(), t.UnixMilli()
	switch {
	case t.After(now):
		return 0, unknown("%s is in the future", stamp(t))
	case t.Before(now.Add(-retention)):
		return 0, unknown("%s is more than 30 days ago", stamp(t))
	case at < l.segments[0].time:
		return 0, unknown("the history of this database begins at %s, after %s", stamp(time.UnixMilli(l.segments[0].time)), stamp(t))
	}
	after := sort.Search(len(l.pending), func(i int) bool { return l.pending[i] > at })
	if after > 0 {
		return l.archived + uint64(after), nil
	}
	s := l.segments[sort.Search(len(l.segments), func(i int) bool { return l.segments[i].time > at })-1]
	i := s.find(func(c chunk) bool { return c.firstTime > at }) - 1
	if i < 0 {
		return s.seq, nil
	}
	table, err := s.table(s.chunks[i])
	if err != nil {
		return 0, err
	}
	return s.chunks[i].first + uint64(sort.Search(len(table), func(i int) bool { return table[i].time > at })) - 1, nil
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// Restore makes a file at path that is the database as it was after a commit, which
// has to be archived. It is an *UnknownError when that is not kept any more.
func (l *Log) Restore(path string, seq uint64) error {
	i := sort.Search(len(l.segments), func(i int) bool { return l.segments[i].seq > seq }) - 1
	if i < 0 {
		return unknown("the bookmark %s is older than what is kept of this database: its history may have %d MB", l.Bookmark(seq), l.options.MaxSize>>20)
	}
	s := l.segments[i]
	// A state is over when the next commit comes: one that lasts is not too old.
	if seq < l.Seq() {
		if ended, err := l.when(seq + 1); err != nil {
			return err
		} else if ended < l.options.Now().Add(-retention).UnixMilli() {
			return unknown("the bookmark %s is of a state that ended more than 30 days ago", l.Bookmark(seq))
		}
	}
	if seq > s.lastSeq() {
		return fmt.Errorf("the history is damaged: it ends at %s", l.Bookmark(s.lastSeq()))
	}
	if err := s.copyBase(path); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(s.replay(f, seq), f.Close())
}

func (s *segment) copyBase(path string) error {
	f, err := os.Open(s.basePath())
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = copyFile(path, f)
	return err
}

// when is the time of a commit.
func (l *Log) when(seq uint64) (int64, error) {
	if seq > l.archived {
		return l.pending[seq-l.archived-1], nil
	}
	at := sort.Search(len(l.segments), func(i int) bool { return l.segments[i].seq >= seq }) - 1
	s := l.segments[at]
	i := s.find(func(c chunk) bool { return c.last() >= seq })
	if i == len(s.chunks) {
		return l.segments[min(len(l.segments)-1, at+1)].time, nil // changed from outside
	}
	table, err := s.table(s.chunks[i])
	if err != nil {
		return 0, err
	}
	return table[seq-s.chunks[i].first].time, nil
}

// replay applies the changes up to a commit to the copy that the segment began with.
func (s *segment) replay(f *os.File, seq uint64) error {
	for _, c := range s.chunks {
		if c.first > seq {
			break
		}
		if !s.whole(c) {
			return fmt.Errorf("the history is damaged: %s at %d", s.file.Name(), c.at)
		}
		table, err := s.table(c)
		if err != nil {
			return err
		}
		if c.last() > seq {
			table = table[:seq-c.first+1]
		}
		if err := s.apply(f, c, table); err != nil {
			return err
		}
	}
	return nil
}

// apply applies the changes of the first commits of a chunk.
func (s *segment) apply(f *os.File, c chunk, table []commit) error {
	in := bufio.NewReaderSize(io.NewSectionReader(s.file, c.at+chunkHeadLen, c.changes), 1<<18)
	page := make([]byte, c.page)
	for _, t := range table {
		for range t.frames {
			number, err := binary.ReadUvarint(in)
			if err != nil {
				return err
			}
			if number == 0 {
				return errDelta
			}
			at := int64(number-1) * int64(c.page)
			if n, err := f.ReadAt(page, at); errors.Is(err, io.EOF) {
				clear(page[n:])
			} else if err != nil {
				return err
			}
			if err := applyDelta(page, in); err != nil {
				return err
			}
			if _, err := f.WriteAt(page, at); err != nil {
				return err
			}
		}
	}
	return f.Truncate(int64(table[len(table)-1].pages) * int64(c.page))
}
