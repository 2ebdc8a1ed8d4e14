package services

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/tamylaa/clodo"
	"github.com/tamylaa/clodo/bindings/service"
)

// Variable names the environment variable that says where the other services are. clodo
// deploy and clodo dev set it for services in Go and those with inherit: all, to a JSON object of names, each with the name of a service
// binding or with a URL:
//
//	{"orders": {"binding": "ORDERS"}, "search": {"url": "https://search.acme.example"}}
const Variable = "CLODO_SERVICES"

// ErrUnknown is why a service cannot be called that nobody has said where it is.
var ErrUnknown = errors.New("the service is not known here")

// place is where a service is: one of the two is set.
type place struct {
	Binding string `json:"binding,omitempty"`
	URL     string `json:"url,omitempty"`
}

// registry is the variable's value, read.
type registry struct {
	value  string
	places map[string]place
}

// place finds the service.
func (c *Client) place() (place, error) {
	if c.options.Binding != "" || c.options.URL != "" {
		return c.checked(place{c.options.Binding, c.options.URL}, "its options")
	}
	value := os.Getenv(Variable)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.registry.places == nil || c.registry.value != value {
		var places map[string]place
		if value != "" {
			if err := json.Unmarshal([]byte(value), &places); err != nil {
				return place{}, fmt.Errorf("reading %s: %w", Variable, err)
			}
		}
		if places == nil {
			places = map[string]place{}
		}
		c.registry = registry{value, places}
	}
	p, ok := c.registry.places[c.name]
	if !ok {
		return place{}, fmt.Errorf("%w: %s does not name %q; give this service a service binding to it in its wrangler file, or give it a hostname and name it under needs in clodo.yaml, and deploy",
			ErrUnknown, Variable, c.name)
	}
	return c.checked(p, Variable)
}

// checked refuses a place that is nowhere. A binding goes before a URL.
func (c *Client) checked(p place, source string) (place, error) {
	if p.Binding != "" {
		return place{Binding: p.Binding}, nil
	}
	u, err := url.Parse(p.URL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return place{}, fmt.Errorf("%w: %s says %s, which is no URL such as https://orders.acme.example", ErrUnknown, source, strconv.Quote(p.URL))
	}
	return p, nil
}

// address is the URL of a target, a path that begins with a slash and maybe a query, at
// the place. A binding leads to its service whatever the host is, so that is the name.
func (p place) address(name string, target *url.URL) (*url.URL, error) {
	base := strings.TrimSuffix(p.URL, "/")
	if p.Binding != "" {
		base = "https://" + name
	}
	u, err := url.Parse(base + target.EscapedPath())
	if err != nil {
		return nil, err
	}
	u.RawQuery = target.RawQuery
	return u, nil
}

// transport is what carries requests to the place.
func (p place) transport() http.RoundTripper {
	if p.Binding != "" {
		return service.Open(p.Binding)
	}
	return clodo.Transport{}
}
