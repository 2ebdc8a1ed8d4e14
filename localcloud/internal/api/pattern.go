package api

import (
	"errors"
	"fmt"
	"strings"
)

// pattern is a route pattern in its parts: [http[s]://]HOST[/PATH], with a star at
// the beginning of the host or the end of the path, and nowhere else.
type pattern struct {
	scheme   string // "", "http" or "https"
	host     string // lower case, without the star
	anyHost  bool   // "*example.com": the host and all that ends in it
	sub      bool   // "*.example.com": all below the host, not itself
	path     string // from its slash, without the star; "" when none was given
	anyAfter bool   // the path ends in a star
}

func parsePattern(s string) (pattern, error) {
	var p pattern
	rest := s
	if i := strings.Index(rest, "://"); i >= 0 {
		p.scheme, rest = strings.ToLower(rest[:i]), rest[i+3:]
		if p.scheme != "http" && p.scheme != "https" {
			return p, fmt.Errorf("scheme %q is neither http nor https", s[:i])
		}
	}
	host, path, hasPath := strings.Cut(rest, "/")
	if hasPath {
		p.path = "/" + path
	}
	switch {
	case strings.HasPrefix(host, "*."):
		p.sub, host = true, host[2:]
	case strings.HasPrefix(host, "*"):
		p.anyHost, host = true, host[1:]
	}
	p.host = strings.ToLower(host)
	if strings.Contains(p.host, "*") {
		return p, errors.New("a star in the hostname stands only at its beginning")
	}
	if strings.Contains(p.host, ":") {
		return p, errors.New("a pattern has no port")
	}
	if !isHostname(p.host) {
		return p, fmt.Errorf("%q is not a hostname", host)
	}
	if strings.ContainsAny(p.path, "?#") {
		return p, errors.New("a pattern matches host and path, not the query")
	}
	if strings.HasSuffix(p.path, "*") {
		p.anyAfter, p.path = true, p.path[:len(p.path)-1]
	}
	if strings.Contains(p.path, "*") {
		return p, errors.New("a star in the path stands only at its end")
	}
	for _, r := range p.path {
		if r <= ' ' || r == 0x7f {
			return p, errors.New("the path has a space or a control character")
		}
	}
	return p, nil
}

func (p pattern) String() string {
	var b strings.Builder
	if p.scheme != "" {
		b.WriteString(p.scheme + "://")
	}
	switch {
	case p.sub:
		b.WriteString("*.")
	case p.anyHost:
		b.WriteString("*")
	}
	b.WriteString(p.host + p.path)
	if p.anyAfter {
		b.WriteString("*")
	}
	return b.String()
}

// within reports whether the pattern stays inside a zone.
func (p pattern) within(zone string) bool {
	return p.host == zone || strings.HasSuffix(p.host, "."+zone)
}
