package cloudflare

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// effect is what a second sending of the same request would do.
type effect int

const (
	creates effect = iota // makes something new each time: never repeated blindly
	names                 // leads to the same state each time
	reads                 // changes nothing
)

// request is one call, before it is sent.
type request struct {
	method string
	path   string   // template with {variables}
	args   []string // the variables' values, in order
	query  url.Values
	effect effect

	contentType string
	body        []byte
	header      http.Header
	auth        *Secret // bearer instead of the client's token

	bare      bool   // the answer has no envelope
	elsewhere string // an address that the API gave out; path is only what to call it
	err       error  // why the body could not be written
}

// answer is what came back from a call that succeeded.
type answer struct {
	status int
	header http.Header
	result []byte // the envelope's result, or the whole body of a bare answer
	info   resultInfo
}

// call makes r and reads its result as a T.
func call[T any](ctx context.Context, c *Client, r request) (T, error) {
	v, _, err := callInfo[T](ctx, c, r)
	return v, err
}

// callInfo is call for lists: it also gives the paging information.
func callInfo[T any](ctx context.Context, c *Client, r request) (T, resultInfo, error) {
	var v T
	a, err := c.do(ctx, r)
	if err != nil {
		return v, resultInfo{}, err
	}
	if len(a.result) == 0 {
		return v, a.info, nil
	}
	if err := json.Unmarshal(a.result, &v); err != nil {
		path, _ := r.filled()
		return v, resultInfo{}, &Error{
			Method: r.method, Path: path, Status: a.status, RequestID: a.header.Get("Cf-Ray"),
			Unknown: r.effect == creates, Err: fmt.Errorf("read the answer's result: %w", err),
		}
	}
	return v, a.info, nil
}

// run makes r and drops its result.
func (c *Client) run(ctx context.Context, r request) error {
	_, err := c.do(ctx, r)
	return err
}

// withJSON gives r a JSON body.
func (r request) withJSON(v any) request {
	r.contentType = "application/json"
	if r.body, r.err = json.Marshal(v); r.err != nil {
		r.err = fmt.Errorf("write the request: %w", r.err)
	}
	return r
}

// filled is r's path with its variables filled in. An empty value, "." or ".." would
// address something else and is refused.
func (r request) filled() (string, error) {
	var b strings.Builder
	rest, args := r.path, r.args
	for {
		before, after, found := strings.Cut(rest, "{")
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		name, tail, _ := strings.Cut(after, "}")
		if len(args) == 0 {
			panic("cloudflare: no value for {" + name + "} of " + r.path)
		}
		if args[0] == "" || args[0] == "." || args[0] == ".." {
			return r.path, fmt.Errorf("%s %q cannot be part of an address", strings.ReplaceAll(name, "_", " "), args[0])
		}
		b.WriteString(url.PathEscape(args[0]))
		rest, args = tail, args[1:]
	}
}

// do sends r, repeatedly where that is harmless, and gives the answer of a success.
// Every error is an *Error.
func (c *Client) do(ctx context.Context, r request) (*answer, error) {
	path, err := r.filled()
	if err = cmp.Or(err, r.err); err != nil {
		return nil, &Error{Method: r.method, Path: path, Err: err}
	}
	target := c.base + path
	if len(r.query) > 0 {
		target += "?" + r.query.Encode()
	}
	if r.elsewhere != "" {
		target = r.elsewhere
	}
	return c.repeat(ctx, r, path, target)
}

// attempt sends r once to target.
func (c *Client) attempt(ctx context.Context, r request, target string) (*answer, *Error) {
	fail := func(err error, sent bool) (*answer, *Error) {
		return nil, &Error{Unknown: sent && r.effect != reads, Err: withoutURL(err)}
	}
	req, err := http.NewRequestWithContext(ctx, r.method, target, bytes.NewReader(r.body))
	if err != nil {
		return fail(unsent{withoutURL(err)}, false)
	}
	for k, v := range r.header {
		req.Header[k] = v
	}
	if r.contentType != "" {
		req.Header.Set("Content-Type", r.contentType)
	}
	req.Header.Set("User-Agent", c.opts.UserAgent)
	token := c.opts.Token
	if r.auth != nil {
		token = *r.auth
	}
	if !token.IsZero() && r.elsewhere == "" {
		req.Header.Set("Authorization", "Bearer "+token.Reveal())
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return fail(err, !neverSent(err))
	}
	defer resp.Body.Close()
	body, err := readAtMost(resp.Body, c.opts.MaxResponse)
	if err != nil {
		_, e := fail(fmt.Errorf("read the answer: %w", err), true)
		e.RequestID = resp.Header.Get("Cf-Ray")
		return nil, e
	}
	return c.judge(r, resp, body)
}

// judge decides whether an answer is a success.
func (c *Client) judge(r request, resp *http.Response, body []byte) (*answer, *Error) {
	e := &Error{Status: resp.StatusCode, RequestID: resp.Header.Get("Cf-Ray")}
	mark := resp.Header.Get(LocalMark) != ""
	if r.elsewhere == "" && ((mark && c.real) || (!mark && c.opts.Local)) {
		e.Err, e.Unknown = ErrWrongCloud, r.effect != reads
		return nil, e
	}
	e.RetryAfter = retryAfter(resp.Header.Get("Retry-After"), time.Now())
	good := resp.StatusCode >= 200 && resp.StatusCode < 300
	a := &answer{status: resp.StatusCode, header: resp.Header}
	if good && len(body) == 0 && !r.bare {
		return a, nil // some deletes answer 204 or 205
	}
	if good && r.bare {
		a.result = body
		return a, nil
	}
	env, err := decodeEnvelope(body)
	switch {
	case err == nil && env.Success && good:
		a.result, a.info = env.Result, env.Info
		return a, nil
	case err == nil:
		e.Details = env.Errors
	case resp.Header.Get("Cf-Mitigated") != "":
		e.Err = fmt.Errorf("a firewall in front of Cloudflare's API asked for a %s", resp.Header.Get("Cf-Mitigated"))
	case len(body) > 0 || good:
		e.Err = err
	}
	// A refusal had no effect. Everything else may have had one, and a 408 is what some
	// proxies say when they lost patience with the other side.
	refused := (err == nil && good) || resp.StatusCode == http.StatusNotImplemented ||
		(resp.StatusCode >= 400 && resp.StatusCode < 500 && resp.StatusCode != http.StatusRequestTimeout)
	e.Unknown = r.effect != reads && !refused
	return nil, e
}

// neverSent reports whether err says that no connection came about.
func neverSent(err error) bool {
	var op *net.OpError
	var dns *net.DNSError
	return errors.As(err, &dns) || (errors.As(err, &op) && op.Op == "dial")
}

// errTooLarge is an answer over Options.MaxResponse.
var errTooLarge = errors.New("it is larger")

// readAtMost reads all of r, or fails when that is more than limit bytes.
func readAtMost(r io.Reader, limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(b)) > limit {
		return nil, fmt.Errorf("%w than %d bytes", errTooLarge, limit)
	}
	return b, err
}
