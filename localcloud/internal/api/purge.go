package api

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/tamylaa/clodo/localcloud/internal/cache"
)

// maxPurged is how many entries each list of a purge may have.
const maxPurged = 100

func purgeEndpoints() []Endpoint {
	return []Endpoint{
		{Method: "POST", Pattern: zonePath + "/purge_cache", Permissions: []string{"Cache Purge"}, handle: (*call).purgeCache},
	}
}

// purgeCache forgets answers of the Cache API, in all caches of the zone's account.
func (c *call) purgeCache() (any, error) {
	var in map[string]json.RawMessage
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	s := cache.Selection{Account: c.zone.Account, Zone: c.zone.Name}
	if raw, ok := in["purge_everything"]; ok && json.Unmarshal(raw, &s.Everything) != nil {
		return nil, refuse(http.StatusBadRequest, 1012, `"purge_everything" must be true.`)
	}
	var files []file
	named := 0
	for _, one := range []struct {
		name string
		into any
		size func() int
	}{
		{"files", &files, func() int { return len(files) }},
		{"tags", &s.Tags, func() int { return len(s.Tags) }},
		{"hosts", &s.Hosts, func() int { return len(s.Hosts) }},
		{"prefixes", &s.Prefixes, func() int { return len(s.Prefixes) }},
	} {
		raw, ok := in[one.name]
		if ok && json.Unmarshal(raw, one.into) != nil {
			return nil, refuse(http.StatusBadRequest, 1014, `%q must be an array of strings.`, one.name)
		}
		if one.size() > maxPurged {
			return nil, refuse(http.StatusBadRequest, 1014, `%q has %d entries; it takes up to %d.`, one.name, one.size(), maxPurged)
		}
		named += one.size()
	}
	if !s.Everything && named == 0 {
		return nil, refuse(http.StatusBadRequest, 1012, `Request must contain one of "purge_everything", "files", "tags", "hosts" or "prefixes".`)
	}
	for _, f := range files {
		s.URLs = append(s.URLs, f.URL)
	}
	if err := c.purgeable(s); err != nil {
		return nil, err
	}
	c.caches.Purge(s)
	return map[string]string{"id": c.zone.ID}, nil
}

// purgeable refuses what is not of the call's zone.
func (c *call) purgeable(s cache.Selection) error {
	of := func(what, host string) error {
		if host = strings.ToLower(host); host == c.zone.Name || strings.HasSuffix(host, "."+c.zone.Name) {
			return nil
		}
		return refuse(http.StatusBadRequest, 1016, "Unable to purge %q: it is not of the zone %s.", what, c.zone.Name)
	}
	for _, text := range s.URLs {
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" {
			return refuse(http.StatusBadRequest, 1016, "Unable to purge %q: it is no URL with http or https.", text)
		}
		if err := of(text, u.Hostname()); err != nil {
			return err
		}
	}
	for _, host := range s.Hosts {
		if err := of(host, host); err != nil {
			return err
		}
	}
	for _, prefix := range s.Prefixes {
		if strings.ContainsAny(prefix, "?#") || strings.Contains(prefix, "://") {
			return refuse(http.StatusBadRequest, 1016, "Unable to purge %q: a prefix is a hostname and the beginning of a path.", prefix)
		}
		host, _, _ := strings.Cut(prefix, "/")
		if err := of(prefix, host); err != nil {
			return err
		}
	}
	return nil
}

// file is one of the files to purge: a URL, or an object with one. The headers beside it
// choose between answers of custom cache keys, which are not here.
type file struct{ URL string }

func (f *file) UnmarshalJSON(b []byte) error {
	if json.Unmarshal(b, &f.URL) == nil {
		return nil
	}
	var object struct {
		URL     string
		Headers map[string]string
	}
	err := json.Unmarshal(b, &object)
	f.URL = object.URL
	return err
}
