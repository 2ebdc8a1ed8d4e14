package services

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"time"
)

// errTimeout is why an attempt was given up.
var errTimeout = timeoutError{}

type timeoutError struct{}

func (timeoutError) Error() string        { return "it did not answer in time" }
func (timeoutError) Is(target error) bool { return target == context.DeadlineExceeded }

// RoundTrip sends a request to the service: the path and the query of its URL, whatever
// scheme and host that has, count. As an [http.RoundTripper] it returns any answer, also
// one of status 500; an error, always an [*Error], means that there was none. Requests
// whose method is idempotent, or that have an Idempotency-Key, are repeated after errors
// of transport and answers 429, 502, 503 and 504, if their body can be read again.
func (c *Client) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	rt, u, err := c.find(r)
	if err != nil {
		closeBody(r)
		return nil, c.failure(r, err)
	}
	again := repeatable(r)
	for n := 0; ; n++ {
		if wait, ok := c.breaker.enter(time.Now()); !ok {
			closeBody(r)
			return nil, &Error{Service: c.name, Method: r.Method, Path: r.URL.Path, RetryAfter: wait, Err: ErrOpen}
		}
		out := r.Clone(ctx)
		out.URL, out.Host, out.RequestURI = u, "", ""
		propagate(ctx, out.Header)
		if n > 0 && r.GetBody != nil {
			if out.Body, err = r.GetBody(); err != nil {
				c.breaker.leave(time.Now(), abandoned)
				return nil, c.failure(r, err)
			}
		}
		res, err := c.attempt(rt, out)
		c.breaker.leave(time.Now(), judge(ctx, res, err))
		wait, told := time.Duration(0), false
		if err == nil {
			wait, told = retryAfter(res.Header, time.Now())
		}
		if !told {
			wait = pause(c.options.Backoff, n+1)
		}
		fleeting := ctx.Err() == nil && (err != nil || passing(res.StatusCode))
		if !again || !fleeting || n >= c.options.Retries || wait > maxRetryAfter {
			if err != nil {
				return nil, c.failure(r, err)
			}
			return res, nil
		}
		if err == nil {
			_, _ = io.CopyN(io.Discard, res.Body, 64<<10) // so that the connection can be used again
			_ = res.Body.Close()                          // its content does not matter
		}
		if err := sleep(ctx, wait); err != nil {
			return nil, c.failure(r, err)
		}
	}
}

// find is where a request goes, and how.
func (c *Client) find(r *http.Request) (http.RoundTripper, *url.URL, error) {
	stand, ok := r.Context().Value(overrideKey(c.name)).(http.RoundTripper)
	if ok {
		u, err := place{Binding: c.name}.address(c.name, r.URL)
		return stand, u, err
	}
	p, err := c.place()
	if err != nil {
		return nil, nil, err
	}
	u, err := p.address(c.name, r.URL)
	return p.transport(), u, err
}

// attempt sends a request once, and waits only so long for the head of the answer.
func (c *Client) attempt(rt http.RoundTripper, r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(r.Context())
	r = r.WithContext(ctx)
	if c.options.Prepare != nil {
		if err := c.options.Prepare(r); err != nil {
			cancel(nil)
			closeBody(r)
			return nil, err
		}
	}
	late := time.AfterFunc(c.options.Timeout, func() { cancel(errTimeout) })
	res, err := rt.RoundTrip(r)
	if !late.Stop() && err == nil {
		_ = res.Body.Close() // its context has ended
		err = errTimeout
	}
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		cancel(nil)
		return nil, err
	}
	res.Body = &answerBody{res.Body, cancel}
	return res, nil
}

// answerBody ends the context of its request when it is closed.
type answerBody struct {
	io.ReadCloser
	cancel context.CancelCauseFunc
}

func (b *answerBody) Close() error {
	defer b.cancel(nil)
	return b.ReadCloser.Close()
}

// judge is what an attempt says about the service's health.
func judge(ctx context.Context, res *http.Response, err error) outcome {
	switch {
	case ctx.Err() != nil:
		return abandoned
	case err != nil || res.StatusCode >= 500:
		return failed
	}
	return succeeded
}

func closeBody(r *http.Request) {
	if r.Body != nil {
		_ = r.Body.Close() // a RoundTripper has to; nothing was sent of it
	}
}
