package clodo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
)

// HandlerFunc is a handler that may fail.
type HandlerFunc func(http.ResponseWriter, *http.Request) error

// ServeHTTP calls f and answers its error, if there is one, as [WriteError] has it.
func (f HandlerFunc) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if _, tells := w.(beginner); !tells {
		w = &answer{ResponseWriter: w}
	}
	if err := f(w, r); err != nil {
		WriteError(w, r, err)
	}
}

// Problem is an error that its client may read: RFC 9457's application/problem+json,
// with a code for programs.
type Problem struct {
	Status int         // of HTTP; 0 is 500
	Code   string      // for programs, such as "not_found"; "" leaves it out
	Title  string      // "" is the text of Status
	Detail string      // of this occurrence, for people
	Fields []Field     // what is wrong with which part of the request
	Header http.Header // sent with it, such as Retry-After
	Err    error       // the reason, which is logged and never sent
}

// Field is what is wrong with one part of a request.
type Field struct {
	Name    string `json:"field"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Errorf is a Problem whose detail is made by the format. The client reads all of it,
// the text of an error behind %w included.
func Errorf(status int, code, format string, args ...any) *Problem {
	detail := fmt.Errorf(format, args...)
	return &Problem{Status: status, Code: code, Detail: detail.Error(), Err: errors.Unwrap(detail)}
}

func (p *Problem) Error() string {
	text := strconv.Itoa(p.status()) + " " + p.title()
	if p.Detail != "" {
		text += ": " + p.Detail
	}
	return text
}

// Unwrap is the reason.
func (p *Problem) Unwrap() error { return p.Err }

func (p *Problem) status() int {
	if p.Status == 0 {
		return http.StatusInternalServerError
	}
	return p.Status
}

func (p *Problem) title() string {
	if p.Title == "" {
		return http.StatusText(p.status())
	}
	return p.Title
}

// problemJSON is a Problem on the wire.
type problemJSON struct {
	Title  string  `json:"title"`
	Status int     `json:"status"`
	Detail string  `json:"detail,omitempty"`
	Code   string  `json:"code,omitempty"`
	Fields []Field `json:"errors,omitempty"`
}

// MarshalJSON is what is sent.
func (p *Problem) MarshalJSON() ([]byte, error) {
	return json.Marshal(problemJSON{p.title(), p.status(), p.Detail, p.Code, p.Fields})
}

// UnmarshalJSON reads what another service has sent.
func (p *Problem) UnmarshalJSON(b []byte) error {
	var sent problemJSON
	if err := json.Unmarshal(b, &sent); err != nil {
		return err
	}
	*p = Problem{Title: sent.Title, Status: sent.Status, Detail: sent.Detail, Code: sent.Code, Fields: sent.Fields}
	return nil
}

// problemOf is the Problem that an error means to a client. What it does not know it
// calls an internal error: the words of such an error are for the log alone.
func problemOf(err error) *Problem {
	var p *Problem
	var means interface{ Problem() *Problem }
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &means):
		return means.Problem()
	case errors.As(err, &large):
		return &Problem{Status: http.StatusRequestEntityTooLarge, Code: "too_large", Detail: fmt.Sprintf("The body is larger than %d bytes.", large.Limit), Err: err}
	case errors.Is(err, context.DeadlineExceeded):
		return &Problem{Status: http.StatusGatewayTimeout, Code: "timeout", Detail: "It took too long.", Err: err}
	}
	return &Problem{Status: http.StatusInternalServerError, Code: "internal_error", Err: err}
}

// WriteError answers a request with an error: a [Problem] as it is, an error that has a
// method Problem() *Problem with that, a body that is too large with 413, a deadline that
// passed with 504, and any other as 500 without its words. Errors of the server's own are
// logged by [slog.Default].
//
// When the handler had begun to answer, nothing can be taken back: whatever the error is,
// it is logged, and nothing is sent. That is known of the writers that [HandlerFunc] and
// the middleware of this package hand on, and not of another one.
func WriteError(w http.ResponseWriter, r *http.Request, err error) {
	p := problemOf(err)
	b, tells := w.(beginner)
	begun := tells && b.begun()
	if begun || p.status() >= 500 {
		message := "a request failed"
		if begun {
			message = "a request failed after its answer had begun"
		}
		slog.ErrorContext(r.Context(), message, "method", r.Method, "path", r.URL.Path, "status", p.status(), "error", err, "request_id", RequestIDOf(r.Context()))
	}
	if !begun {
		writeProblem(w, r, p)
	}
}

// beginner is a writer that knows whether its answer has begun.
type beginner interface{ begun() bool }

func writeProblem(w http.ResponseWriter, r *http.Request, p *Problem) {
	body, err := json.Marshal(p)
	if err != nil {
		http.Error(w, p.title(), p.status())
		return
	}
	h := w.Header()
	h.Del("Content-Length")
	h.Del("Content-Encoding")
	for name, values := range p.Header {
		h[http.CanonicalHeaderKey(name)] = values
	}
	h.Set("Content-Type", "application/problem+json")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(p.status())
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the client may be gone
	}
}

func quoted(s string) string { return strconv.Quote(s) }
