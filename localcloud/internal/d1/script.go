package d1

import (
	"errors"
	"io"
	"strings"
)

// script reads SQL that is too long to be held as a whole.
type script struct {
	in     io.Reader
	window string // the next part
	ended  bool   // the window has the rest

	ahead, block int // scriptAhead and scriptBlock, but for tests
}

func newScript(in io.Reader) *script {
	return &script{in: in, ahead: scriptAhead, block: scriptBlock}
}

const (
	// scriptAhead is how much of a script is at hand: more than a statement may have.
	scriptAhead = 256 << 10
	scriptBlock = 1 << 20
)

// next is the part of the script that begins with the next statement, "" at the end.
// The statement is whole, unless it is longer than any may be.
func (s *script) next() (string, error) {
	for {
		if err := s.fill(); err != nil {
			return "", err
		}
		rest, open := cutBlank(s.window)
		switch {
		case s.ended:
			s.window = rest
			return rest, nil
		case open != "":
			s.window = shortened(open)
		case len(rest) >= s.ahead:
			s.window = rest
			return rest, nil
		default:
			s.window = rest
		}
	}
}

// shortened is a comment that has not ended, without what it says: it may be long.
func shortened(open string) string {
	if strings.HasPrefix(open, "/*") && strings.HasSuffix(open[2:], "*") {
		return "/**" // this may be half of its end
	}
	return open[:2]
}

// fill reads until enough is at hand.
func (s *script) fill() error {
	for !s.ended && len(s.window) < s.ahead {
		block := make([]byte, s.block)
		n, err := io.ReadFull(s.in, block)
		s.window += string(block[:n])
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			s.ended = true
		case err != nil:
			return err
		}
	}
	return nil
}

// advance leaves all but rest, a part of what next returned, behind.
func (s *script) advance(rest string) { s.window = rest }
