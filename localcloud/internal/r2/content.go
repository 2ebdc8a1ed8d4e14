package r2

import (
	"bytes"
	"crypto/cipher"
	"fmt"
	"hash"
	"io"
	"os"
	"sync"

	"github.com/tamylaa/clodo/localcloud/internal/pieces"
)

// inlineMax is up to which size a content is kept in the object's row: measured, a
// row is faster to write and to read than a file up to about here.
const inlineMax = 32 << 10

// content is the bytes of an object or part on disk, before it belongs to one.
type content struct {
	small  []byte // what there is, when it is small
	pieces []pieces.Piece
	size   int64
}

// blocks are buffers for copying.
var blocks = sync.Pool{New: func() any { return new([256 << 10]byte) }}

// receive stores a body and feeds sums with it. A content of at most inline bytes
// stays in memory, encrypted as the piece called id would be; a negative inline keeps
// every content in a file.
func (s *Store) receive(body io.Reader, inline int, id string, secret []byte, sums ...hash.Hash) (content, error) {
	buffer := blocks.Get().(*[256 << 10]byte)
	defer blocks.Put(buffer)
	first := buffer[:]
	if inline >= 0 {
		first = buffer[:inline+1]
	}
	n, err := readSome(body, first)
	if err != nil {
		return content{}, err
	}
	for _, sum := range sums {
		sum.Write(buffer[:n])
	}
	if n <= inline {
		small := bytes.Clone(buffer[:n])
		if small == nil {
			small = []byte{}
		}
		if secret != nil {
			stream, err := keystream(secret, id, 0)
			if err != nil {
				return content{}, err
			}
			stream.XORKeyStream(small, small)
		}
		return content{small: small, size: int64(n)}, nil
	}
	return s.receiveFile(body, buffer[:], n, secret, sums)
}

// receiveFile is receive for a body of which the first n bytes are in buffer.
func (s *Store) receiveFile(body io.Reader, buffer []byte, n int, secret []byte, sums []hash.Hash) (c content, err error) {
	id, file, err := s.files.Create()
	if err != nil {
		return content{}, fmt.Errorf("keeping an object: %w", err)
	}
	c.pieces = []pieces.Piece{{ID: id}}
	defer func() {
		if e := file.Close(); err == nil && e != nil {
			err = fmt.Errorf("keeping an object: %w", e)
		}
		if err != nil {
			s.files.Remove(c.pieces...)
		}
	}()
	to := io.Writer(file)
	if secret != nil {
		stream, err := keystream(secret, id, 0)
		if err != nil {
			return c, err
		}
		to = cipher.StreamWriter{S: stream, W: file}
	}
	for n > 0 {
		if c.size += int64(n); c.size > MaxUpload {
			return c, ErrEntityTooLarge
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return c, fmt.Errorf("keeping an object: %w", err)
		}
		if n, err = readSome(body, buffer); err != nil {
			return c, err
		}
		for _, sum := range sums {
			sum.Write(buffer[:n])
		}
	}
	c.pieces[0].Size = c.size
	return c, nil
}

// readSome fills buffer as far as there are bytes. Unlike io.ReadFull it tells a body
// that is over from one that broke off.
func readSome(r io.Reader, buffer []byte) (n int, err error) {
	for n < len(buffer) && err == nil {
		var m int
		m, err = r.Read(buffer[n:])
		n += m
	}
	if err != nil && err != io.EOF {
		return n, fmt.Errorf("%w: %w", ErrIncompleteBody, err)
	}
	return n, nil
}

// Reader is an object and the part of its content that was asked for. It must be
// closed.
type Reader struct {
	Object
	Offset, Length int64 // what WriteTo writes of the content

	store  *Store
	secret []byte
	small  []byte
	pieces []pieces.Piece
	leased bool
}

// WriteTo writes the content.
func (r *Reader) WriteTo(w io.Writer) (written int64, err error) {
	if r.pieces == nil {
		n, err := w.Write(r.small)
		return int64(n), err
	}
	skip, left := r.Offset, r.Length
	for _, p := range r.pieces {
		if skip >= p.Size {
			skip -= p.Size
			continue
		}
		if left == 0 {
			break
		}
		n, err := r.writePiece(w, p, skip, min(left, p.Size-skip))
		written += n
		if err != nil {
			return written, err
		}
		left, skip = left-n, 0
	}
	return written, nil
}

func (r *Reader) writePiece(w io.Writer, p pieces.Piece, offset, length int64) (int64, error) {
	file, err := os.Open(r.store.files.Path(p.ID))
	if err != nil {
		return 0, fmt.Errorf("reading an object: %w", err)
	}
	defer file.Close()
	if _, err := file.Seek(offset, io.SeekStart); err != nil {
		return 0, fmt.Errorf("reading an object: %w", err)
	}
	if r.secret == nil {
		return io.CopyN(w, file, length) // the kernel does it when w is a connection
	}
	stream, err := keystream(r.secret, p.ID, offset)
	if err != nil {
		return 0, err
	}
	return io.CopyN(w, cipher.StreamReader{S: stream, R: file}, length)
}

// Close gives the content free.
func (r *Reader) Close() {
	if r.leased {
		r.leased = false
		r.store.files.Release(r.pieces)
	}
}
