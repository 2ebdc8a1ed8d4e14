package cache

import (
	"net/url"
	"slices"
	"strings"
)

// Selection says which answers of an account's zone are purged, in whichever caches they
// are: all, or those that are in one of the lists.
type Selection struct {
	Account    string
	Zone       string // the name; answers to hostnames outside of it are never purged
	Everything bool
	URLs       []string
	Hosts      []string
	Tags       []string // of their Cache-Tag, in any case
	Prefixes   []string // a hostname with the beginning of a path: whole segments of it
}

// Purge forgets the answers of a selection and returns how many they were.
func (c *Cache) Purge(s Selection) int {
	s.Tags = lower(s.Tags)
	s.Hosts = lower(s.Hosts)
	urls := make([]string, 0, len(s.URLs))
	for _, text := range s.URLs {
		if u, err := url.Parse(text); err == nil {
			urls = append(urls, canonical(u))
		}
	}
	s.URLs = urls
	return c.forget(s.has)
}

func lower(all []string) []string {
	out := make([]string, len(all))
	for i, s := range all {
		out[i] = strings.ToLower(s)
	}
	return out
}

func (s *Selection) has(e *entry) bool {
	account, _, _ := strings.Cut(e.scope, "/")
	host := strings.ToLower(e.host)
	if account != s.Account || host != s.Zone && !strings.HasSuffix(host, "."+s.Zone) {
		return false
	}
	return s.Everything || slices.Contains(s.URLs, e.url) || slices.Contains(s.Hosts, host) ||
		slices.ContainsFunc(e.tags, func(tag string) bool { return slices.Contains(s.Tags, tag) }) ||
		slices.ContainsFunc(s.Prefixes, func(prefix string) bool { return below(host, e.path, prefix) })
}

// below reports whether a path is that of a prefix such as "shop.example/images", or one
// below it.
func below(host, path, prefix string) bool {
	of, begin, _ := strings.Cut(prefix, "/")
	if !strings.EqualFold(of, host) {
		return false
	}
	begin = "/" + strings.Trim(begin, "/")
	return begin == "/" || path == begin || strings.HasPrefix(path, begin+"/")
}
