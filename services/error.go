package services

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/tamylaa/clodo"
)

// ErrOpen is why a call was not made: the service failed so often that it is left alone
// for a while.
var ErrOpen = errors.New("it failed too often and is left alone for a while")

// Error is a call that failed.
type Error struct {
	Service    string
	Method     string
	Path       string
	Status     int            // of the answer; 0 when there was none
	Answer     *clodo.Problem // what it said, if it was application/problem+json
	RetryAfter time.Duration  // when to come back, if that is known
	Err        error          // why there was no answer
}

func (e *Error) Error() string {
	text := e.Service + ": " + e.Method + " " + e.Path + ": "
	switch {
	case e.Err != nil:
		return text + e.Err.Error()
	case e.Answer != nil:
		return text + e.Answer.Error()
	}
	return text + strconv.Itoa(e.Status) + " " + http.StatusText(e.Status)
}

// Unwrap is why there was no answer.
func (e *Error) Unwrap() error { return e.Err }

// Problem is what the error means to the client of the service that made the call, when
// its handler returns it: 503 for a service that is left alone or overloaded, 504 for one
// that did not answer in time, and 502 else. The words of the other service stay in the
// log; a handler that wants to pass on a 404 returns one.
func (e *Error) Problem() *clodo.Problem {
	p := &clodo.Problem{Status: http.StatusBadGateway, Code: "service_failed", Detail: "The service \"" + e.Service + "\" failed.", Err: e}
	switch {
	case errors.Is(e.Err, ErrOpen) || e.Status == http.StatusServiceUnavailable || e.Status == http.StatusTooManyRequests:
		p.Status, p.Code, p.Detail = http.StatusServiceUnavailable, "service_unavailable", "The service \""+e.Service+"\" is not available."
	case errors.Is(e.Err, context.DeadlineExceeded):
		p.Status, p.Code, p.Detail = http.StatusGatewayTimeout, "service_timeout", "The service \""+e.Service+"\" did not answer in time."
	}
	if e.RetryAfter > 0 {
		p.Header = http.Header{"Retry-After": {strconv.Itoa(int(math.Ceil(e.RetryAfter.Seconds())))}}
	}
	return p
}

// said keeps what an answer says about itself.
func (e *Error) said(kind string, body []byte) {
	if kind, _, err := mime.ParseMediaType(kind); err != nil || kind != "application/problem+json" {
		return
	}
	var p clodo.Problem
	if json.Unmarshal(body, &p) == nil { // else it is not what it claims
		p.Status = e.Status
		e.Answer = &p
	}
}

func (c *Client) failure(r *http.Request, err error) *Error {
	return &Error{Service: c.name, Method: r.Method, Path: r.URL.Path, Err: err}
}
