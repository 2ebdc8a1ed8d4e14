package store

import (
	"slices"
	"time"
)

// Token opens accounts and zones. Local tokens are not secrets: they open only a cloud
// that listens on this machine.
//
// What it may do is said by Policies, as at Cloudflare; one without them by Accounts
// and Groups.
type Token struct {
	ID         string // 32 hex
	Value      string // starts with clodo_local_
	Name       string
	Owner      string   // the account that it belongs to; "": a token of the user
	Accounts   []string // nil opens all
	Groups     []string // permission groups; nil grants all
	Policies   []Policy `json:",omitempty"`
	Disabled   bool
	NotBefore  time.Time
	ExpiresOn  time.Time // zero: never
	CreatedOn  time.Time
	ModifiedOn time.Time
}

// Policy grants permission groups on resources, or takes them away.
type Policy struct {
	ID     string // 32 hex
	Deny   bool
	Groups []string // by name
	// Resources are Cloudflare's names such as com.cloudflare.api.account.ID, which may
	// end in a star.
	Resources []Resource
}

// Resource is one resource of a policy, and where it stands.
type Resource struct {
	Name string
	In   string // the account's resource that it was nested in; "": none
}

// What names of resources begin with.
const (
	AccountResource = "com.cloudflare.api.account."
	ZoneResource    = "com.cloudflare.api.account.zone."
	UserResource    = "com.cloudflare.api.user."
)

// Opens reports whether the token reaches an account, for whatever it may do there.
func (t Token) Opens(account string) bool {
	if t.Policies == nil {
		return t.Accounts == nil || slices.Contains(t.Accounts, account)
	}
	return slices.ContainsFunc(t.Policies, func(p Policy) bool {
		return !p.Deny && slices.ContainsFunc(p.Resources, func(r Resource) bool { return r.touches(account) })
	})
}

// OpensZone reports whether the token reaches a zone, for whatever it may do there.
func (t Token) OpensZone(z Zone) bool {
	if t.Policies == nil {
		return t.Opens(z.Account)
	}
	return slices.ContainsFunc(t.Policies, func(p Policy) bool { return !p.Deny && p.covers(z.Account, z.ID) })
}

// May reports whether the token has one of the permission groups, for a zone of an
// account, for the account itself when zone is empty, or for anything when both are.
// No groups need none.
func (t Token) May(account, zone string, groups ...string) bool {
	if len(groups) == 0 {
		return true
	}
	if t.Policies == nil {
		return t.Groups == nil || slices.ContainsFunc(groups, func(g string) bool { return slices.Contains(t.Groups, g) })
	}
	return slices.ContainsFunc(groups, func(group string) bool {
		said := func(deny bool) bool {
			return slices.ContainsFunc(t.Policies, func(p Policy) bool {
				return p.Deny == deny && slices.Contains(p.Groups, group) && p.covers(account, zone)
			})
		}
		return said(false) && !said(true)
	})
}

func (p Policy) covers(account, zone string) bool {
	if account == "" && zone == "" {
		return true
	}
	return slices.ContainsFunc(p.Resources, func(r Resource) bool {
		if zone != "" {
			return r.is(ZoneResource, zone) && (r.In == "" || r.In == AccountResource+account)
		}
		return r.is(AccountResource, account)
	})
}

func (r Resource) is(kind, id string) bool { return r.Name == kind+"*" || r.Name == kind+id }

// touches reports whether the resource is an account, or zones of it.
func (r Resource) touches(account string) bool {
	return r.In == AccountResource+account || r.is(AccountResource, account) || r.In == "" && r.Name == ZoneResource+"*"
}

// Usable reports whether the token opens anything at that time.
func (t Token) Usable(at time.Time) bool {
	return !t.Disabled && !t.Expired(at) && !at.Before(t.NotBefore)
}

// Expired reports whether the token's time is over.
func (t Token) Expired(at time.Time) bool { return !t.ExpiresOn.IsZero() && !at.Before(t.ExpiresOn) }

// Tokens lists all tokens.
func (tx *Tx) Tokens() ([]Token, error) {
	return list[Token](tx, `SELECT doc FROM tokens ORDER BY rowid`)
}

// Token is the token of that value.
func (tx *Tx) Token(value string) (Token, error) {
	return first[Token](tx, `SELECT doc FROM tokens WHERE value = ?`, value)
}

// PutToken adds or replaces a token.
func (tx *Tx) PutToken(t Token) error {
	tx.who = true
	return insert(tx, `INSERT INTO tokens(value, doc) VALUES(?, ?) ON CONFLICT(value) DO UPDATE SET doc = excluded.doc`, t, t.Value)
}

// DeleteToken removes the token of that value.
func (tx *Tx) DeleteToken(value string) error {
	tx.who = true
	return tx.conn.exec(`DELETE FROM tokens WHERE value = ?`, value)
}
