package services

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxAnswer is how much of an answer Call reads: a service is trusted, and still should
// not fill the caller's memory.
const maxAnswer = 16 << 20

// Request is a call: what is particular to it.
type Request struct {
	Method string     // default: GET
	Path   string     // escaped, such as "/orders/" + url.PathEscape(id)
	Query  url.Values // may be nil
	Header http.Header
	Body   any // sent as JSON; bytes are sent as they are, with the Content-Type of Header
}

// Call makes a call and decodes the JSON that answers it. An answer of status 400 or more
// is an [*Error], as is none. Fields that T does not have are passed over; with struct{}
// as T, and when there is no content, the body is.
func Call[T any](ctx context.Context, c *Client, r Request) (T, error) {
	var v T
	res, err := c.Do(ctx, r)
	if err != nil {
		return v, err
	}
	defer res.Body.Close()
	if _, none := any(v).(struct{}); none {
		return v, nil
	}
	b, err := c.read(res)
	if err == nil && len(b) > 0 {
		err = json.Unmarshal(b, &v)
	}
	if err != nil {
		return v, &Error{Service: c.name, Method: res.Request.Method, Path: res.Request.URL.Path, Err: fmt.Errorf("reading the answer: %w", err)}
	}
	return v, nil
}

// Do makes a call and returns its answer, whose body the caller closes. An answer of
// status 400 or more is an [*Error], as is none.
func (c *Client) Do(ctx context.Context, r Request) (*http.Response, error) {
	req, err := r.request(ctx)
	if err != nil {
		return nil, &Error{Service: c.name, Method: r.Method, Path: r.Path, Err: err}
	}
	res, err := c.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	res.Request = req
	if res.StatusCode < 400 {
		return res, nil
	}
	defer res.Body.Close()
	e := &Error{Service: c.name, Method: req.Method, Path: req.URL.Path, Status: res.StatusCode}
	e.RetryAfter, _ = retryAfter(res.Header, time.Now())
	if b, err := c.read(res); err == nil {
		e.said(res.Header.Get("Content-Type"), b)
	}
	return nil, e
}

// read reads an answer whole, within the time that an answer has to begin.
func (c *Client) read(res *http.Response) ([]byte, error) {
	late := time.AfterFunc(c.options.Timeout, func() { _ = res.Body.Close() })
	b, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case !late.Stop():
		return nil, errTimeout
	case len(b) > maxAnswer:
		return nil, fmt.Errorf("it has more than %d bytes", maxAnswer)
	}
	return b, err
}

// request is r as net/http has it.
func (r Request) request(ctx context.Context) (*http.Request, error) {
	if !strings.HasPrefix(r.Path, "/") {
		return nil, fmt.Errorf("the path %q does not begin with a slash", r.Path)
	}
	u, err := url.Parse("https://service" + r.Path)
	if err != nil {
		return nil, err
	}
	if r.Query != nil {
		u.RawQuery = r.Query.Encode()
	}
	var body io.Reader
	kind := ""
	switch b := r.Body.(type) {
	case nil:
	case []byte:
		body = bytes.NewReader(b)
	default:
		encoded, err := json.Marshal(b)
		if err != nil {
			return nil, fmt.Errorf("encoding the body: %w", err)
		}
		body, kind = bytes.NewReader(encoded), "application/json"
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, u.String(), body)
	if err != nil {
		return nil, err
	}
	if r.Header != nil {
		req.Header = r.Header.Clone()
	}
	if kind != "" && req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", kind)
	}
	if req.Header.Get("Accept") == "" {
		req.Header.Set("Accept", "application/json")
	}
	return req, nil
}
