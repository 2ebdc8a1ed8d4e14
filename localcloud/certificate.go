package localcloud

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/tamylaa/clodo/localcloud/internal/api"
	"github.com/tamylaa/clodo/localcloud/internal/runtime"
	"github.com/tamylaa/clodo/localcloud/internal/store"
)

// withCertificates lets a custom domain answer only when its certificate would be
// there. At Cloudflare a handshake fails until then; here, where there is no TLS, the
// answer is the status that Cloudflare has for such a handshake.
func (c *Cloud) withCertificates(next http.Handler) http.Handler {
	if c.options.CertificateDelay == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rest, err := c.untilCertificate(r)
		switch {
		case err != nil:
			c.options.Log.Error("the certificate of a hostname could not be looked up", "host", r.Host, "error", err)
			http.Error(w, err.Error(), http.StatusInternalServerError)
		case rest > 0:
			w.Header().Set(api.Header, "1")
			w.Header().Set("Content-Type", "text/plain; charset=UTF-8")
			w.WriteHeader(525)
			fmt.Fprintf(w, "error code: 525\nThe certificate of %s is issued in %v.\n", r.Host, rest.Round(time.Second/10))
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// untilCertificate is how long the hostname of a request has to wait, by the cloud's
// time.
func (c *Cloud) untilCertificate(r *http.Request) (rest time.Duration, err error) {
	err = c.storage.store.Read(r.Context(), func(tx *store.Tx) error {
		d, err := tx.DomainOf(runtime.Hostname(r.Host))
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		rest = d.CreatedOn.Add(c.options.CertificateDelay).Sub(c.clock.Now())
		return err
	})
	return rest, err
}
