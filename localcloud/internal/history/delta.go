package history

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
)

// A small change leaves most of a page as it was, so a page is kept as the runs of
// bytes in which it differs from what it was before: the distance to the run, its
// length, its bytes; a distance with the length zero ends the page.

var errDelta = errors.New("a change of a page is damaged")

// appendDelta appends how to make page of before. Both have the same length, a
// multiple of eight.
func appendDelta(b, before, page []byte) []byte {
	done := 0
	for at := 0; at < len(page); {
		if binary.LittleEndian.Uint64(before[at:]) == binary.LittleEndian.Uint64(page[at:]) {
			at += 8
			continue
		}
		end := at + 8
		for end < len(page) && binary.LittleEndian.Uint64(before[end:]) != binary.LittleEndian.Uint64(page[end:]) {
			end += 8
		}
		from, to := at, end
		for before[from] == page[from] {
			from++
		}
		for before[to-1] == page[to-1] {
			to--
		}
		b = binary.AppendUvarint(b, uint64(from-done))
		b = binary.AppendUvarint(b, uint64(to-from))
		b = append(b, page[from:to]...)
		done, at = to, end
	}
	return append(b, 0, 0)
}

// applyDelta reads a delta and makes page what it was after the change.
func applyDelta(page []byte, delta *bufio.Reader) error {
	for rest := page; ; {
		skip, err := binary.ReadUvarint(delta)
		if err != nil {
			return err
		}
		length, err := binary.ReadUvarint(delta)
		if err != nil || length == 0 {
			return err
		}
		if room := uint64(len(rest)); skip > room || length > room-skip {
			return errDelta
		}
		if _, err := io.ReadFull(delta, rest[skip:skip+length]); err != nil {
			return err
		}
		rest = rest[skip+length:]
	}
}
