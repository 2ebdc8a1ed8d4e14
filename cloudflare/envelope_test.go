package cloudflare

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestEnvelopesOfAllSortsAreRead(t *testing.T) {
	t.Parallel()
	twelve := 12
	tests := []struct {
		name, body string
		want       envelope
		wantErr    string
	}{
		{"a success", `{"success":true,"errors":[],"messages":[],"result":{"a":1}}`, envelope{Success: true, Result: json.RawMessage(`{"a":1}`)}, ""},
		{"messages as objects or text, or null", `{"success":true,"errors":null,"messages":[{"code":10000,"message":"x"},"y"],"result":null}`, envelope{Success: true, Result: json.RawMessage(`null`)}, ""},
		{"a failure of D1 with a list for a result", `{"success":false,"errors":[{"code":7500,"message":"no"}],"result":[]}`, envelope{Errors: []Detail{{Code: 7500, Message: "no"}}, Result: json.RawMessage(`[]`)}, ""},
		{"a code as text and a pointer", `{"success":false,"errors":[{"code":"7500","message":"no","source":{"pointer":"/a"}}]}`, envelope{Errors: []Detail{{Code: 7500, Message: "no", Pointer: "/a"}}}, ""},
		{"an error that is something else", `{"success":false,"errors":[17]}`, envelope{Errors: []Detail{{Message: "17"}}}, ""},
		{"paging with a number as text", `{"success":true,"result":[],"result_info":{"count":"5","per_page":20,"total_count":12}}`, envelope{Success: true, Result: json.RawMessage(`[]`), Info: resultInfo{PerPage: 20, TotalCount: &twelve}}, ""},
		{"no JSON", `<html>`, envelope{}, "is not the JSON"},
		{"a list", `[]`, envelope{}, "is not the JSON"},
		{"no success", `{"result":1}`, envelope{}, `lacks "success"`},
		{"nothing", ``, envelope{}, "is not the JSON"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := decodeEnvelope([]byte(tt.body))
			if (err == nil) != (tt.wantErr == "") || (err != nil && !strings.Contains(err.Error(), tt.wantErr)) {
				t.Fatalf("got error %v, want %q", err, tt.wantErr)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestRetryAfterIsReadInBothForms(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	tests := []struct {
		header string
		want   time.Duration
	}{
		{"", 0},
		{"5", 5 * time.Second},
		{" 5 ", 5 * time.Second},
		{"-5", 0},
		{"1.5", 0},
		{"Fri, 02 Jan 2026 03:05:05 GMT", time.Minute},
		{"Fri, 02 Jan 2026 03:00:00 GMT", 0},
		{"soon", 0},
		{"99999999999999999999", 0},
	}
	for _, tt := range tests {
		if got := retryAfter(tt.header, now); got != tt.want {
			t.Errorf("%q: %v, want %v", tt.header, got, tt.want)
		}
	}
}

func FuzzDecodeEnvelope(f *testing.F) {
	for _, s := range []string{
		`{"success":true,"errors":[],"messages":[],"result":{"a":1},"result_info":{"page":1,"per_page":20,"total_count":1,"cursor":"x"}}`,
		`{"success":false,"errors":[{"code":10007,"message":"no","source":{"pointer":"/x"},"error_chain":[{"code":1,"message":"y"}]},"z",17,null],"result":[]}`,
		`{"success":null}`, `[]`, `<html>`, "\xff",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		e, err := decodeEnvelope(body)
		if err != nil {
			if len(err.Error()) > 600 {
				t.Errorf("the error repeats the whole answer: %d bytes", len(err.Error()))
			}
			return
		}
		if len(e.Result) > 0 && !json.Valid(e.Result) {
			t.Errorf("result %q is not JSON", e.Result)
		}
		_ = (&Error{Details: e.Errors}).Error()
	})
}

func FuzzReadModules(f *testing.F) {
	f.Add("multipart/form-data; boundary=b", []byte("--b\r\nContent-Disposition: form-data; name=\"a.js\"\r\n\r\nx\r\n--b--\r\n"))
	f.Add("application/javascript", []byte("x"))
	f.Add("multipart/form-data", []byte("--\r\n"))
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		modules, err := readModules(contentType, body)
		total := 0
		for _, m := range modules {
			total += len(m.Content)
		}
		if err == nil && total > len(body) {
			t.Errorf("%d bytes of modules out of %d", total, len(body))
		}
	})
}
