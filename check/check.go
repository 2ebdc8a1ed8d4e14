// Package check asks a deployed Worker whether it works, until it says so or the
// time is over.
package check

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Request is a GET that a check sends.
type Request struct {
	URL    string // https, as people would type it
	Header map[string]string
}

// Answer is what came back. Body is its beginning, at most 512 bytes.
type Answer struct {
	Status int
	Body   string
	Ray    string // what Cloudflare calls the request; "" when the answer does not say
}

// Prober sends one request with a time-out of its own, follows no redirect, and
// returns an error only when there was no HTTP answer. It knows how to reach the
// hostname of a local cloud; the URL is always the public one.
type Prober interface {
	Get(ctx context.Context, r Request) (Answer, error)
}

// Expect says when a check passes. Status 0 accepts every answer below 500.
type Expect struct {
	Status int
	Wait   time.Duration // in all; 0 means DefaultWait
}

// DefaultWait is how long a check polls when nothing else is said.
const DefaultWait = 60 * time.Second

// Met reports whether a is what is expected.
func (e Expect) Met(a Answer) bool {
	if e.Status != 0 {
		return a.Status == e.Status
	}
	return a.Status > 0 && a.Status < 500
}

func (e Expect) String() string {
	if e.Status != 0 {
		return fmt.Sprint(e.Status)
	}
	return "with a status below 500"
}

// Result is a check that passed.
type Result struct {
	Answer  Answer
	Tries   int
	Elapsed time.Duration
}

// UnhealthyError is a check whose time ran out. Last is the last answer, for people, and
// Answer the same, zero when there was no HTTP answer.
type UnhealthyError struct {
	Request Request
	Expect  Expect
	Last    string
	Answer  Answer
	Tries   int
	Elapsed time.Duration
}

func (e *UnhealthyError) Error() string {
	return fmt.Sprintf("%s did not answer %s within %s: last answer %s", e.Request.URL, e.Expect, e.Expect.Wait, e.Last)
}

// The pause between two tries doubles from the first to the longest.
const (
	firstPause   = 50 * time.Millisecond
	longestPause = 2 * time.Second
)

// Poll sends r until e is met. waiting, if not nil, is told each answer that was not
// what is expected. The error is an *UnhealthyError, or ctx's.
func Poll(ctx context.Context, p Prober, r Request, e Expect, waiting func(last string)) (Result, error) {
	if e.Wait == 0 {
		e.Wait = DefaultWait
	}
	start := time.Now()
	deadline, cancel := context.WithTimeout(ctx, e.Wait)
	defer cancel()
	pause, last, answer := firstPause, "", Answer{}
	for tries := 1; ; tries++ {
		a, err := p.Get(deadline, r)
		switch {
		case ctx.Err() != nil:
			return Result{}, ctx.Err()
		case err == nil && e.Met(a):
			return Result{Answer: a, Tries: tries, Elapsed: time.Since(start)}, nil
		case err == nil:
			last, answer = describe(a), a
		case deadline.Err() == nil || last == "": // a try cut off by the deadline says less than the one before
			last, answer = err.Error(), Answer{}
		}
		if waiting != nil {
			waiting(last)
		}
		select {
		case <-time.After(pause):
			pause = min(2*pause, longestPause)
		case <-deadline.Done():
			if ctx.Err() != nil {
				return Result{}, ctx.Err()
			}
			return Result{}, &UnhealthyError{Request: r, Expect: e, Last: last, Answer: answer, Tries: tries, Elapsed: time.Since(start)}
		}
	}
}

// describe is an answer in one line: the status and the first line of its text.
func describe(a Answer) string {
	line, _, _ := strings.Cut(strings.TrimSpace(a.Body), "\n")
	line = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, line)
	if r := []rune(line); len(r) > 120 {
		line = string(r[:120]) + "…"
	}
	if line == "" {
		return fmt.Sprint(a.Status)
	}
	return fmt.Sprintf("%d %q", a.Status, line)
}
