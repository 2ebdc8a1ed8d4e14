// Package services is how a service calls the other services of its portfolio, by the
// names that they have in clodo.yaml: through a service binding where there is one, else
// at the URL that clodo deploy has found for it. A call has a timeout, is repeated where
// that is safe, is not made at all while its service is known to be down, and carries
// the request's id and trace.
//
//	var orders = services.Open("orders", services.Options{})
//
//	order, err := services.Call[Order](ctx, orders, services.Request{Path: "/orders/7"})
package services

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// Options are how a service is called. The zero value is the default.
type Options struct {
	Timeout time.Duration // for an answer to begin, of each attempt; default: 10 seconds
	Retries int           // attempts after the first; default: 3, negative: none
	Backoff time.Duration // before the first repetition, then twice as long each time; default: 1 second

	Failures  int           // in a row after which calls fail at once; default: 5, negative: never
	Open      time.Duration // how long they do; default: 60 seconds
	Successes int           // in a row, after that time, until all is well again; default: 3

	// Binding and URL say where the service is when clodo.yaml does not: in a program
	// that clodo does not deploy.
	Binding string
	URL     string

	// Prepare may change a request before each attempt, to sign it for example. Its error
	// ends the attempt as an error of transport does.
	Prepare func(*http.Request) error
}

// Client calls one service. It belongs into a variable of a package: it has no state of
// a request, only what is known of the service's health. That knowledge is of one
// process; on Workers each instance of the program has its own.
type Client struct {
	name    string
	options Options
	breaker breaker

	mu       sync.Mutex
	registry registry // as it was read last
}

// Open is the client of a service. It does not look for the service: a call that finds
// none says what is missing.
func Open(name string, o Options) *Client {
	standard(&o.Timeout, 10*time.Second)
	standard(&o.Retries, 3)
	standard(&o.Backoff, time.Second)
	standard(&o.Failures, 5)
	standard(&o.Open, time.Minute)
	standard(&o.Successes, 3)
	return &Client{name: name, options: o, breaker: breaker{failures: o.Failures, open: o.Open, successes: o.Successes}}
}

// Name is the name of the service.
func (c *Client) Name() string { return c.name }

func standard[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}

// overrideKey is the key, in a context, of what stands in for a service.
type overrideKey string

// With is a context in which calls to the named service go to rt, as tests want it.
func With(ctx context.Context, name string, rt http.RoundTripper) context.Context {
	return context.WithValue(ctx, overrideKey(name), rt)
}
