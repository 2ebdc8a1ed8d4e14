package r2

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/tamylaa/clodo/localcloud/internal/clock"
)

// ask sends a request of the binding and answers the status with the code of the
// error, if there is one, and the body.
func ask(t testing.TB, s *Store, method, head, body string) (status, answer string) {
	t.Helper()
	r := httptest.NewRequest(method, "/", strings.NewReader(head+body))
	if method == http.MethodGet {
		r = httptest.NewRequest(method, "/", nil)
		r.Header.Set(requestHeader, head)
	} else {
		r.Header.Set(sizeHeader, strconv.Itoa(len(head)))
	}
	w := httptest.NewRecorder()
	s.Binding(w, r, "b")
	status = strconv.Itoa(w.Code)
	if text := w.Header().Get(errorHeader); text != "" {
		var e struct {
			Version, V4code int
			Message         string
		}
		if err := json.Unmarshal([]byte(text), &e); err != nil || e.Version != 1 || e.Message == "" {
			t.Errorf("the error %q: %v", text, err)
		}
		status += fmt.Sprint(" ", e.V4code)
	}
	if size := w.Header().Get(sizeHeader); size != "" {
		n, err := strconv.Atoi(size)
		if err != nil || n > w.Body.Len() || !json.Valid(w.Body.Bytes()[:n]) {
			t.Errorf("%s: a head of %q bytes in %q", head, size, w.Body)
		}
	}
	return status, w.Body.String()
}

func TestTheBindingRefusesInCloudflaresTerms(t *testing.T) {
	t.Parallel()
	s := newStore(t, &clock.Clock{})
	put(t, s, "k", "hello", PutOptions{})
	for name, c := range map[string]struct{ method, head, want string }{
		"no request":                   {"GET", "", "400 10029"},
		"a request that is no JSON":    {"GET", "{", "400 10029"},
		"a request of another type":    {"GET", `{"method":"get","object":5}`, "400 10029"},
		"a method that is none":        {"GET", `{"method":"sing"}`, "400 10029"},
		"a write as a read":            {"GET", `{"method":"put","object":"k"}`, "400 10029"},
		"a read as a write":            {"PUT", `{"method":"get","object":"k"}`, "400 10029"},
		"a verb that is none":          {"POST", `{"method":"get","object":"k"}`, "405 10029"},
		"an object that is not there":  {"GET", `{"method":"head","object":"x"}`, "404 10007"},
		"no object":                    {"GET", `{"method":"head"}`, "400 10020"},
		"a range that is negative":     {"GET", `{"method":"get","object":"k","range":{"offset":"-1"}}`, "400 10029"},
		"a range that overflows":       {"GET", `{"method":"get","object":"k","range":{"offset":"99999999999999999999"}}`, "400 10029"},
		"a range behind the end":       {"GET", `{"method":"get","object":"k","range":{"offset":"9223372036854775807","length":"9223372036854775807"}}`, "416 10039"},
		"no last bytes":                {"GET", `{"method":"get","object":"k","range":{"suffix":"0"}}`, "416 10039"},
		"a range of nothing":           {"GET", `{"method":"get","object":"k","range":{"length":0}}`, "416 10039"},
		"a condition that fails":       {"GET", `{"method":"get","object":"k","onlyIf":{"etagMatches":[{"type":"strong","value":"x"}]}}`, "412 10031"},
		"a limit of 0":                 {"GET", `{"method":"list","limit":0}`, "400 10022"},
		"a limit of 1001":              {"GET", `{"method":"list","limit":1001}`, "400 10022"},
		"a checksum that is no base64": {"PUT", `{"method":"put","object":"k","md5":"!"}`, "400 10029"},
		"a checksum that is wrong":     {"PUT", `{"method":"put","object":"k","sha1":"00"}`, "400 10037"},
		"a customer's key of 1 byte":   {"PUT", `{"method":"put","object":"k","ssec":{"key":"00"}}`, "400 10029"},
		"a customer's key not in hex":  {"PUT", `{"method":"put","object":"k","ssec":{"key":"x"}}`, "400 10029"},
		"a content type of 8193 bytes": {"PUT", `{"method":"put","object":"k","httpFields":{"contentType":"` + strings.Repeat("x", 8193) + `"}}`, "400 10012"},
		"part 0":                       {"PUT", `{"method":"uploadPart","object":"k","uploadId":"x"}`, "400 10029"},
		"part 10001":                   {"PUT", `{"method":"uploadPart","object":"k","uploadId":"x","partNumber":10001}`, "400 10029"},
		"an upload that is not there":  {"PUT", `{"method":"completeMultipartUpload","object":"k","uploadId":"x","parts":[]}`, "404 10024"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, _ := ask(t, s, c.method, c.head, "body"); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if got := read(t, s, "k", GetOptions{}); got != "hello" {
				t.Errorf("the object is now %q", got)
			}
		})
	}
	for name, size := range map[string]string{"no size": "", "a size that is none": "x", "a negative size": "-1", "a size behind the end": "99", "a huge size": "99999999999"} {
		r := httptest.NewRequest(http.MethodPut, "/", strings.NewReader("{}"))
		r.Header.Set(sizeHeader, size)
		w := httptest.NewRecorder()
		if s.Binding(w, r, "b"); w.Code != http.StatusBadRequest {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
}

func TestAListStaysBelowWhatTheBindingTakes(t *testing.T) {
	t.Parallel()
	s := newStore(t, &clock.Clock{})
	for i := range 60 {
		put(t, s, fmt.Sprintf("%03d", i), "x", PutOptions{Settings: Settings{Custom: []Field{{"k", strings.Repeat("<", 8000)}}}})
	}
	seen, cursor := 0, ""
	for pages := 1; ; pages++ {
		_, body := ask(t, s, "GET", `{"method":"list","include":[1],"newRuntime":true,"cursor":"`+cursor+`"}`, "")
		var answer struct {
			Objects   []struct{ Name string }
			Truncated bool
			Cursor    string
		}
		check(t, json.Unmarshal([]byte(body), &answer))
		if len(body) > 1<<20 {
			t.Fatalf("a page of %d bytes", len(body))
		}
		for _, o := range answer.Objects {
			if o.Name != fmt.Sprintf("%03d", seen) {
				t.Fatalf("%q comes after %d objects", o.Name, seen)
			}
			seen++
		}
		if !answer.Truncated {
			if seen != 60 || pages < 3 {
				t.Errorf("%d objects on %d pages", seen, pages)
			}
			return
		}
		cursor = answer.Cursor
	}
}

// Whatever is sent, the answer is one that the binding understands, and neither a
// panic nor an error of this machine.
func FuzzBinding(f *testing.F) {
	s := newStore(f, &clock.Clock{})
	for _, head := range []string{
		`{"version":1,"method":"put","object":"k","customFields":[{"k":"a","v":"b"}],"httpFields":{"cacheExpiry":"5"},"md5":"XUFAKrxLKna5cZ2REBfFkg=="}`,
		`{"version":1,"method":"get","object":"k","range":{"offset":"1","length":"2"},"rangeHeader":"bytes=-1"}`,
		`{"version":1,"method":"get","object":"k","ssec":{"key":"00"},"onlyIf":{"etagDoesNotMatch":[{"type":"wildcard"}],"uploadedBefore":"18446744073709551615","secondsGranularity":true}}`,
		`{"version":1,"method":"list","limit":1,"delimiter":"/","startAfter":"\u0000","cursor":"YQ","include":[0,1]}`,
		`{"version":1,"method":"delete","objects":["k",""]}`,
		`{"version":1,"method":"completeMultipartUpload","object":"k","uploadId":"","parts":[{"etag":"","part":1},{"etag":"","part":-1}]}`,
	} {
		f.Add(http.MethodGet, head, "")
		f.Add(http.MethodPut, head, "hello")
	}
	f.Fuzz(func(t *testing.T, method, head, body string) {
		if method != http.MethodGet {
			method = http.MethodPut
		}
		status, answer := ask(t, s, method, head, body)
		if strings.HasPrefix(status, "5") {
			t.Errorf("%s %q %q: %s %s", method, head, body, status, answer)
		}
	})
}

func FuzzParseSpan(f *testing.F) {
	for _, header := range []string{"bytes=0-", "bytes=-5", "bytes=1-2,3-4", "Bytes = 1 - 2", "bytes=9223372036854775807-", "bytes=-", "x"} {
		f.Add(header, int64(10))
	}
	f.Fuzz(func(t *testing.T, header string, size int64) {
		size &= 1<<62 - 1
		span := parseSpan(header)
		if span == nil {
			return
		}
		offset, length, err := span.within(size)
		if err == nil && (offset < 0 || length <= 0 && size > 0 || offset+length > size) {
			t.Errorf("%q of %d bytes is %d from %d", header, size, length, offset)
		}
	})
}

// A customer's key reads from any offset what was encrypted from the first.
func FuzzSecret(f *testing.F) {
	f.Add([]byte("hello, this is more than one block of the cipher"), 17)
	f.Fuzz(func(t *testing.T, content []byte, from int) {
		if from < 0 || from > len(content) {
			return
		}
		secret, id := bytes.Repeat([]byte{7}, secretSize), strings.Repeat("f", 31)+"e" // the counter overflows
		whole, err := keystream(secret, id, 0)
		check(t, err)
		part, err := keystream(secret, id, int64(from))
		check(t, err)
		sealed, opened := make([]byte, len(content)), make([]byte, len(content)-from)
		whole.XORKeyStream(sealed, content)
		part.XORKeyStream(opened, sealed[from:])
		if !bytes.Equal(opened, content[from:]) {
			t.Errorf("%d bytes from %d are not what they were", len(content), from)
		}
	})
}

func TestAnAnswerThatCannotBeSentIsCutOff(t *testing.T) {
	t.Parallel()
	s := newStore(t, &clock.Clock{})
	put(t, s, "k", large, PutOptions{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.Binding(w, r, "b") }))
	defer server.Close()
	r, err := s.Get(t.Context(), "b", "k", GetOptions{})
	check(t, err)
	for _, p := range r.pieces {
		check(t, os.Remove(s.files.Path(p.ID))) // somebody else did
	}
	r.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
	check(t, err)
	req.Header.Set(requestHeader, `{"method":"get","object":"k"}`)
	res, err := server.Client().Do(req)
	if err == nil {
		_, err = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
	}
	if err == nil {
		t.Error("half an object came as a whole one")
	}
}
