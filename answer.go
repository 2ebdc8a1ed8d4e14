package clodo

import (
	"bufio"
	"encoding/json"
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
	if status >= http.StatusOK || status == http.StatusSwitchingProtocols {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(b []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	n, err := a.ResponseWriter.Write(b)
	a.bytes += int64(n)
	return n, err
}

// FlushError is for [http.ResponseController]: what is flushed has begun.
func (a *answer) FlushError() error {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	return http.NewResponseController(a.ResponseWriter).Flush()
}

// Hijack is for [http.ResponseController]: the connection is a WebSocket's.
func (a *answer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	a.status = http.StatusSwitchingProtocols
	return http.NewResponseController(a.ResponseWriter).Hijack()
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
