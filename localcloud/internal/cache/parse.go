package cache

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
)

// maxHead is how long the status line and the headers of an answer may be.
const maxHead = 128 << 10

// errMalformed is a body of a PUT that is no answer, or not all of one.
var errMalformed = errors.New("this is not a whole answer")

// readHead reads the head of an answer as workerd writes it: a status line, headers and an
// empty line. All that follows is the body, which is what it returns: it is never in chunks,
// whatever the headers say.
func (e *entry) readHead(r io.Reader) (io.Reader, error) {
	bound := &io.LimitedReader{R: r, N: maxHead}
	in := bufio.NewReader(bound)
	text := textproto.NewReader(in)
	line, err := text.ReadLine()
	if err != nil {
		return nil, malformed(err)
	}
	if e.status, err = statusOf(line); err != nil {
		return nil, err
	}
	header, err := text.ReadMIMEHeader()
	if err != nil {
		return nil, malformed(err)
	}
	for name, values := range header {
		for _, value := range values {
			if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
				return nil, fmt.Errorf("%w: the header %s has a control character", errMalformed, name)
			}
		}
	}
	e.header = http.Header(header)
	bound.N = math.MaxInt64
	return in, nil
}

func malformed(err error) error { return fmt.Errorf("%w: %w", errMalformed, err) }

// statusOf reads a status line.
func statusOf(line string) (int, error) {
	protocol, rest, _ := strings.Cut(line, " ")
	code, _, _ := strings.Cut(rest, " ")
	status, err := strconv.Atoi(code)
	if !strings.HasPrefix(protocol, "HTTP/1.") || err != nil || len(code) != 3 || status < 200 || status > 599 {
		return 0, fmt.Errorf("%w: the status line is %.40q", errMalformed, line)
	}
	return status, nil
}

// take removes the headers that are not kept: those named, and those of the connection. It
// returns the length that the body is said to have, -1 without one.
func (e *entry) take(named []string) int64 {
	length, err := strconv.ParseInt(e.header.Get("Content-Length"), 10, 64)
	if err != nil {
		length = -1
	}
	for _, name := range append(named, "Connection", "Content-Length", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade") {
		e.header.Del(name)
	}
	for _, values := range e.header.Values("Cache-Tag") {
		for tag := range strings.SplitSeq(values, ",") {
			if tag = strings.ToLower(strings.TrimSpace(tag)); tag != "" {
				e.tags = append(e.tags, tag)
			}
		}
	}
	return length
}

// weight is what an answer takes in memory, about.
func (e *entry) weight() int64 {
	n := overhead + len(e.url) + len(e.path) + len(e.body)
	for name, values := range e.header {
		n += len(name)
		for _, value := range values {
			n += len(value)
		}
	}
	return int64(n)
}
