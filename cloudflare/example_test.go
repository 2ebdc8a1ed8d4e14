package cloudflare_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/tamylaa/clodo/cloudflare"
)

// A call that creates something is sent once. When its answer is lost, look for what
// it was to make before sending it again.
func Example() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Method == http.MethodPost {
			w.WriteHeader(http.StatusBadGateway) // made, but the answer got lost
			return
		}
		fmt.Fprint(w, `{"success":true,"errors":[],"messages":[],"result":[{"uuid":"1f","name":"shop"}],"result_info":{"total_count":1}}`)
	}))
	defer srv.Close()

	ctx := context.Background()
	c, err := cloudflare.New(cloudflare.Options{BaseURL: srv.URL + "/client/v4", Token: cloudflare.NewSecret("token")})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = c.CreateDatabase(ctx, "my-account", cloudflare.NewDatabase{Name: "shop"})
	if errors.Is(err, cloudflare.ErrUnknownOutcome) {
		for d, err := range c.Databases(ctx, "my-account", "shop") {
			fmt.Println(d.Name, d.ID, err)
		}
	}
	// Output: shop 1f <nil>
}
