package scaffold

import (
	"fmt"
	"strings"

	"github.com/tamylaa/clodo/internal/lazyregexp"
)

// Domain is a hostname with the account and the zone that it is to live in; both may
// be empty. Cloudflare is asked for the zone when the service is deployed: it is found
// by the hostname.
type Domain struct {
	Host    string `json:"host"`
	Account string `json:"account,omitempty"` // a name in clodo.yaml, or an id of 32 hex digits
	Zone    string `json:"zone,omitempty"`    // a name such as example.com, or an id of 32 hex digits
}

var (
	hexID       = lazyregexp.New(`^[0-9a-f]{32}$`)
	accountName = lazyregexp.New(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	hostLabel   = lazyregexp.New(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
)

// longestAccount is how long an account's name, and that of an environment, may be.
const longestAccount = 39

// ParseDomains reads "HOST:ACCOUNT:ZONE,…", in which account and zone may be left out.
// A *diag.Error names the rule that is broken.
func ParseDomains(text string) ([]Domain, error) {
	var domains []Domain
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		d, rule := parseDomain(part)
		for _, other := range domains {
			if rule == "" && other.Host == d.Host {
				rule = "the hostname is written twice"
			}
		}
		if rule != "" {
			return nil, refuse("S106", fmt.Sprintf("%q is not a hostname with its account and zone", part), rule,
				"HOST or HOST:ACCOUNT:ZONE, separated by commas, such as api.example.com:main:example.com")
		}
		domains = append(domains, d)
	}
	return domains, nil
}

// parseDomain reads one; rule is the one that it breaks.
func parseDomain(text string) (d Domain, rule string) {
	if text == "" {
		return d, "there is nothing between two commas"
	}
	if strings.Contains(text, "/") {
		return d, "it is an address; the hostname stands alone, without https:// and path"
	}
	parts := strings.Split(text, ":")
	if len(parts) > 3 {
		return d, fmt.Sprintf("it has %d parts, more than HOST:ACCOUNT:ZONE", len(parts))
	}
	d.Host = parts[0]
	if rule := hostRule(d.Host); rule != "" {
		return d, rule
	}
	if len(parts) > 1 {
		d.Account = parts[1]
		if !accountName.MatchString(d.Account) && !hexID.MatchString(d.Account) {
			return d, fmt.Sprintf("the account %q is neither a name such as main nor an id of 32 hex digits", d.Account)
		}
		if n := len(d.Account); n > longestAccount {
			return d, fmt.Sprintf("the account's name has %d characters, more than %d", n, longestAccount)
		}
	}
	if len(parts) > 2 {
		d.Zone = parts[2]
		if hexID.MatchString(d.Zone) {
			return d, ""
		}
		if hostRule(d.Zone) != "" {
			return d, fmt.Sprintf("the zone %q is neither a name such as example.com nor an id of 32 hex digits", d.Zone)
		}
		if d.Host != d.Zone && !strings.HasSuffix(d.Host, "."+d.Zone) {
			return d, fmt.Sprintf("%s does not lie in the zone %s", d.Host, d.Zone)
		}
	}
	return d, ""
}

// hostRule is the rule that a hostname breaks, or "".
func hostRule(host string) string {
	if host == "" {
		return "the hostname is empty"
	}
	if len(host) > 253 {
		return fmt.Sprintf("the hostname has %d characters, more than 253", len(host))
	}
	if strings.ToLower(host) != host {
		return "the hostname has capital letters; write it in lower case"
	}
	labels := strings.Split(host, ".")
	if len(labels) < 2 {
		return fmt.Sprintf("%q has no dot, so that it lies in no zone", host)
	}
	for _, label := range labels {
		if !hostLabel.MatchString(label) {
			return fmt.Sprintf("%q is not a part of a hostname: 1 to 63 letters, digits and hyphens, no hyphen at either end", label)
		}
	}
	return ""
}
