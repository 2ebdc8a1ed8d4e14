package operator

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/cloudflare"
	"github.com/tamylaa/clodo/diag"
)

func TestACallThatFailedIsToldAsWhatItWas(t *testing.T) {
	t.Parallel()
	refused := func(status, code int) *cloudflare.Error {
		return &cloudflare.Error{Method: "PUT", Path: "/x", Status: status, Attempts: 1, Details: []cloudflare.Detail{{Code: code, Message: "no"}}}
	}
	tests := map[string]struct {
		err         *cloudflare.Error
		code, state string
		exit        diag.Exit
	}{
		"a token that is not known":           {refused(400, 6003), "A102", diag.NothingChanged, diag.ExitAuth},
		"a permission that is missing":        {refused(403, 10000), "A103", diag.NothingChanged, diag.ExitAuth},
		"too many calls":                      {refused(429, 971), "N302", diag.NothingChanged, diag.ExitUnavailable},
		"a refusal is not silence":            {refused(400, 10021), "D203", diag.NothingChanged, diag.ExitFailed},
		"a read without an answer":            {&cloudflare.Error{Status: 502, Attempts: 4}, "N301", diag.NothingChanged, diag.ExitUnavailable},
		"nobody listens":                      {&cloudflare.Error{Attempts: 1, Err: errors.New("connection refused")}, "N301", diag.NothingChanged, diag.ExitUnavailable},
		"a change whose answer never arrived": {&cloudflare.Error{Attempts: 4, Unknown: true}, "N301", "Whether the change was made is not known.", diag.ExitUnavailable},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			de, ok := errors.AsType[*diag.Error](authError(tt.err))
			if !ok {
				t.Fatal("got no *diag.Error")
			}
			got, want := []any{de.Code, de.State, de.Exit}, []any{tt.code, tt.state, tt.exit}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}
