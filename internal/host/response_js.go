package host

import (
	"encoding/binary"
	"errors"
	"net/http"
	"unsafe"
)

// held is how much of an answer waits for its end, so that a short one crosses the
// boundary once.
const held = 64 << 10

var errGone = errors.New("the client is gone")

// responseWriter hands an answer to the shim: whole when it is short, else in parts.
type responseWriter struct {
	program  *instance
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

func (w *responseWriter) start() {
	if w.started {
		return
	}
	w.started = true
	w.respond(0)
}

// respond sends the head and the body so far: status, number of headers, the headers,
// body.
func (w *responseWriter) respond(whole int32) {
	if w.header.Get("Content-Type") == "" && len(w.body) > 0 && w.header.Get("Content-Encoding") == "" {
		w.header.Set("Content-Type", http.DetectContentType(w.body))
	}
	n := 0
	for _, values := range w.header {
		n += len(values)
	}
	b := make([]byte, 0, 256+len(w.body))
	b = binary.LittleEndian.AppendUint32(b, uint32(w.status))
	b = binary.LittleEndian.AppendUint32(b, uint32(n))
	for name, values := range w.header {
		for _, value := range values {
			b = appendText(appendText(b, name), value)
		}
	}
	b = append(b, w.body...)
	w.body = nil
	shimRespond(unsafe.Pointer(unsafe.SliceData(b)), int32(len(b)), whole)
}

// send hands on a part of the body, and waits while the client is slower.
func (w *responseWriter) send(b []byte) error {
	switch shimWrite(unsafe.Pointer(unsafe.SliceData(b)), int32(len(b))) {
	case -1:
		w.gone = true
		return errGone
	case 1:
		if _, err := w.program.call(w.exchange, drain, nil); err != nil {
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
