package wire

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"

	"github.com/tamylaa/clodo/internal/host"
)

// Exchange is a request or an answer without its body, as the shim's bindings/fetch.js has
// it.
type Exchange struct {
	Method     string      `json:"method,omitempty"`
	URL        string      `json:"url,omitempty"`
	Status     int         `json:"status,omitempty"`
	StatusText string      `json:"statusText,omitempty"`
	Headers    [][2]string `json:"headers"`
}

// headers are those of an Exchange.
func headers(h http.Header) [][2]string {
	all := make([][2]string, 0, len(h))
	for name, values := range h {
		for _, value := range values {
			all = append(all, [2]string{name, value})
		}
	}
	return all
}

// Asked is a request as it is sent.
func Asked(r *http.Request) Exchange {
	return Exchange{Method: r.Method, URL: Absolute(r.URL), Headers: headers(r.Header)}
}

// Fetch sends a request by an operation that answers as fetch does.
func Fetch(kind, binding, op string, to json.RawMessage, r *http.Request) (*http.Response, error) {
	return host.Fetch(kind, binding, op, to, host.ManualRedirects, Hosted(r))
}

// Call does an operation whose answer is one of HTTP.
func Call(ctx context.Context, kind, binding, op string, args []byte, body io.Reader, r *http.Request) (*http.Response, error) {
	a, err := host.Call(ctx, kind, binding, op, args, body)
	if err != nil {
		return nil, err
	}
	var got Exchange
	if err := Decode(kind, binding, a.Data, &got); err != nil {
		return nil, err
	}
	res := &http.Response{
		Status: strconv.Itoa(got.Status) + " " + got.StatusText, StatusCode: got.Status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: a.Body, ContentLength: -1, Request: r,
	}
	if res.Body == nil {
		res.Body = http.NoBody
	}
	for _, h := range got.Headers {
		res.Header.Add(h[0], h[1])
	}
	if n, err := strconv.ParseInt(res.Header.Get("Content-Length"), 10, 64); err == nil {
		res.ContentLength = n
	}
	return res, nil
}

// Answered is an answer as it is handed over.
func Answered(res *http.Response) Exchange {
	return Exchange{Status: res.StatusCode, Headers: headers(res.Header)}
}
