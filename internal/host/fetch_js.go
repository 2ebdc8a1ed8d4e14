package host

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// What [Fetch] does about redirects.
const (
	FollowRedirects = "follow"
	ManualRedirects = "manual" // they are answers
)

// fetched is a request or an answer without its body, as shim/bindings/fetch.js has it.
type fetched struct {
	Method     string          `json:"method,omitempty"`
	URL        string          `json:"url,omitempty"`
	Redirect   string          `json:"redirect,omitempty"`
	To         json.RawMessage `json:"to,omitempty"`
	Status     int             `json:"status,omitempty"`
	StatusText string          `json:"statusText,omitempty"`
	Headers    [][2]string     `json:"headers"`
}

// Fetch sends a request by an operation that answers as fetch does; to says what of the
// binding is meant, if the operation wants to know. Bodies are streams both ways, and
// that of r is closed. What comes decoded is no longer said to be encoded.
func Fetch(kind, binding, op string, to json.RawMessage, redirect string, r *http.Request) (*http.Response, error) {
	sent := fetched{Method: r.Method, URL: r.URL.String(), Redirect: redirect, To: to, Headers: [][2]string{}}
	for name, values := range r.Header {
		for _, value := range values {
			sent.Headers = append(sent.Headers, [2]string{name, value})
		}
	}
	args, err := json.Marshal(sent)
	if err != nil {
		return nil, err
	}
	var body io.Reader
	if r.Body != nil && r.Body != http.NoBody {
		body = &closingReader{body: r.Body, known: r.ContentLength > 0}
	}
	a, err := Call(r.Context(), kind, binding, op, args, body)
	if err != nil {
		if r.Body != nil {
			_ = r.Body.Close() // it was only read
		}
		return nil, err
	}
	return response(a, r)
}

// response is the answer of an operation that answers as fetch does.
func response(a Answer, r *http.Request) (*http.Response, error) {
	var got fetched
	if err := json.Unmarshal(a.Data, &got); err != nil {
		return nil, fmt.Errorf("reading the head of an answer: %w", err)
	}
	res := &http.Response{
		Status: strconv.Itoa(got.Status) + " " + got.StatusText, StatusCode: got.Status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: make(http.Header, len(got.Headers)), Body: a.Body, ContentLength: -1, Request: r,
	}
	for _, h := range got.Headers {
		res.Header.Add(h[0], h[1])
	}
	if res.Body == nil {
		res.Body, res.ContentLength = http.NoBody, 0
	}
	switch res.Header.Get("Content-Encoding") {
	case "gzip", "br":
		res.Header.Del("Content-Encoding")
		res.Header.Del("Content-Length")
		res.Uncompressed = true
	}
	if n, err := strconv.ParseInt(res.Header.Get("Content-Length"), 10, 64); err == nil {
		res.ContentLength = n
	}
	return res, nil
}

// closingReader is a body that is closed when it has been read, or is given up. One whose
// length is not known may come bit by bit, and what is there is sent at once.
type closingReader struct {
	body  io.ReadCloser
	known bool
}

func (c *closingReader) Read(p []byte) (int, error) {
	n, err := c.body.Read(p)
	if err != nil {
		c.close()
	}
	return n, err
}

func (c *closingReader) close() { _ = c.body.Close() } // it was only read

// Follow sends a request over the network and follows redirects.
func Follow(r *http.Request) (*http.Response, error) {
	return Fetch("fetch", "", "fetch", nil, FollowRedirects, r)
}

// RoundTrip sends a request over the network.
func RoundTrip(r *http.Request) (*http.Response, error) {
	return Fetch("fetch", "", "fetch", nil, ManualRedirects, r)
}
