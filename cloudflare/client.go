// Package cloudflare is a thin client of Cloudflare's REST API v4: one method for
// each call, typed requests and answers with the fields that are used, and nothing
// that decides. It works against any base URL that speaks the API.
//
// What may be repeated is repeated, what may not is sent once: a read, a PUT to a name
// and a DELETE survive lost connections, 5xx and rate limits; a call that creates
// something is repeated only when it certainly was not carried out. When that is not
// known, the error is ErrUnknownOutcome and the caller looks before trying again.
package cloudflare

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// DefaultBaseURL is Cloudflare's own API.
const DefaultBaseURL = "https://api.cloudflare.com/client/v4"

// LocalMark is the response header by which a Cloudflare on this machine names itself.
const LocalMark = "Clodo-Local-Cloud"

// Defaults for the zero values of Options.
const (
	defaultAttempts    = 4
	defaultMaxResponse = 64 << 20
)

// Options say whom the client talks to and how. The zero value talks to Cloudflare's
// API without a token.
type Options struct {
	// BaseURL ends in /client/v4; default DefaultBaseURL.
	BaseURL string
	// Local says that the other side must be a Cloudflare on this machine: every
	// answer must carry LocalMark. With DefaultBaseURL none may.
	Local bool
	// Token is sent as a bearer token; none when zero.
	Token Secret
	// HTTPClient carries the requests; its CheckRedirect is not used, since the API
	// never redirects. Default: a client of its own with time limits on connecting
	// and on the first byte of an answer, and none on the whole call (that is ctx).
	HTTPClient *http.Client
	// UserAgent names the program; default "clodo".
	UserAgent string
	// Attempts is how often a call is sent at most; default 4.
	Attempts int
	// MaxResponse is the largest answer that is read, in bytes; default 64 MiB.
	MaxResponse int64
	// Before is called before each attempt, from any goroutine; it may wait (a call
	// budget) or refuse by returning an error, which ends the call unsent.
	Before func(ctx context.Context, c Call) error
	// Observe is called after each attempt, from any goroutine.
	Observe func(c Call)
}

// Call describes one attempt at one call. It never holds a secret.
type Call struct {
	Method    string
	Template  string        // path with its variables unfilled, such as /zones/{zone_id}
	Attempt   int           // counts from 1
	Status    int           // 0 when there was no answer
	RequestID string        // Cloudflare's Ray ID
	Duration  time.Duration // until the answer was read
	Err       error         // nil when the answer was a success
}

// Client makes calls. It is safe for concurrent use and holds no account: calls name
// the account, zone or script that they are about.
type Client struct {
	base string // without a trailing slash
	real bool   // base is Cloudflare itself
	opts Options
	http *http.Client
}

// New makes a client. It sends nothing. A base URL that cannot be parsed, or that would
// carry the token over plain http to another machine, is an error.
func New(o Options) (*Client, error) {
	if o.BaseURL == "" {
		o.BaseURL = DefaultBaseURL
	}
	if o.UserAgent == "" {
		o.UserAgent = "clodo"
	}
	if o.Attempts == 0 {
		o.Attempts = defaultAttempts
	}
	if o.MaxResponse == 0 {
		o.MaxResponse = defaultMaxResponse
	}
	u, err := url.Parse(o.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("read the API's base URL: %w", withoutURL(err))
	}
	if (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, fmt.Errorf("read the API's base URL: %q is not http(s)://host/path", u.Redacted())
	}
	if u.Scheme == "http" && !isLoopback(u.Hostname()) && !o.Token.IsZero() {
		return nil, fmt.Errorf("read the API's base URL: %q would carry the token unencrypted; use https", u.Redacted())
	}
	c := &Client{base: strings.TrimRight(u.String(), "/"), real: strings.EqualFold(u.Hostname(), "api.cloudflare.com"), opts: o}
	if c.real && o.Local {
		return nil, fmt.Errorf("read the API's base URL: %q is Cloudflare's own, and a local one is wanted", u.Redacted())
	}
	hc := http.Client{Transport: defaultTransport()}
	if o.HTTPClient != nil {
		hc = *o.HTTPClient
	}
	hc.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.http = &hc
	return c, nil
}

// BaseURL is where the client's calls go.
func (c *Client) BaseURL() string { return c.base }

// Close lets go of connections that wait for a next call. A Client can be used after it.
func (c *Client) Close() error {
	c.http.CloseIdleConnections()
	return nil
}

func defaultTransport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 16
	// The slowest calls are D1 queries, which Cloudflare ends after 30 s.
	t.ResponseHeaderTimeout = 2 * time.Minute
	return t
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || (err == nil && ip.IsLoopback())
}
