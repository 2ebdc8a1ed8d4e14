package edge

import (
	"errors"

	"github.com/tamylaa/clodo/cloudflare"
	"github.com/tamylaa/clodo/diag"
)

// WrongCloud tells a person that something else than the wanted Cloudflare answered;
// nil when err is about anything else. No retry and no resume helps against it.
func WrongCloud(err error) *diag.Error {
	if !errors.Is(err, cloudflare.ErrWrongCloud) {
		return nil
	}
	return &diag.Error{
		Finding: diag.Finding{
			Code: "N303", Severity: diag.SeverityError, Message: "the answer came from the wrong Cloudflare", Why: err.Error(),
			Fix: "see what listens at the address: clodo cloud status; and what CLOUDFLARE_API_BASE_URL says",
		},
		Exit: diag.ExitUnavailable, Err: err,
	}
}
