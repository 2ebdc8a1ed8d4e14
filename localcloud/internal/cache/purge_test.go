package cache

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAPurgeForgetsWhatItSelects(t *testing.T) {
	t.Parallel()
	s := newShelf(t, usual)
	urls := []string{
		"https://shop.example/", "https://shop.example/img/a.png", "https://shop.example/img/b.png?v=1", "https://shop.example/images",
		"http://shop.example/img", "https://www.shop.example:8443/img/a.png", "https://othershop.example/img/a.png",
	}
	for name, c := range map[string]struct {
		selection Selection
		want      []int // which are gone
	}{
		"nothing":                  {Selection{}, nil},
		"everything":               {Selection{Everything: true}, []int{0, 1, 2, 3, 4, 5}},
		"a URL":                    {Selection{URLs: []string{"https://SHOP.example", "https://shop.example/img/b.png", "https://othershop.example/img/a.png"}}, []int{0}},
		"a URL with a query":       {Selection{URLs: []string{"https://shop.example:443/img/b.png?v=1"}}, []int{2}},
		"a host":                   {Selection{Hosts: []string{"WWW.shop.example"}}, []int{5}},
		"a prefix":                 {Selection{Prefixes: []string{"shop.example/img"}}, []int{1, 2, 4}},
		"a prefix of all":          {Selection{Prefixes: []string{"shop.example"}}, []int{0, 1, 2, 3, 4}},
		"tags":                     {Selection{Tags: []string{"ODD", "none"}}, []int{1, 3, 5}},
		"another zone's":           {Selection{Hosts: []string{"othershop.example"}}, nil},
		"another account's":        {Selection{Account: "acc2", Everything: true}, nil},
		"what is in several lists": {Selection{Hosts: []string{"www.shop.example"}, Prefixes: []string{"shop.example/images"}, Tags: []string{"odd"}}, []int{1, 3, 5}},
	} {
		s.Clear()
		for i, url := range urls {
			tag := "even"
			if i%2 == 1 {
				tag = "Odd"
			}
			s.put(url, minute+"Cache-Tag: a, "+tag+"\r\n", "")
		}
		if c.selection.Account == "" {
			c.selection.Account = "acc"
		}
		c.selection.Zone = "shop.example"
		if n := s.Purge(c.selection); n != len(c.want) {
			t.Errorf("%s: it says %d", name, n)
		}
		var gone []int
		for i, url := range urls {
			if s.match(url) == "MISS" {
				gone = append(gone, i)
			}
		}
		if diff := cmp.Diff(c.want, gone); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestAPurgeReachesAllCachesOfAnAccount(t *testing.T) {
	t.Parallel()
	s := newShelf(t, usual)
	names := []string{"a", "b"}
	for _, name := range names {
		s.ask("PUT", "https://shop.example/", strings.NewReader("HTTP/1.1 200 OK\r\n\r\n"), NameHeader, name)
	}
	s.Purge(Selection{Account: "acc", Zone: "shop.example", Everything: true})
	if slices.ContainsFunc(names, func(name string) bool { return s.match("https://shop.example/", NameHeader, name) != "MISS" }) {
		t.Error("one was left")
	}
}
