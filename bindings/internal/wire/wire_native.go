//go:build !js

package wire

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/tamylaa/clodo/internal/host"
)

// Request is one to a binding, in the protocol of its kind.
type Request struct {
	Method string // default: GET
	Path   string // escaped, with a slash before it
	Query  url.Values
	Header http.Header
	Body   io.Reader // nil: none
	Length int64     // of the body; -1 is unknown
}

// Send asks a binding. The answer may have any status; its body is to be closed.
func Send(ctx context.Context, kind, binding string, r Request) (*http.Response, error) {
	u := &url.URL{RawQuery: r.Query.Encode()}
	path, err := url.PathUnescape(r.Path)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", kind, binding, err)
	}
	u.Path, u.RawPath = path, r.Path
	req := &http.Request{Method: r.Method, URL: u, Header: r.Header, Body: http.NoBody}
	if req.Header == nil {
		req.Header = http.Header{}
	}
	if r.Body != nil && r.Length != 0 {
		req.Body, req.ContentLength = io.NopCloser(r.Body), r.Length
	}
	return host.Send(ctx, kind, binding, req)
}

// post asks for an operation whose answer is JSON.
func post(ctx context.Context, kind, binding, op string, args []byte) ([]byte, error) {
	res, err := Send(ctx, kind, binding, Request{
		Method: http.MethodPost, Path: "/" + op, Header: http.Header{"Content-Type": {"application/json"}},
		Body: bytes.NewReader(args), Length: int64(len(args)),
	})
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, fmt.Errorf("%s %s: reading the answer: %w", kind, binding, err)
	}
	if res.StatusCode/100 != 2 {
		return nil, &Error{Kind: kind, Binding: binding, Op: op, Message: message(answer, res.Status)}
	}
	return answer, nil
}

// message is what is wrong, in a body that says so in JSON or as text, or else in the
// status line.
func message(body []byte, status string) string {
	var said struct{ Error string }
	if json.Unmarshal(body, &said) == nil && said.Error != "" {
		return said.Error
	}
	if text := strings.TrimSpace(string(body)); text != "" {
		return text
	}
	_, reason, _ := strings.Cut(status, " ")
	return reason
}

// Reason is what a refusal says: the text of the body, or else of the status line.
// It closes the body.
func Reason(res *http.Response) string {
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil {
		body = nil // the status line says something too
	}
	return message(body, res.Status)
}
