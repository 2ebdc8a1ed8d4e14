package host

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unsafe"
)

// held is how much of an answer waits for its end, so that a short one crosses the
// boundary once.
const held = 64 << 10

// sniffed is how much of a body says of which type it is.
const sniffed = 512

var errGone = errors.New("the client is gone")

// responseWriter hands an answer to the shim: whole when it is short, else in parts.
type responseWriter struct {
	exchange *exchange
	header   http.Header
	status   int // 0 until the handler decides
	body     []byte
	started  bool
	gone     bool
	typed    bool // the body's type was said, or is not to be
	sized    bool // and its length
	noBody   bool // of a HEAD
	length   int  // of the body that a HEAD does not get
}

func (w *responseWriter) Header() http.Header { return w.header }

// WriteHeader panics, as in a server of net/http, on what is no status: a Response of
// JavaScript has none beyond 599.
func (w *responseWriter) WriteHeader(status int) {
	if w.status != 0 {
		return
	}
	if status < 100 || status > 599 {
		panic("a Worker cannot answer with the status " + strconv.Itoa(status))
	}
	if status >= http.StatusOK {
		w.status = status
		w.writeHead()
	}
}

// writeHead makes the head of the answer: the status and the headers' names and values, a
// line each. What is said in the header later is said to nobody, as in a server of net/http.
func (w *responseWriter) writeHead() {
	i := w.exchange.program
	b := strconv.AppendInt(i.outbox[:0], int64(w.status), 10)
	for name, values := range w.header {
		if !isToken(name) {
			continue // as net/http does; JavaScript would refuse the whole answer
		}
		for _, value := range values {
			b = appendLine(appendLine(b, name), value)
		}
	}
	i.outbox = b
	_, set := w.header["Content-Type"] // a handler that sets a nil wants none
	w.typed = set || w.header.Get("Content-Encoding") != ""
	w.sized = w.header.Get("Content-Length") != ""
}

// addHeader says one more thing in the head that is made.
func (w *responseWriter) addHeader(name, value string) {
	i := w.exchange.program
	i.outbox = appendLine(appendLine(i.outbox, name), value)
}

// bodiless reports that an answer of a status has no body: a Response of JavaScript with
// 205 has none either.
func bodiless(status int) bool {
	return status == http.StatusNoContent || status == http.StatusResetContent || status == http.StatusNotModified
}

func (w *responseWriter) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if bodiless(w.status) {
		return 0, http.ErrBodyNotAllowed
	}
	if w.noBody {
		w.length += len(b)
		w.body = append(w.body, b[:min(len(b), sniffed-len(w.body))]...)
		return len(b), nil
	}
	if w.gone {
		return 0, errGone
	}
	if !w.started && len(w.body)+len(b) <= held {
		if w.body == nil {
			w.body, w.exchange.program.page = w.exchange.program.page, nil
		}
		w.body = append(w.body, b...)
		return len(b), nil
	}
	w.start()
	if err := w.send(b); err != nil {
		return 0, err
	}
	return len(b), nil
}

// Flush sends what there is.
func (w *responseWriter) Flush() {
	w.WriteHeader(http.StatusOK)
	w.start()
}

// FlushError is Flush for [http.ResponseController].
func (w *responseWriter) FlushError() error {
	w.Flush()
	if w.gone {
		return errGone
	}
	return nil
}

// SetReadDeadline is for [http.ResponseController]: reading the request's body fails from
// then on.
func (w *responseWriter) SetReadDeadline(t time.Time) error {
	w.exchange.slow = t
	return nil
}

// SetWriteDeadline takes away what there is none of, which handlers of streams begin with.
func (w *responseWriter) SetWriteDeadline(t time.Time) error {
	if t.IsZero() {
		return nil
	}
	return http.ErrNotSupported
}

// EnableFullDuplex has nothing to do: reading and writing never wait for each other.
func (w *responseWriter) EnableFullDuplex() error { return nil }

func (w *responseWriter) start() {
	if w.started {
		return
	}
	w.started = true
	w.respond(0)
}

// respond sends the head and the body so far.
func (w *responseWriter) respond(whole int32) {
	if !w.typed && len(w.body) > 0 {
		w.addHeader("Content-Type", http.DetectContentType(w.body))
	}
	if w.noBody {
		w.body = w.body[:0]
	}
	i := w.exchange.program
	head := i.outbox
	shimRespond(unsafe.Pointer(unsafe.SliceData(head)), int32(len(head)), unsafe.Pointer(unsafe.SliceData(w.body)), int32(len(w.body)), whole)
	i.page, w.body = w.body[:0], nil // for the next
}

// isToken reports what the name of a header may be.
func isToken(name string) bool {
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-':
		case strings.IndexByte("!#$%&'*+.^_`|~", c) < 0:
			return false
		}
	}
	return name != ""
}

// appendLine writes a line, with spaces for what would end it, as net/http does, and for
// NUL, with which JavaScript refuses the whole answer.
func appendLine(b []byte, s string) []byte {
	b = append(b, '\n')
	at := len(b)
	b = append(b, s...)
	for j, c := range b[at:] {
		if c == '\n' || c == '\r' || c == 0 {
			b[at+j] = ' '
		}
	}
	return b
}

// send hands on a part of the body, and waits while the client is slower. A goroutine that
// outlives its request writes to nobody: the shim would take it for the next one's.
func (w *responseWriter) send(b []byte) error {
	if w.exchange != w.exchange.program.current {
		w.gone = true
		return errGone
	}
	switch shimWrite(unsafe.Pointer(unsafe.SliceData(b)), int32(len(b))) {
	case -1:
		w.gone = true
		return errGone
	case 1:
		if _, err := w.exchange.program.call(w.exchange, drain, nil); err != nil {
			w.gone = true
			return errGone
		}
	}
	return nil
}

// finish ends the answer.
func (w *responseWriter) finish() {
	w.WriteHeader(http.StatusOK)
	if w.started {
		shimEnd(0)
		return
	}
	w.started = true
	if w.noBody && w.length > 0 && w.length <= held && !w.sized {
		w.addHeader("Content-Length", strconv.Itoa(w.length)) // of the answer to a GET, which would have been whole
	}
	w.respond(1)
}

// fail ends it after a panic: with 500 when nothing was sent, else broken.
func (w *responseWriter) fail() {
	if w.started {
		shimEnd(1)
		return
	}
	w.header, w.status, w.body, w.length = http.Header{}, 0, nil, 0
	http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
	w.finish()
}
