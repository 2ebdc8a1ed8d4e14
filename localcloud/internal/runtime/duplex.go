package runtime

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// duplex lets a Worker answer a request while that is still being sent, or does not come:
// else the server would first read it to its end. The returned function makes sure that
// nobody reads the request any more, as the server then takes up the next one.
func duplex(w http.ResponseWriter, req *http.Request) (done func()) {
	control := http.NewResponseController(w)
	if control.EnableFullDuplex() != nil {
		return func() {} // not a connection of HTTP/1.1
	}
	body := &streamed{ReadCloser: req.Body, w: unwrapped(w)}
	*req = *req.WithContext(context.WithValue(req.Context(), streamedKey{}, body))
	req.Body = body
	return func() {
		if body.ended.Load() {
			return
		}
		if !body.mu.TryLock() {
			_ = control.SetReadDeadline(time.Now()) // ends the read; the connection is of no more use
			body.mu.Lock()
		}
		body.over = true
		body.mu.Unlock()
	}
}

type streamedKey struct{}

func unwrapped(w http.ResponseWriter) http.ResponseWriter {
	for {
		inner, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return w
		}
		w = inner.Unwrap()
	}
}

// early is called before an answer. One that comes before the end of its request is the last
// of the connection: what is still to come of the request would be taken for the next.
func early(req *http.Request) {
	body, ok := req.Context().Value(streamedKey{}).(*streamed)
	if !ok || body.ended.Load() {
		return
	}
	// This is how a handler says that it reads no more. The server then answers, waits a
	// moment with its own end of the connection closed, so that the client gets to read that,
	// and closes. With the header alone it would close at once, and what the client still
	// sends would reset the connection under the answer.
	_, _ = http.MaxBytesReader(body.w, io.NopCloser(strings.NewReader("more")), 0).Read(make([]byte, 1))
}

// streamed is a body that can be taken away from its reader.
type streamed struct {
	io.ReadCloser
	w      http.ResponseWriter // the server's own
	ended  atomic.Bool         // it was read to its end
	broken atomic.Bool         // what the client sends is no body

	mu   sync.Mutex
	over bool
}

func (s *streamed) Read(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return 0, http.ErrBodyReadAfterClose
	}
	n, err := s.ReadCloser.Read(b)
	switch {
	case errors.Is(err, io.EOF):
		s.ended.Store(true)
	case err != nil:
		s.broken.Store(true)
	}
	return n, err
}
