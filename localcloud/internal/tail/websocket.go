package tail

import (
	"bufio"
	"crypto/sha1" // the protocol's; no secret depends on it
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// The server's side of the WebSocket protocol (RFC 6455), as far as a tail needs it:
// what clients say is read and thrown away. Wrangler 4.86 sends frames that are not
// masked, against the protocol; Cloudflare takes them, and the libraries for Go
// do not.

// opcode is the kind of a frame.
type opcode byte

const (
	opBinary opcode = 2
	opClose  opcode = 8
	opPing   opcode = 9
	opPong   opcode = 10
)

// The reasons to close.
const (
	closeNormal   = 1000
	closeProtocol = 1002
	closeTooBig   = 1009
)

// maxFrame is how much a client may say at once.
const maxFrame = 64 << 10

// socket is an open WebSocket.
type socket struct {
	net.Conn
	in *bufio.Reader
	mu sync.Mutex // for writing
}

// upgrade makes a request a WebSocket of the subprotocol, or answers why not.
func upgrade(w http.ResponseWriter, req *http.Request) (*socket, error) {
	refuse := func(status int, why string) (*socket, error) {
		http.Error(w, why, status)
		return nil, errors.New(why)
	}
	h := req.Header
	switch {
	case !has(h, "Connection", "upgrade") || !has(h, "Upgrade", "websocket"):
		w.Header().Set("Upgrade", "websocket")
		return refuse(http.StatusUpgradeRequired, "This is the address of a WebSocket.")
	case h.Get("Sec-WebSocket-Version") != "13" || h.Get("Sec-WebSocket-Key") == "":
		return refuse(http.StatusBadRequest, "This WebSocket needs version 13 and a key.")
	case !has(h, "Sec-WebSocket-Protocol", Protocol):
		return refuse(http.StatusBadRequest, "The subprotocol of a tail is "+Protocol+".")
	case !sameOrigin(req):
		return refuse(http.StatusForbidden, "Pages of other origins cannot watch a tail.")
	}
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return refuse(http.StatusInternalServerError, "The connection cannot become a WebSocket.")
	}
	s := &socket{Conn: conn, in: rw.Reader}
	sum := sha1.Sum([]byte(h.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	err = s.raw([]byte("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: " + Protocol +
		"\r\nSec-WebSocket-Accept: " + base64.StdEncoding.EncodeToString(sum[:]) + "\r\n\r\n"))
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return s, nil
}

// has reports whether a header that is a list has an entry.
func has(h http.Header, name, entry string) bool {
	for _, value := range h.Values(name) {
		for one := range strings.SplitSeq(value, ",") {
			if strings.EqualFold(strings.TrimSpace(one), entry) {
				return true
			}
		}
	}
	return false
}

func sameOrigin(req *http.Request) bool {
	origin := req.Header.Get("Origin")
	u, err := url.Parse(origin)
	return origin == "" || err == nil && strings.EqualFold(u.Host, req.Host)
}

// raw writes bytes to a client that may have stopped to read.
func (s *socket) raw(b []byte) error {
	if err := s.SetWriteDeadline(time.Now().Add(slow)); err != nil {
		return err
	}
	_, err := s.Write(b)
	return err
}

// send writes one frame. It can be called by several goroutines.
func (s *socket) send(op opcode, payload []byte) error {
	frame := []byte{0x80 | byte(op)}
	switch n := len(payload); {
	case n < 126:
		frame = append(frame, byte(n))
	case n < 1<<16:
		frame = binary.BigEndian.AppendUint16(append(frame, 126), uint16(n))
	default:
		frame = binary.BigEndian.AppendUint64(append(frame, 127), uint64(n))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.raw(append(frame, payload...))
}

func (s *socket) sendClose(code uint16, why string) error {
	return s.send(opClose, append(binary.BigEndian.AppendUint16(nil, code), why...))
}

// listen reads what the client says until it ends, answering pings. A client that
// says nothing at all for longer than silence is gone.
func (s *socket) listen(silence time.Duration) error {
	for {
		if err := s.SetReadDeadline(time.Now().Add(silence)); err != nil {
			return err
		}
		op, payload, err := readFrame(s.in)
		if err != nil {
			var broken *frameError
			if errors.As(err, &broken) {
				err = errors.Join(err, s.sendClose(broken.code, broken.why))
			}
			return err
		}
		switch op {
		case opClose:
			return errors.Join(io.EOF, s.send(opClose, payload[:min(2, len(payload))]))
		case opPing:
			if err := s.send(opPong, payload); err != nil {
				return err
			}
		}
	}
}

// frameError is a frame that the protocol does not allow.
type frameError struct {
	code uint16
	why  string
}

func (e *frameError) Error() string { return fmt.Sprintf("WebSocket: %s (%d)", e.why, e.code) }

// readFrame reads one frame, masked or not.
func readFrame(r io.Reader) (op opcode, payload []byte, err error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:2]); err != nil {
		return 0, nil, err
	}
	op, masked, size := opcode(head[0]&0x0f), head[1]&0x80 != 0, uint64(head[1]&0x7f)
	control := op >= opClose
	switch {
	case head[0]&0x70 != 0:
		return 0, nil, &frameError{closeProtocol, "reserved bits are set"}
	case control && (size > 125 || head[0]&0x80 == 0):
		return 0, nil, &frameError{closeProtocol, "a control frame is too long"}
	case size == 126:
		if _, err := io.ReadFull(r, head[:2]); err != nil {
			return 0, nil, err
		}
		size = uint64(binary.BigEndian.Uint16(head[:2]))
	case size == 127:
		if _, err := io.ReadFull(r, head[:8]); err != nil {
			return 0, nil, err
		}
		size = binary.BigEndian.Uint64(head[:8])
	}
	if size > maxFrame {
		return 0, nil, &frameError{closeTooBig, "a message is too long"}
	}
	var mask [4]byte
	if masked {
		if _, err := io.ReadFull(r, mask[:]); err != nil {
			return 0, nil, err
		}
	}
	payload = make([]byte, size)
	if _, err := io.ReadFull(r, payload); err != nil {
		return 0, nil, err
	}
	for i := range payload {
		payload[i] ^= mask[i%4]
	}
	return op, payload, nil
}
