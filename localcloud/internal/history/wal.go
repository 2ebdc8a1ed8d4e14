package history

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// The sizes of SQLite's write-ahead log: https://www.sqlite.org/fileformat2.html#walformat
const (
	walHeader   = 32
	frameHeader = 24
)

// wal reads a write-ahead log: page images, of which the last of each commit says
// how many pages the database then has.
type wal struct {
	file   *os.File // nil when there is no log
	salt   uint64   // differs for every beginning of the log
	page   int      // bytes
	frames int

	read []byte // frames from the one at from on, for reading in order
	from int
}

// frame is one page image.
type frame struct {
	number uint32 // of the page, from 1
	pages  uint32 // of the database after the commit that ends here, else 0
	image  []byte // until the next read
}

// openWAL opens the log at path, which may be missing. The number of frames is known
// to whoever wrote them; when it is negative they are found as SQLite finds them
// after a crash: up to the last commit whose checksums hold.
func openWAL(path string, frames int) (_ *wal, err error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return &wal{}, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	head := make([]byte, walHeader)
	n, err := f.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	w, sum := parseHeader(head[:n])
	w.file = f
	switch {
	case w.page == 0 && frames > 0:
		return nil, fmt.Errorf("%s is no write-ahead log", path)
	case w.page == 0:
		return w, nil // it was being made when the process died
	case frames >= 0:
		w.frames = frames
		return w, nil
	}
	return w, w.count(sum)
}

func (w *wal) close() error {
	if w.file == nil {
		return nil
	}
	return w.file.Close()
}

// parseHeader reads the head of a log; the pages of what is none have no bytes.
func parseHeader(head []byte) (*wal, *checksum) {
	if len(head) < walHeader {
		return &wal{}, nil
	}
	magic := binary.BigEndian.Uint32(head)
	sum := &checksum{order: binary.LittleEndian}
	if magic&1 != 0 {
		sum.order = binary.BigEndian
	}
	page := binary.BigEndian.Uint32(head[8:])
	sum.add(head[:24])
	if magic&^1 != 0x377f0682 || page < 512 || page > 65536 || page&(page-1) != 0 || !sum.is(head[24:]) {
		return &wal{}, nil
	}
	return &wal{salt: binary.BigEndian.Uint64(head[16:]), page: int(page)}, sum
}

// count finds the end of the last commit that is whole.
func (w *wal) count(sum *checksum) error {
	for i := 0; ; i++ {
		b, err := w.raw(i)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		sum.add(b[:8])
		sum.add(b[frameHeader:])
		if binary.BigEndian.Uint64(b[8:]) != w.salt || !sum.is(b[16:]) || binary.BigEndian.Uint32(b) == 0 {
			return nil
		}
		if binary.BigEndian.Uint32(b[4:]) != 0 {
			w.frames = i + 1
		}
	}
}

// size is how many bytes a frame has.
func (w *wal) size() int { return frameHeader + w.page }

// raw reads the frame at i, from 0, and those after it for the next calls.
func (w *wal) raw(i int) ([]byte, error) {
	if i < w.from || (i-w.from+1)*w.size() > len(w.read) {
		if w.read == nil {
			w.read = make([]byte, 64*w.size())
		}
		n, err := w.file.ReadAt(w.read[:cap(w.read)], walHeader+int64(i)*int64(w.size()))
		if w.read, w.from = w.read[:n], i; n < w.size() {
			return nil, fmt.Errorf("reading frame %d of %s: %w", i, w.file.Name(), err)
		}
	}
	return w.read[(i-w.from)*w.size():][:w.size()], nil
}

// frame is raw, taken apart.
func (w *wal) frame(i int) (frame, error) {
	b, err := w.raw(i)
	if err != nil {
		return frame{}, err
	}
	return frame{binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:]), b[frameHeader:]}, nil
}

// image is the page of the frame at i, which is at hand or read into buf.
func (w *wal) image(i int, buf []byte) ([]byte, error) {
	if i >= w.from && (i-w.from+1)*w.size() <= len(w.read) {
		return w.read[(i-w.from)*w.size()+frameHeader:][:w.page], nil
	}
	_, err := w.file.ReadAt(buf, walHeader+int64(i)*int64(w.size())+frameHeader)
	return buf, err
}

// checksum is the running sum over a log.
type checksum struct {
	order binary.ByteOrder
	a, b  uint32
}

// add needs a multiple of eight bytes.
func (c *checksum) add(p []byte) {
	for ; len(p) >= 8; p = p[8:] {
		c.a += c.order.Uint32(p) + c.b
		c.b += c.order.Uint32(p[4:]) + c.a
	}
}

// is compares with a sum as it is written.
func (c *checksum) is(p []byte) bool {
	return binary.BigEndian.Uint32(p) == c.a && binary.BigEndian.Uint32(p[4:]) == c.b
}
