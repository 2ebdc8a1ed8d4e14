package edge

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/tamylaa/clodo/check"
)

// probeTimeout is how long one request of a check may take.
const probeTimeout = 10 * time.Second

// UserAgent is how checks call themselves.
const UserAgent = "clodo-check"

// Prober sends the requests of health checks. With a local cloud every hostname is
// at its data address, over plain http; the URL stays the public one.
type Prober struct {
	client *http.Client
	local  bool
}

var _ check.Prober = (*Prober)(nil)

// NewProber makes a Prober; data is the local cloud's data address such as
// "http://127.0.0.1:8788", "" for hostnames on the internet.
func NewProber(data string) (*Prober, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if data != "" {
		u, err := url.Parse(data)
		if err != nil || u.Host == "" {
			return nil, errors.New("the local cloud's data address " + data + " is not http://host:port")
		}
		transport.Proxy = nil
		transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, u.Host)
		}
	}
	return &Prober{
		local: data != "",
		client: &http.Client{
			Transport:     transport,
			Timeout:       probeTimeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// Close lets go of connections. A Prober can be used after it.
func (p *Prober) Close() error {
	p.client.CloseIdleConnections()
	return nil
}

// Get implements check.Prober.
func (p *Prober) Get(ctx context.Context, r check.Request) (check.Answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.URL, nil)
	if err != nil {
		return check.Answer{}, err
	}
	if p.local {
		req.URL.Scheme = "http"
	}
	req.Header.Set("User-Agent", UserAgent)
	for name, value := range r.Header {
		req.Header.Set(name, value)
	}
	res, err := p.client.Do(req)
	if err != nil {
		return check.Answer{}, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, 512))
	if err != nil {
		return check.Answer{}, err
	}
	return check.Answer{Status: res.StatusCode, Body: string(body), Ray: res.Header.Get("Cf-Ray")}, nil
}
