//go:build !js

package clodo

import (
	"bufio"
	"encoding/binary"
	"io"
	"unicode/utf8"
)

// The opcodes of RFC 6455.
const (
	opContinuation = 0
	opText         = 1
	opBinary       = 2
	opClose        = 8
	opPing         = 9
	opPong         = 10
)

// frame is a frame that a client sent, unmasked.
type frame struct {
	last    bool
	op      byte
	payload []byte
}

// violation is a client that breaks the protocol: what it is closed with.
func violation(code int, reason string) *CloseError { return &CloseError{Code: code, Reason: reason} }

// readFrame reads a frame of at most limit bytes. A [CloseError] is what the client did
// wrong; any other error is the connection's.
func readFrame(r *bufio.Reader, limit int64) (frame, error) {
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return frame{}, err
	}
	f := frame{last: head[0]&0x80 != 0, op: head[0] & 0x0f}
	control := f.op >= opClose
	switch {
	case head[0]&0x70 != 0:
		return frame{}, violation(CloseProtocol, "an extension was used that was not agreed on")
	case f.op > opBinary && f.op < opClose || f.op > opPong:
		return frame{}, violation(CloseProtocol, "a frame of an unknown kind")
	case head[1]&0x80 == 0:
		return frame{}, violation(CloseProtocol, "a frame that is not masked")
	case control && (!f.last || head[1]&0x7f > 125):
		return frame{}, violation(CloseProtocol, "a control frame in parts, or too long")
	}
	n, err := readLength(r, head[1]&0x7f)
	if err != nil {
		return frame{}, err
	}
	if !control && n > uint64(limit) {
		return frame{}, violation(CloseTooBig, "the message is too long")
	}
	var mask [4]byte
	if _, err := io.ReadFull(r, mask[:]); err != nil {
		return frame{}, err
	}
	// What a frame says of its length is not believed before the bytes are there.
	f.payload = make([]byte, 0, min(n, 4096))
	for uint64(len(f.payload)) < n {
		at := len(f.payload)
		step := min(n-uint64(at), uint64(max(at, 4096)))
		f.payload = append(f.payload, make([]byte, step)...)
		if _, err := io.ReadFull(r, f.payload[at:]); err != nil {
			return frame{}, err
		}
	}
	for i := range f.payload {
		f.payload[i] ^= mask[i%4]
	}
	return f, nil
}

func readLength(r *bufio.Reader, short byte) (uint64, error) {
	var b [8]byte
	switch short {
	case 126:
		if _, err := io.ReadFull(r, b[6:]); err != nil {
			return 0, err
		}
	case 127:
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return 0, err
		}
	default:
		return uint64(short), nil
	}
	n := binary.BigEndian.Uint64(b[:])
	if n <= 125 || short == 127 && n <= 0xffff || n > 1<<62 {
		return 0, violation(CloseProtocol, "a length that is not written as it should be")
	}
	return n, nil
}

// appendFrame writes a frame of a server, which are whole and not masked.
func appendFrame(b []byte, op byte, payload []byte) []byte {
	b = append(b, 0x80|op)
	switch n := len(payload); {
	case n <= 125:
		b = append(b, byte(n))
	case n <= 0xffff:
		b = binary.BigEndian.AppendUint16(append(b, 126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 127), uint64(n))
	}
	return append(b, payload...)
}

// closing reads what a frame says that closes.
func closing(payload []byte) (*CloseError, error) {
	if len(payload) == 0 {
		return &CloseError{Code: CloseNoCode}, nil
	}
	if len(payload) == 1 {
		return nil, violation(CloseProtocol, "a code for closing that is cut off")
	}
	e := &CloseError{Code: int(binary.BigEndian.Uint16(payload)), Reason: string(payload[2:])}
	switch {
	case !sendable(e.Code):
		return nil, violation(CloseProtocol, "a code for closing that may not be sent")
	case !utf8.ValidString(e.Reason):
		return nil, violation(CloseInvalidText, "a reason for closing that is no text")
	}
	return e, nil
}

// messageReader puts frames together to messages. What is not for the reader of messages,
// pings and pongs and the end, goes to control.
type messageReader struct {
	r       *bufio.Reader
	limit   int64
	control func(frame) error
}

// next is the next message.
func (m messageReader) next() (WebSocketMessage, error) {
	var message WebSocketMessage
	begun := false
	for {
		f, err := readFrame(m.r, max(m.limit-int64(len(message.Data)), 0))
		switch {
		case err != nil:
			return WebSocketMessage{}, err
		case f.op >= opClose:
			if err := m.control(f); err != nil {
				return WebSocketMessage{}, err
			}
			continue
		case begun != (f.op == opContinuation):
			return WebSocketMessage{}, violation(CloseProtocol, "parts of messages out of order")
		case !begun:
			begun, message.Text = true, f.op == opText
			message.Data = f.payload
		default:
			message.Data = append(message.Data, f.payload...)
		}
		if f.last {
			if message.Text && !utf8.Valid(message.Data) {
				return WebSocketMessage{}, violation(CloseInvalidText, "a text that is not UTF-8")
			}
			return message, nil
		}
	}
}
