package api

import (
	"errors"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"pgregory.net/rapid"

	"github.com/tamylaa/clodo/localcloud/internal/store"
)

// count takes the bytes of modules and forgets them.
func count(r io.Reader) (string, int64, error) {
	n, err := io.Copy(io.Discard, r)
	return strings.Repeat("0", 64), n, err
}

func FuzzUpload(f *testing.F) {
	const head = "--b\r\nContent-Disposition: form-data; name=\"metadata\"\r\n\r\n"
	f.Add("multipart/form-data; boundary=b", head+`{"main_module":"a.js"}`+"\r\n--b\r\nContent-Disposition: form-data; name=\"a.js\"; filename=\"lib/a.js\"\r\nContent-Type: application/javascript+module\r\n\r\nx\r\n--b--\r\n")
	f.Add("multipart/form-data; boundary=b", head+`{"main_module":"a.js","annotations":{"workers/message":"m"},"bindings":[{"name":"A"}]}`+"\r\n--b--")
	f.Add("application/javascript", "addEventListener('fetch', f)")
	f.Add("multipart/form-data", "")
	f.Fuzz(func(t *testing.T, contentType, body string) {
		u, err := parseUpload(contentType, strings.NewReader(body), maxWorker, count)
		if err != nil {
			var refused *Error
			if !errors.As(err, &refused) || refused.Status < 400 || refused.Status == 500 || refused.Message == "" {
				t.Errorf("a bad upload is not refused in Cloudflare's terms: %v", err)
			}
			return
		}
		entry := u.meta.MainModule + u.meta.BodyPart
		found := false
		for _, m := range u.modules {
			found = found || m.Name == entry
			if m.Name == "" {
				t.Error("a module has no name")
			}
		}
		if entry != "" && !found {
			t.Errorf("the entry %q is not among the modules", entry)
		}
	})
}

func TestAFullDiskIsNotTheClientsFault(t *testing.T) {
	t.Parallel()
	full := func(io.Reader) (string, int64, error) {
		return "", 0, &fs.PathError{Op: "write", Path: "blob", Err: syscall.ENOSPC}
	}
	body := "--b\r\nContent-Disposition: form-data; name=\"a.js\"\r\n\r\nx\r\n--b--\r\n"
	for _, contentType := range []string{"multipart/form-data; boundary=b", typeScript} {
		_, err := parseUpload(contentType, strings.NewReader(body), maxWorker, full)
		var refused *Error
		if errors.As(err, &refused) || !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("%s: got %v", contentType, err)
		}
	}
}

func FuzzSettings(f *testing.F) {
	f.Add("application/json", `{"bindings":[]}`)
	f.Add("multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"settings\"\r\n\r\n{}\r\n--b--\r\n")
	f.Fuzz(func(t *testing.T, contentType, body string) {
		_, err := parseSettings(contentType, strings.NewReader(body))
		var refused *Error
		if err != nil && !errors.As(err, &refused) {
			t.Errorf("bad settings are not refused in Cloudflare's terms: %v", err)
		}
	})
}

func FuzzPattern(f *testing.F) {
	for _, s := range []string{"example.com/*", "*.example.com", "https://*example.com/a/b", "http://a.b/", "*", "", "a b/c", "x.y/z?q", "EXAMPLE.com:80/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := parsePattern(s)
		if err != nil {
			return
		}
		again, err := parsePattern(p.String())
		if err != nil || again != p {
			t.Errorf("%q reads as %+v, and that again as %+v, %v", s, p, again, err)
		}
		if !isHostname(p.host) || strings.Contains(p.path, "*") {
			t.Errorf("%q gives %+v", s, p)
		}
	})
}

func TestPatterns(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		want   pattern
		refuse string
	}{
		"example.com":              {want: pattern{host: "example.com"}},
		"Example.com/*":            {want: pattern{host: "example.com", path: "/", anyAfter: true}},
		"*example.com/a*":          {want: pattern{host: "example.com", anyHost: true, path: "/a", anyAfter: true}},
		"https://*.example.com/a":  {want: pattern{scheme: "https", host: "example.com", sub: true, path: "/a"}},
		"ftp://example.com/":       {refuse: "scheme"},
		"exa*mple.com/":            {refuse: "beginning"},
		"example.com/*/x":          {refuse: "end"},
		"example.com/?q=1":         {refuse: "query"},
		"example.com:8080/":        {refuse: "port"},
		"":                         {refuse: "hostname"},
		"/path":                    {refuse: "hostname"},
		"*":                        {refuse: "hostname"},
		"example.com/with a space": {refuse: "space"},
	}
	for in, test := range tests {
		t.Run(in, func(t *testing.T) {
			got, err := parsePattern(in)
			switch {
			case test.refuse == "" && (err != nil || got != test.want):
				t.Errorf("got %+v, %v, want %+v", got, err, test.want)
			case test.refuse != "" && (err == nil || !strings.Contains(err.Error(), test.refuse)):
				t.Errorf("got %v, want a refusal with %q", err, test.refuse)
			}
		})
	}
}

// Whatever is asked, a page never has what another has, and all together have all.
func TestPagesCoverEverythingOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfN(rapid.Int(), 0, 60).Draw(t, "all")
		per := rapid.IntRange(1, 20).Draw(t, "per_page")
		var got []int
		for page := 1; ; page++ {
			r, err := cut(pages{1, 20, 50}, map[string][]string{"page": {strconv.Itoa(page)}, "per_page": {strconv.Itoa(per)}}, all)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, r.result.([]int)...)
			// The rule by which clients stop.
			if page*per >= *r.info.TotalCount {
				break
			}
		}
		if len(got) != len(all) {
			t.Fatalf("the pages have %d of %d", len(got), len(all))
		}
		for i := range got {
			if got[i] != all[i] {
				t.Fatalf("place %d has %d, want %d", i, got[i], all[i])
			}
		}
	})
}

func TestTheTableOfEndpointsIsSound(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, e := range Endpoints() {
		key := e.Method + " " + e.Pattern
		if seen[key] {
			t.Errorf("%s stands in the table twice", key)
		}
		seen[key] = true
		if e.handle == nil {
			t.Errorf("%s has nobody who answers it", key)
		}
	}
	// A literal wins over a variable, wherever the two stand in the table.
	rs := newRoutes([]Endpoint{{Method: "GET", Pattern: "/a/{b}"}, {Method: "GET", Pattern: "/a/b"}})
	if r, _, ok := rs.find("GET", "/a/b"); !ok || r.Pattern != "/a/b" {
		t.Errorf("found %q", r.Pattern)
	}
}

func TestChangedSecretsAreNamedOnce(t *testing.T) {
	t.Parallel()
	secret := func(name, text string) []byte {
		return []byte(`{"name":"` + name + `","type":"secret_text","text":"` + text + `"}`)
	}
	version := func(raw ...[]byte) (v store.Version) {
		for _, r := range raw {
			v.Bindings = append(v.Bindings, r)
		}
		return v
	}
	got := changedSecrets([]store.Version{version(secret("A", "1"), secret("B", "1"))}, version(secret("B", "2"), secret("C", "1")))
	if strings.Join(got, " ") != "A B C" {
		t.Errorf("got %v", got)
	}
}
