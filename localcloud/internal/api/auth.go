package api

import (
	"errors"
	"net/http"
	"strings"

	"github.com/tamylaa/clodo/internal/lazyregexp"
	"github.com/tamylaa/clodo/localcloud/internal/store"
)

var (
	hex32 = lazyregexp.New(`^[0-9a-f]{32}$`)
	// realToken is how Cloudflare's own tokens look: forty characters, or a prefix of
	// the newer kinds.
	realToken = lazyregexp.New(`^(cf[a-z]{1,4}_.+|v1\.0-.+|[A-Za-z0-9_-]{40})$`)
)

// uncounted are the endpoints that Cloudflare does not hold against a token's limit:
// whoever consumes a queue calls them all the time.
var uncounted = []string{
	accountPath + "/queues/{queue_id}/messages/pull",
	accountPath + "/queues/{queue_id}/messages/ack",
}

// identify finds who asks: the token, and whether it has calls left.
func (c *call) identify() error {
	value, err := bearer(c.req)
	if err != nil {
		return err
	}
	if c.who, err = c.store.Directory(c.ctx); err != nil {
		return err
	}
	if c.token, err = c.who.Token(value); err != nil {
		return unknownToken(c.req, value)
	}
	if verifies := strings.HasSuffix(c.req.URL.Path, "/tokens/verify"); !verifies && !c.token.Usable(c.clock.Now()) {
		return refuse(http.StatusForbidden, 9109, "Invalid access token: it is disabled, expired or not valid yet.")
	}
	return c.countCall()
}

// authorize finds who asks and whether they may: one of the permission groups, and the
// account or zone of the path.
func (c *call) authorize(groups []string) (err error) {
	if err := c.identify(); err != nil {
		return err
	}
	if id, ok := c.vars["account_id"]; ok {
		if c.account, err = c.openAccount(id); err != nil {
			return err
		}
	}
	if id, ok := c.vars["zone_id"]; ok {
		if c.zone, err = c.openZone(id); err != nil {
			return err
		}
	}
	if !c.token.May(c.account.ID, c.zone.ID, groups...) {
		if c.req.URL.Path == Prefix+"/user" { // wrangler knows by the code that there is no email to show
			return refuse(http.StatusForbidden, 9109, "Unauthorized to access requested resource")
		}
		return refuse(http.StatusForbidden, 10000, "Authentication error")
	}
	return nil
}

func (c *call) countCall() error {
	if !c.counted {
		return nil
	}
	v := c.quota.Take(c.token.ID)
	v.Header(c.w.Header())
	if v.Refused {
		return tooManyCalls()
	}
	return nil
}

// tooManyCalls is what the API answers to a token over its limit.
func tooManyCalls() *Error {
	return refuse(http.StatusTooManyRequests, 971, "Please wait and consider throttling your request speed")
}

func (c *call) openAccount(id string) (store.Account, error) {
	if !hex32.MatchString(id) {
		return store.Account{}, unroutable(c.req)
	}
	account, err := c.who.Account(id)
	if errors.Is(err, store.ErrNotFound) || err == nil && !c.token.Opens(id) {
		return store.Account{}, refuse(http.StatusForbidden, 10000, "Authentication error")
	}
	return account, err
}

func (c *call) openZone(id string) (store.Zone, error) {
	if !hex32.MatchString(id) {
		return store.Zone{}, unroutable(c.req)
	}
	zone, err := c.who.Zone(id)
	if errors.Is(err, store.ErrNotFound) || err == nil && !c.token.OpensZone(zone) {
		return store.Zone{}, refuse(http.StatusForbidden, 9109, "Unauthorized to access requested resource")
	}
	if err == nil {
		c.account, err = c.who.Account(zone.Account)
	}
	return zone, err
}

// bearer is the token of the request. Keys with an e-mail address are not taken:
// the local cloud has no users, and a real key has no business here.
func bearer(req *http.Request) (string, error) {
	h := req.Header.Get("Authorization")
	if h == "" {
		return "", refuse(http.StatusBadRequest, 9106, "Missing Authorization header: the local cloud takes its own API tokens only.")
	}
	value, ok := strings.CutPrefix(h, "Bearer ")
	if !ok || strings.TrimSpace(value) == "" || strings.ContainsAny(value, " \t") {
		e := refuse(http.StatusBadRequest, 6003, "Invalid request headers")
		e.Chain = []Error{{Code: 6111, Message: "Invalid format for Authorization header"}}
		return "", e
	}
	return value, nil
}

// unknownToken never repeats the value: it may be a real one.
func unknownToken(req *http.Request, value string) error {
	if realToken.MatchString(value) && !strings.HasPrefix(value, TokenPrefix) {
		return refuse(http.StatusForbidden, 9109, "This is a local cloud and the token looks like one of the real Cloudflare: it was not kept. Use the token that the local cloud printed; it starts with %s.", TokenPrefix)
	}
	if strings.HasSuffix(req.URL.Path, "/tokens/verify") {
		return refuse(http.StatusUnauthorized, 1000, "Invalid API Token")
	}
	if strings.HasPrefix(value, TokenPrefix) {
		return refuse(http.StatusForbidden, 9109, "Invalid access token: this local cloud has no such token. Each has tokens of its own: `clodo cloud env` prints this one's.")
	}
	return refuse(http.StatusForbidden, 9109, "Invalid access token: tokens of this local cloud start with %s.", TokenPrefix)
}

func unroutable(req *http.Request) error {
	e := refuse(http.StatusNotFound, 7003, "Could not route to %s, perhaps your object identifier is invalid?", strings.TrimPrefix(req.URL.Path, Prefix))
	e.Chain = []Error{{Code: 7000, Message: "No route for that URI"}}
	return e
}
