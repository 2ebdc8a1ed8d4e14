//go:build !js

package clodo

import (
	"context"
	"crypto/sha1" //nolint:gosec // the protocol's, where it proves nothing secret
	"encoding/base64"
	"encoding/binary"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// The times of a WebSocket.
const (
	pingEvery    = 30 * time.Second
	silenceLimit = 75 * time.Second // after that without a frame, pongs included, the client is gone
	writeLimit   = 10 * time.Second // for a message to be taken
	closeLimit   = 5 * time.Second  // for the other side to close too
)

// WebSocket is a connection over which messages go both ways. One goroutine may read
// while others write and close.
type WebSocket struct {
	conn     net.Conn
	protocol string
	messages messageReader
	ended    chan struct{} // closed when the connection is

	reading sync.Mutex // held by who reads; end is theirs
	end     error      // why nothing more can be read

	writing sync.Mutex
	closed  bool // a frame that closes was sent
	once    sync.Once
}

// upgrade answers with 101 and takes the connection over.
func upgrade(w http.ResponseWriter, r *http.Request, o WebSocketOptions, protocol string) (*WebSocket, error) {
	key, err := base64.StdEncoding.DecodeString(r.Header.Get("Sec-WebSocket-Key"))
	if err != nil || len(key) != 16 || r.Header.Get("Sec-WebSocket-Version") != "13" || !hasToken(r.Header.Values("Connection"), "upgrade") {
		return nil, &Problem{
			Status: http.StatusBadRequest, Code: "websocket_handshake", Detail: "The request does not begin a WebSocket of version 13 as it should.",
			Header: http.Header{"Sec-Websocket-Version": {"13"}},
		}
	}
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, err
	}
	sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	head := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + base64.StdEncoding.EncodeToString(sum[:]) + "\r\n"
	if protocol != "" {
		head += websocketProtocol + ": " + protocol + "\r\n"
	}
	if id := w.Header().Get(RequestIDHeader); plain(id) {
		head += RequestIDHeader + ": " + id + "\r\n"
	}
	s := &WebSocket{conn: conn, protocol: protocol, ended: make(chan struct{})}
	s.messages = messageReader{r: buffered.Reader, limit: o.ReadLimit, control: s.control}
	_ = conn.SetDeadline(time.Time{}) // what the server or Timeout has set; where it cannot be set there is none
	if err := s.send([]byte(head + "\r\n")); err != nil {
		s.drop()
		return nil, err
	}
	go s.ping(r.Context())
	return s, nil
}

func hasToken(values []string, token string) bool {
	for _, list := range values {
		for item := range strings.SplitSeq(list, ",") {
			if strings.EqualFold(strings.TrimSpace(item), token) {
				return true
			}
		}
	}
	return false
}

// Protocol is what was agreed on; "" for none.
func (s *WebSocket) Protocol() string { return s.protocol }

// Read waits for the next message. An error, mostly a [*CloseError], means that there are
// no more.
func (s *WebSocket) Read() (WebSocketMessage, error) {
	s.reading.Lock()
	defer s.reading.Unlock()
	if s.end != nil {
		return WebSocketMessage{}, s.end
	}
	s.alive()
	m, err := s.messages.next()
	if err != nil {
		s.end = s.finish(err)
		return WebSocketMessage{}, s.end
	}
	return m, nil
}

// alive gives the client time for its next frame.
func (s *WebSocket) alive() { _ = s.conn.SetReadDeadline(time.Now().Add(silenceLimit)) } // an error comes with the read

// control answers the frames that belong to no message. That which closes is an error.
func (s *WebSocket) control(f frame) error {
	s.alive()
	switch f.op {
	case opPing:
		return s.write(opPong, f.payload)
	case opClose:
		e, err := closing(f.payload)
		if err != nil {
			return err
		}
		return e
	}
	return nil
}

// finish says goodbye to a client that did, or that broke the protocol, and is why
// nothing more can be read.
func (s *WebSocket) finish(err error) error {
	var said *CloseError
	if errors.As(err, &said) {
		_ = s.goodbye(said.Code, said.Reason) // it may be gone
		s.drop()
		return said
	}
	s.drop()
	return &CloseError{Code: CloseAbnormal, Reason: err.Error()}
}

// Write sends a message. An error means that the client is gone, or did not take it
// within 10 seconds.
func (s *WebSocket) Write(m WebSocketMessage) error {
	if m.Text {
		return s.write(opText, m.Data)
	}
	return s.write(opBinary, m.Data)
}

func (s *WebSocket) write(op byte, payload []byte) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.closed {
		return net.ErrClosed
	}
	return s.send(appendFrame(make([]byte, 0, 10+len(payload)), op, payload))
}

func (s *WebSocket) send(b []byte) error {
	if err := s.conn.SetWriteDeadline(time.Now().Add(writeLimit)); err != nil {
		return err
	}
	if _, err := s.conn.Write(b); err != nil {
		s.drop() // half a frame may have gone out
		return err
	}
	return nil
}

// goodbye sends the frame that closes, once.
func (s *WebSocket) goodbye(code int, reason string) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	var payload []byte
	if code != CloseNoCode {
		payload = append(binary.BigEndian.AppendUint16(nil, uint16(code)), reason...)
	}
	return s.send(appendFrame(nil, opClose, payload))
}

// Close ends the WebSocket with a code and a reason of at most 123 bytes, and waits a
// little for the other side to do the same. Closing again does nothing.
func (s *WebSocket) Close(code int, reason string) error {
	if err := mayClose(code, reason); err != nil {
		return err
	}
	if err := s.goodbye(code, reason); err != nil {
		s.drop()
		return nil // it is closed
	}
	_ = s.conn.SetReadDeadline(time.Now().Add(closeLimit)) // an error comes with the read
	if s.reading.TryLock() {
		defer s.reading.Unlock()
		for s.end == nil { // what still comes is not for anybody
			if _, err := s.messages.next(); err != nil {
				s.end = s.finish(err)
			}
		}
		return nil
	}
	select {
	case <-s.ended: // by who reads
	case <-time.After(closeLimit):
		s.drop()
	}
	return nil
}

// drop closes the connection.
func (s *WebSocket) drop() {
	s.once.Do(func() {
		close(s.ended)
		_ = s.conn.Close() // nothing is left to be done about it
	})
}

// ping keeps the connection alive, and ends it with its request: when the handler has
// returned.
func (s *WebSocket) ping(ctx context.Context) {
	t := time.NewTicker(pingEvery)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			if s.write(opPing, nil) != nil {
				return
			}
		case <-s.ended:
			return
		case <-ctx.Done():
			_ = s.goodbye(CloseGoingAway, "") // the client may be gone
			s.drop()
			return
		}
	}
}
