package host

import (
	"errors"
	"net/http"
	"strconv"
	"time"
	"unsafe"
)

// held is how much of an answer waits for its end, so that a short one crosses the
// boundary once.
const held = 64 << 10

var errGone = errors.New("the client is gone")

// responseWriter hands an answer to the shim: whole when it is short, else in parts.
type responseWriter struct {
	exchange *exchange
	header   http.Header
	status   int // 0 until the handler decides
	body     []byte
	started  bool
	gone     bool
	noBody   bool // of a HEAD
}

func (w *responseWriter) Header() http.Header { return w.header }

func (w *responseWriter) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		w.status = status
	}
}

func (w *responseWriter) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if w.status == http.StatusNoContent || w.status == http.StatusNotModified {
		return 0, http.ErrBodyNotAllowed
	}
	if w.noBody {
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

func (w *responseWriter) start() {
	if w.started {
		return
	}
	w.started = true
	w.respond(0)
}

// respond sends the head and the body so far. The head is the status and the headers'
// names and values, a line each.
func (w *responseWriter) respond(whole int32) {
	if w.header.Get("Content-Type") == "" && len(w.body) > 0 && w.header.Get("Content-Encoding") == "" {
		w.header.Set("Content-Type", http.DetectContentType(w.body))
	}
	i := w.exchange.program
	b := strconv.AppendInt(i.outbox[:0], int64(w.status), 10)
	for name, values := range w.header {
		for _, value := range values {
			b = appendLine(appendLine(b, name), value)
		}
	}
	i.outbox = b
	shimRespond(unsafe.Pointer(unsafe.SliceData(b)), int32(len(b)), unsafe.Pointer(unsafe.SliceData(w.body)), int32(len(w.body)), whole)
	i.page, w.body = w.body[:0], nil // for the next
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

// send hands on a part of the body, and waits while the client is slower.
func (w *responseWriter) send(b []byte) error {
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
	w.respond(1)
}

// fail ends it after a panic: with 500 when nothing was sent, else broken.
func (w *responseWriter) fail() {
	if w.started {
		shimEnd(1)
		return
	}
	w.header, w.status, w.body = http.Header{}, 0, nil
	http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
	w.finish()
}
