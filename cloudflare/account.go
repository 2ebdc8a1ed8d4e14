package cloudflare

import (
	"context"
	"iter"
	"net/http"
	"net/url"
)

// Account owns Workers, databases and zones.
type Account struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Type string `json:"type,omitempty"`
}

// Membership is a user's place in an account.
type Membership struct {
	ID      string   `json:"id"`
	Status  string   `json:"status"` // accepted, pending or rejected
	Roles   []string `json:"roles,omitempty"`
	Account Account  `json:"account"`
}

// User is whose token it is.
type User struct {
	ID    string `json:"id"`
	Email string `json:"email"`
}

// TokenStatus is what Cloudflare thinks of the token that asked.
type TokenStatus struct {
	ID        string `json:"id"`
	Status    string `json:"status"`               // active, disabled or expired
	ExpiresOn string `json:"expires_on,omitempty"` // RFC 3339
	NotBefore string `json:"not_before,omitempty"` // RFC 3339
}

// Accounts lists the accounts that the token can see; name filters when not "".
func (c *Client) Accounts(ctx context.Context, name string) iter.Seq2[Account, error] {
	q := url.Values{}
	set(q, "name", name)
	return pages(ctx, c, request{method: http.MethodGet, path: "/accounts", query: q, effect: reads}, 50, itself[Account])
}

// Account reads one account.
func (c *Client) Account(ctx context.Context, account string) (Account, error) {
	return call[Account](ctx, c, request{method: http.MethodGet, path: "/accounts/{account_id}", args: []string{account}, effect: reads})
}

// Memberships lists the accounts that the token's user belongs to. API tokens often
// may not read this; Accounts is the way round.
func (c *Client) Memberships(ctx context.Context) iter.Seq2[Membership, error] {
	return pages(ctx, c, request{method: http.MethodGet, path: "/memberships", effect: reads}, 50, itself[Membership])
}

// User reads the token's user; it needs the permission User Details Read.
func (c *Client) User(ctx context.Context) (User, error) {
	return call[User](ctx, c, request{method: http.MethodGet, path: "/user", effect: reads})
}

// VerifyUserToken asks whether a user's token is good. A token of an account gets
// code 1000 here: ask VerifyAccountToken.
func (c *Client) VerifyUserToken(ctx context.Context) (TokenStatus, error) {
	return call[TokenStatus](ctx, c, request{method: http.MethodGet, path: "/user/tokens/verify", effect: reads})
}

// VerifyAccountToken asks whether an account's token is good.
func (c *Client) VerifyAccountToken(ctx context.Context, account string) (TokenStatus, error) {
	return call[TokenStatus](ctx, c, request{method: http.MethodGet, path: "/accounts/{account_id}/tokens/verify", args: []string{account}, effect: reads})
}
