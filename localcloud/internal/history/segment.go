package history

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// segment is a copy of the database, in a file NAME.base, and the changes since, in
// NAME.log: a head and chunks.
type segment struct {
	segmentHead
	file   *os.File // the changes
	base   int64    // bytes of the copy
	size   int64    // bytes of the changes, all of which are whole
	chunks []chunk
}

// segmentHead begins the file of a segment's changes.
type segmentHead struct {
	lineage [16]byte
	seq     uint64 // of the commit that the copy is
	time    int64  // of that commit, in Unix milliseconds
}

// chunk is what came from the write-ahead log at once: a head, the changes of pages,
// and a table of the commits they belong to.
type chunk struct {
	at      int64  // of the head in the file
	salt    uint64 // of the log
	page    uint32 // bytes
	end     uint32 // how many of the log's frames are in this chunk and those before
	first   uint64 // the number of the first commit
	commits uint32
	changes int64 // bytes
	sum     uint32

	firstTime, lastTime int64
}

// commit is a row of a chunk's table.
type commit struct {
	time   int64  // Unix milliseconds
	pages  uint32 // of the database after it
	frames uint32 // in it
}

const (
	segmentMagic   = "clodo d1 history"
	chunkMagic     = "chnk"
	segmentHeadLen = 52
	chunkHeadLen   = 52
	commitLen      = 16
)

// castagnoli is made once, by who asks first: that takes longer than most packages to begin.
func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// newSegment copies the database and makes the file of its changes, which
// makes the segment exist.
func newSegment(dir string, db *os.File, h segmentHead) (_ *segment, err error) {
	s := &segment{segmentHead: h, size: segmentHeadLen}
	name := filepath.Join(dir, fmt.Sprintf("%016x", h.seq))
	if s.base, err = copyFile(name+".base", io.NewSectionReader(db, 0, 1<<62)); err != nil {
		return nil, err
	}
	b := append([]byte(segmentMagic), h.lineage[:]...)
	b = binary.LittleEndian.AppendUint64(b, h.seq)
	b = binary.LittleEndian.AppendUint64(b, uint64(h.time))
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli()))
	if s.file, err = os.OpenFile(name+".new", os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600); err != nil {
		return nil, err
	}
	_, err = s.file.Write(b)
	if err = errors.Join(err, s.file.Sync(), s.file.Close()); err != nil {
		return nil, err
	}
	if err := os.Rename(name+".new", name+".log"); err != nil {
		return nil, err
	}
	s.file, err = os.OpenFile(name+".log", os.O_RDWR, 0)
	return s, err
}

// copyFile makes a file with what r holds, and says how long it is.
func copyFile(path string, r io.Reader) (size int64, err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if size, err = io.Copy(f, r); err != nil || size == 0 {
		return 0, err
	}
	return size, f.Sync()
}

// openSegment reads what the file of changes at path holds. What is torn at the end
// of the last segment was being written when a process died, and is cut off.
func openSegment(path string, last bool) (_ *segment, err error) {
	s := &segment{}
	if s.file, err = os.OpenFile(path, os.O_RDWR, 0); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.file.Close()
		}
	}()
	b := make([]byte, segmentHeadLen)
	if _, err := s.file.ReadAt(b, 0); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	if string(b[:16]) != segmentMagic || binary.LittleEndian.Uint32(b[48:]) != crc32.Checksum(b[:48], castagnoli()) {
		return nil, fmt.Errorf("%s has no head", filepath.Base(path))
	}
	copy(s.lineage[:], b[16:])
	s.seq, s.time, s.size = binary.LittleEndian.Uint64(b[32:]), int64(binary.LittleEndian.Uint64(b[40:])), segmentHeadLen
	info, err := os.Stat(s.basePath())
	if err != nil {
		return nil, err
	}
	s.base = info.Size()
	for {
		c, err := s.readChunk(s.size)
		if err != nil {
			return nil, err
		}
		if c == nil {
			break
		}
		s.chunks = append(s.chunks, *c)
		s.size = c.next()
	}
	if !last {
		return s, nil
	}
	if n := len(s.chunks); n > 0 && !s.whole(s.chunks[n-1]) {
		s.size, s.chunks = s.chunks[n-1].at, s.chunks[:n-1]
	}
	return s, s.file.Truncate(s.size)
}

func (s *segment) basePath() string { return strings.TrimSuffix(s.file.Name(), ".log") + ".base" }

func (s *segment) delete() error {
	// Without its changes a segment does not exist: they go first.
	return errors.Join(s.file.Close(), os.Remove(s.file.Name()), os.Remove(s.basePath()))
}

func (s *segment) lastSeq() uint64 {
	if n := len(s.chunks); n > 0 {
		return s.chunks[n-1].last()
	}
	return s.seq
}

func (s *segment) lastTime() int64 {
	if n := len(s.chunks); n > 0 {
		return s.chunks[n-1].lastTime
	}
	return s.time
}

func (c *chunk) last() uint64 { return c.first + uint64(c.commits) - 1 }
func (c *chunk) next() int64  { return c.at + chunkHeadLen + c.changes + int64(c.commits)*commitLen }

// readChunk reads the head of the chunk at an offset; there is none when it is nil.
func (s *segment) readChunk(at int64) (*chunk, error) {
	b := make([]byte, chunkHeadLen)
	if _, err := s.file.ReadAt(b, at); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	if string(b[:4]) != chunkMagic || binary.LittleEndian.Uint32(b[48:]) != crc32.Checksum(b[:48], castagnoli()) {
		return nil, nil
	}
	c := &chunk{
		at: at, page: binary.LittleEndian.Uint32(b[4:]), salt: binary.LittleEndian.Uint64(b[8:]), first: binary.LittleEndian.Uint64(b[16:]),
		commits: binary.LittleEndian.Uint32(b[24:]), end: binary.LittleEndian.Uint32(b[28:]), changes: int64(binary.LittleEndian.Uint64(b[32:])), sum: binary.LittleEndian.Uint32(b[40:]),
	}
	table, err := s.table(*c)
	if errors.Is(err, io.EOF) || errors.Is(err, errTable) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	c.firstTime, c.lastTime = table[0].time, table[len(table)-1].time
	return c, nil
}

var errTable = errors.New("a table of commits is damaged")

// table reads the commits of a chunk.
func (s *segment) table(c chunk) ([]commit, error) {
	if c.commits == 0 || c.changes < 0 {
		return nil, errTable
	}
	b := make([]byte, int(c.commits)*commitLen)
	if _, err := s.file.ReadAt(b, c.at+chunkHeadLen+c.changes); err != nil {
		return nil, err
	}
	table := make([]commit, c.commits)
	for i := range table {
		row := b[i*commitLen:]
		table[i] = commit{int64(binary.LittleEndian.Uint64(row)), binary.LittleEndian.Uint32(row[8:]), binary.LittleEndian.Uint32(row[12:])}
	}
	return table, nil
}

// whole compares a chunk with its checksum.
func (s *segment) whole(c chunk) bool {
	sum := crc32.New(castagnoli())
	_, err := io.Copy(sum, io.NewSectionReader(s.file, c.at+chunkHeadLen, c.next()-c.at-chunkHeadLen))
	return err == nil && sum.Sum32() == c.sum
}

// append adds the commits of w from the frame first on; times gives the time of the i-th of these commits.
func (s *segment) append(w *wal, first int, db *os.File, times func(i int) int64) (*chunk, error) {
	before, err := newPages(w, first, db)
	if err != nil {
		return nil, err
	}
	c := chunk{at: s.size, salt: w.salt, page: uint32(w.page), end: uint32(w.frames), first: s.lastSeq() + 1}
	sum := crc32.New(castagnoli())
	out := bufio.NewWriterSize(io.MultiWriter(io.NewOffsetWriter(s.file, c.at+chunkHeadLen), sum), 1<<18)
	var table, delta []byte
	frames := uint32(0)
	for i := first; i < w.frames; i++ {
		f, err := w.frame(i)
		if err != nil {
			return nil, err
		}
		old, err := before.page(f.number)
		if err != nil {
			return nil, err
		}
		delta = appendDelta(binary.AppendUvarint(delta[:0], uint64(f.number)), old, f.image)
		before.at[f.number] = i
		c.changes += int64(len(delta))
		if _, err := out.Write(delta); err != nil {
			return nil, err
		}
		if frames++; f.pages != 0 {
			at := times(int(c.commits))
			if c.commits == 0 {
				c.firstTime = at
			}
			c.lastTime = at
			table = binary.LittleEndian.AppendUint64(table, uint64(at))
			table = binary.LittleEndian.AppendUint32(table, f.pages)
			table = binary.LittleEndian.AppendUint32(table, frames)
			c.commits, frames = c.commits+1, 0
		}
	}
	if _, err := out.Write(table); err != nil {
		return nil, err
	}
	if err := out.Flush(); err != nil {
		return nil, err
	}
	c.sum = sum.Sum32()
	if _, err := s.file.WriteAt(c.head(), c.at); err != nil { // last: it makes the chunk exist
		return nil, err
	}
	s.chunks, s.size = append(s.chunks, c), c.next()
	return &c, nil
}

func (c *chunk) head() []byte {
	b := append([]byte(nil), chunkMagic...)
	b = binary.LittleEndian.AppendUint32(b, c.page)
	b = binary.LittleEndian.AppendUint64(b, c.salt)
	b = binary.LittleEndian.AppendUint64(b, c.first)
	b = binary.LittleEndian.AppendUint32(b, c.commits)
	b = binary.LittleEndian.AppendUint32(b, c.end)
	b = binary.LittleEndian.AppendUint64(b, uint64(c.changes))
	b = binary.LittleEndian.AppendUint32(b, c.sum)
	b = append(b, 0, 0, 0, 0)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli()))
}

// pages are the pages of a database as they were before the frames that follow.
type pages struct {
	w     *wal
	db    *os.File
	at    map[uint32]int // the last frame of a page
	first int            // frames before it are in the history already
	limit uint32         // pages that the database had before it
	buf   []byte
}

func newPages(w *wal, first int, db *os.File) (*pages, error) {
	info, err := db.Stat()
	if err != nil {
		return nil, err
	}
	p := &pages{w: w, db: db, at: map[uint32]int{}, first: first, limit: uint32(info.Size() / int64(w.page)), buf: make([]byte, w.page)}
	for i := range first {
		f, err := w.frame(i)
		if err != nil {
			return nil, err
		}
		if f.pages != 0 {
			p.limit = f.pages
		}
		p.at[f.number] = i
	}
	return p, nil
}

// page is the page of that number; a page that was not there is zero.
func (p *pages) page(number uint32) ([]byte, error) {
	i, inLog := p.at[number]
	if number > p.limit && (!inLog || i < p.first) {
		clear(p.buf)
		return p.buf, nil
	}
	if inLog {
		return p.w.image(i, p.buf)
	}
	_, err := p.db.ReadAt(p.buf, int64(number-1)*int64(p.w.page))
	return p.buf, err
}

// find is the index of the first chunk that ok holds for, as it does for all later.
func (s *segment) find(ok func(chunk) bool) int {
	return sort.Search(len(s.chunks), func(i int) bool { return ok(s.chunks[i]) })
}
