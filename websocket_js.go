package clodo

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"unicode/utf8"

	"github.com/tamylaa/clodo/internal/host"
)

// WebSocket is a connection over which messages go both ways. One goroutine may read
// while others write and close.
type WebSocket struct {
	ctx      context.Context //nolint:containedctx // of the request that it was
	protocol string

	reading  sync.Mutex // held by who reads
	messages io.ReadCloser
	end      error // why nothing more can be read
}

const websocketKind = "websocket"

// upgrade has the shim answer with one end of a WebSocketPair.
func upgrade(w http.ResponseWriter, r *http.Request, o WebSocketOptions, protocol string) (*WebSocket, error) {
	args, err := json.Marshal(struct {
		Protocol string `json:"protocol"`
		Limit    int64  `json:"limit"`
	}{protocol, o.ReadLimit})
	if err != nil {
		return nil, err
	}
	a, err := host.Call(r.Context(), websocketKind, "", "accept", args, nil)
	if err != nil {
		return nil, err
	}
	w.WriteHeader(http.StatusSwitchingProtocols) // for who logs it; it is answered
	return &WebSocket{ctx: r.Context(), protocol: protocol, messages: a.Body}, nil
}

// Protocol is what was agreed on; "" for none.
func (s *WebSocket) Protocol() string { return s.protocol }

// The kinds of what the shim hands over: length, kind, and the bytes.
const (
	binaryMessage = 0
	textMessage   = 1
	closeMessage  = 2 // the code, and the reason
)

// Read waits for the next message. An error, mostly a [*CloseError], means that there are
// no more.
func (s *WebSocket) Read() (WebSocketMessage, error) {
	s.reading.Lock()
	defer s.reading.Unlock()
	if s.end != nil {
		return WebSocketMessage{}, s.end
	}
	kind, data, err := s.next()
	switch {
	case err != nil:
		s.end = &CloseError{Code: CloseAbnormal, Reason: err.Error()}
	case kind == closeMessage:
		s.end = &CloseError{Code: int(binary.LittleEndian.Uint16(data)), Reason: string(data[2:])}
	default:
		return WebSocketMessage{Text: kind == textMessage, Data: data}, nil
	}
	_ = s.messages.Close() // its end is known
	return WebSocketMessage{}, s.end
}

func (s *WebSocket) next() (kind byte, data []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(s.messages, head[:]); err != nil {
		return 0, nil, err
	}
	data = make([]byte, binary.LittleEndian.Uint32(head[:]))
	_, err = io.ReadFull(s.messages, data)
	return head[4], data, err
}

// Write sends a message. An error means that the client is gone.
func (s *WebSocket) Write(m WebSocketMessage) error {
	op := "sendBytes"
	if m.Text {
		if op = "sendText"; !utf8.Valid(m.Data) {
			m.Data = bytes.ToValidUTF8(m.Data, []byte("\uFFFD"))
		}
	}
	_, err := host.Call(s.ctx, websocketKind, "", op, nil, bytes.NewReader(m.Data))
	return err
}

// Close ends the WebSocket with a code and a reason of at most 123 bytes. Closing again
// does nothing.
func (s *WebSocket) Close(code int, reason string) error {
	if err := mayClose(code, reason); err != nil {
		return err
	}
	args, err := json.Marshal(struct {
		Code   int    `json:"code"`
		Reason string `json:"reason"`
	}{code, reason})
	if err != nil {
		return err
	}
	_, err = host.Call(s.ctx, websocketKind, "", "close", args, nil)
	return err
}
