package edge_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/tamylaa/clodo/cloudflare"
	"github.com/tamylaa/clodo/internal/assets"
	"github.com/tamylaa/clodo/internal/edge"
)

// silent is a Cloudflare on which nothing was logged.
type silent struct{ asked int }

func (s *silent) RoundTrip(r *http.Request) (*http.Response, error) {
	s.asked++
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Request: r,
		Body: io.NopCloser(strings.NewReader(`{"success":true,"errors":[],"messages":[],"result":{"events":{"events":[]}}}`)),
	}, nil
}

func TestLogsThatDoNotComeAreLookedForAFewTimes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var cloud silent
		client, err := cloudflare.New(cloudflare.Options{BaseURL: "https://cloud.test/client/v4", Token: cloudflare.NewSecret("t"), HTTPClient: &http.Client{Transport: &cloud}})
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		e := edge.New(accounts{&edge.Account{Client: client, ID: account, Name: "acme"}}, values{}, assets.Hash)
		if got, err := e.Logged(t.Context(), "", "8f00-LCL"); err != nil || got != nil {
			t.Errorf("got %q, %v", got, err)
		}
		if cloud.asked < 5 || cloud.asked > 20 {
			t.Errorf("Cloudflare was asked %d times", cloud.asked)
		}
	})
}
