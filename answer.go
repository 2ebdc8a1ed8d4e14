package clodo

import (
	"bufio"
	"encoding/json"
	"errors"
	"net"
	"net/http"
)

// answer is an answer on its way to the client, with what has passed counted.
type answer struct {
	http.ResponseWriter
	status int // 0 until the header is sent
	bytes  int64
}

func (a *answer) WriteHeader(status int) {
	a.ResponseWriter.WriteHeader(status) // which panics on what is no status
	if status >= http.StatusOK || status == http.StatusSwitchingProtocols {
		a.status = status
	}
}

func (a *answer) Write(b []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	n, err := a.ResponseWriter.Write(b)
	a.bytes += int64(n)
	return n, err
}

// begun reports that nothing can be taken back any more.
func (a *answer) begun() bool { return a.status != 0 }

// Flush makes it an [http.Flusher], which handlers ask for that are older than
// [http.ResponseController].
func (a *answer) Flush() { _ = a.FlushError() } // a client that is gone is noticed by the next write

// FlushError is for [http.ResponseController]: what is flushed has begun.
func (a *answer) FlushError() error {
	err := http.NewResponseController(a.ResponseWriter).Flush()
	if a.status == 0 && !errors.Is(err, http.ErrNotSupported) {
		a.status = http.StatusOK
	}
	return err
}

// Hijack is for [http.ResponseController]: the connection is a WebSocket's.
func (a *answer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(a.ResponseWriter).Hijack()
	if err == nil {
		a.status = http.StatusSwitchingProtocols
	}
	return conn, buffered, err
}

// Unwrap gives [http.ResponseController] what it needs.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// JSON answers with v as JSON. When v cannot be JSON nothing has been sent, and the
// error is an internal one for [WriteError].
func JSON(w http.ResponseWriter, status int, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n')) // the client may be gone
	return nil
}
