// Package inprocess sends requests to handlers without a network: streams both ways, and
// no ports.
package inprocess

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Transport hands every request to a handler, in a goroutine of its own, which ends with
// the handler. The answer's body is to be closed, as that of any client.
type Transport struct{ Handler http.Handler }

// sniffed is how much of a body says of which type it is.
const sniffed = 512

// held is how much of an answer waits for its end, so that a short one has a length.
const held = 2048

// errClosed is what a handler gets that writes to who does not read any more.
var errClosed = errors.New("the client is gone")

// RoundTrip asks the handler. A panic of the handler before it answered is an error with
// its stack, and later one of reading the body. Once the request's context has ended that
// is the error, whatever the handler made of it.
func (t Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(r.Context())
	in := r.Clone(ctx)
	in.RequestURI, in.Proto, in.ProtoMajor, in.ProtoMinor = in.URL.RequestURI(), "HTTP/1.1", 1, 1
	if in.Host == "" {
		in.Host = in.URL.Host
	}
	in.URL.Scheme, in.URL.Host, in.URL.User, in.URL.Fragment, in.URL.RawFragment = "", "", nil, "", "" // which are no part of a request line
	if in.RemoteAddr == "" {
		in.RemoteAddr = "127.0.0.1:1"
	}
	if in.Header == nil {
		in.Header = http.Header{}
	}
	if in.Body == nil {
		in.Body = http.NoBody
	} else if in.Body != http.NoBody && in.ContentLength == 0 {
		in.ContentLength = -1 // as a client has it
	}
	if in.ContentLength > 0 {
		in.Header.Set("Content-Length", strconv.FormatInt(in.ContentLength, 10))
	}
	reader, pipe := io.Pipe()
	w := &writer{header: http.Header{}, pipe: pipe, head: make(chan *http.Response, 1), request: r, noBody: r.Method == http.MethodHead}
	failed := make(chan error, 1)
	go func() {
		defer cancel()
		err := serve(t.Handler, w, in)
		_ = in.Body.Close() // who sends it may want to go on
		_ = pipe.CloseWithError(err)
		failed <- err
	}()
	var res *http.Response
	var err error
	select {
	case res = <-w.head:
	case err = <-failed:
		select {
		case res = <-w.head: // both have happened
		default:
		}
	case <-r.Context().Done():
	}
	if ended := r.Context().Err(); ended != nil {
		res, err = nil, ended
	}
	if res == nil {
		cancel()
		_ = reader.CloseWithError(errClosed)
		return nil, err
	}
	res.Body = &closing{reader, cancel}
	return res, nil
}

// serve runs the handler; nil is the end of a whole answer.
func serve(h http.Handler, w *writer, r *http.Request) (err error) {
	defer func() {
		switch caught := recover(); {
		case caught == nil:
			w.finish()
		case caught == http.ErrAbortHandler: //nolint:errorlint // it is the value that is thrown
			err = errors.New("the handler broke its answer off")
		default:
			err = fmt.Errorf("the handler panicked: %v\n%s", caught, debug.Stack())
		}
	}()
	h.ServeHTTP(w, r)
	return nil
}

// closing ends the request when its answer is closed.
type closing struct {
	*io.PipeReader
	cancel context.CancelFunc
}

func (c *closing) Close() error {
	c.cancel()
	return c.CloseWithError(errClosed)
}

// writer is the answer as the handler sees it.
type writer struct {
	request *http.Request
	header  http.Header
	head    chan *http.Response
	pipe    *io.PipeWriter
	noBody  bool // of a HEAD

	mu     sync.Mutex
	status int         // 0 until the handler decides
	said   http.Header // what the header was then: nothing later is sent
	body   []byte
	length int64 // of the body that a HEAD does not get
	sent   bool
}

func (w *writer) Header() http.Header { return w.header }

// WriteHeader panics on what is no status, as the one of a Worker: beyond 599 there is none.
func (w *writer) WriteHeader(status int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.status != 0 {
		return
	}
	if status < 100 || status > 599 {
		panic("a Worker cannot answer with the status " + strconv.Itoa(status))
	}
	if status >= http.StatusOK || status == http.StatusSwitchingProtocols {
		w.status, w.said = status, fields(w.header)
	}
}

// fields are those of a header that a server sends, as a client gets them.
func fields(h http.Header) http.Header {
	line := strings.NewReplacer("\r", " ", "\n", " ")
	said := make(http.Header, len(h))
	for name, values := range h {
		if values == nil {
			said[name] = nil // a type that is not to be guessed
		}
		for _, value := range values {
			if validName(name) {
				said.Add(name, line.Replace(value))
			}
		}
	}
	return said
}

// validName reports that a name may stand before the colon of a header's line.
func validName(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(c rune) bool { return c <= ' ' || c > '~' || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, c) })
}

// bodiless reports that an answer of a status has no body: a Worker's with 205 has none either.
func bodiless(status int) bool {
	return status == http.StatusNoContent || status == http.StatusResetContent || status == http.StatusNotModified
}

func (w *writer) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	w.mu.Lock()
	if bodiless(w.status) {
		w.mu.Unlock()
		return 0, http.ErrBodyNotAllowed
	}
	if w.noBody {
		w.length += int64(len(b))
		w.body = append(w.body, b[:min(len(b), sniffed-len(w.body))]...)
		w.mu.Unlock()
		return len(b), nil
	}
	if !w.sent && len(w.body)+len(b) <= held {
		w.body = append(w.body, b...)
		w.mu.Unlock()
		return len(b), nil
	}
	first := w.send(b, -1)
	w.mu.Unlock()
	if len(first) > 0 {
		if _, err := w.pipe.Write(first); err != nil {
			return 0, err
		}
	}
	return w.pipe.Write(b)
}

// send hands the head over, if that has not happened, and returns what of the body
// waited. The caller holds w.mu.
func (w *writer) send(next []byte, length int64) []byte {
	if w.sent {
		return nil
	}
	w.sent = true
	first := w.body
	w.body = nil
	start := append(first[:len(first):len(first)], next...)
	if _, set := w.said["Content-Type"]; !set && len(start) > 0 && w.said.Get("Content-Encoding") == "" {
		w.said.Set("Content-Type", http.DetectContentType(start))
	}
	maps.DeleteFunc(w.said, func(_ string, values []string) bool { return values == nil })
	if n, err := strconv.ParseInt(w.said.Get("Content-Length"), 10, 64); err == nil {
		length = n
	} else if length >= 0 {
		w.said.Set("Content-Length", strconv.FormatInt(length, 10))
	}
	w.head <- &http.Response{
		Status: strconv.Itoa(w.status) + " " + http.StatusText(w.status), StatusCode: w.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.said, ContentLength: length, Request: w.request,
	}
	if w.noBody {
		return nil
	}
	return first
}

// Flush sends what there is.
func (w *writer) Flush() { _ = w.FlushError() }

// FlushError is Flush for [http.ResponseController].
func (w *writer) FlushError() error {
	w.WriteHeader(http.StatusOK)
	w.mu.Lock()
	first := w.send(nil, -1)
	w.mu.Unlock()
	if len(first) == 0 {
		return nil
	}
	_, err := w.pipe.Write(first)
	return err
}

// finish sends what was held back.
func (w *writer) finish() {
	w.WriteHeader(http.StatusOK)
	w.mu.Lock()
	length := int64(len(w.body))
	switch {
	case bodiless(w.status), w.noBody && (w.length == 0 || w.length > held): // a GET's answer would not have it either
		length = -1
	case w.noBody:
		length = w.length
	}
	first := w.send(nil, length)
	w.mu.Unlock()
	if len(first) > 0 {
		_, _ = w.pipe.Write(first) // the client is gone
	}
}

// SetReadDeadline does nothing: in memory nobody is slow.
func (w *writer) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing either.
func (w *writer) SetWriteDeadline(time.Time) error { return nil }

// EnableFullDuplex has nothing to do: reading and writing never wait for each other.
func (w *writer) EnableFullDuplex() error { return nil }
