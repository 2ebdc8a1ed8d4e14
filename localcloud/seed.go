package localcloud

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tamylaa/clodo/internal/lazyregexp"
	"github.com/tamylaa/clodo/localcloud/internal/api"
	"github.com/tamylaa/clodo/localcloud/internal/store"
)

// Seed is what a cloud has before anything is deployed. What exists already stays.
type Seed struct {
	Accounts []Account `json:"accounts,omitempty"` // default: one account, when the cloud has none
	// Zones are domains: NAME, which goes into the first account, or NAME@ACCOUNT_ID.
	Zones   []string    `json:"zones,omitempty"`
	Records []DNSRecord `json:"records,omitempty"`
	Tokens  []Token     `json:"tokens,omitempty"` // beside the one that opens everything
}

// Account is an account of the cloud.
type Account struct {
	ID        string `json:"id"` // 32 hex digits
	Name      string `json:"name"`
	Subdomain string `json:"subdomain,omitempty"` // of workers.dev; default: made from the name
}

// DNSRecord is a record of a zone that is seeded or there.
type DNSRecord struct {
	Zone    string `json:"zone"` // its name
	Type    string `json:"type"`
	Name    string `json:"name"` // "@" is the zone itself
	Content string `json:"content"`
	TTL     int    `json:"ttl,omitempty"` // seconds; default: automatic
	Proxied bool   `json:"proxied,omitempty"`
}

// Token is a token with limited rights.
type Token struct {
	Value    string    `json:"value"` // starts with clodo_local_
	Name     string    `json:"name,omitempty"`
	Accounts []string  `json:"accounts"` // ids of the accounts that it opens; nil opens all
	Groups   []string  `json:"groups"`   // permission groups by Cloudflare's names; nil grants all
	Expires  time.Time `json:"expires,omitzero"`
}

// zoneFix and accountFix show what is right.
const (
	zoneFix    = "a zone is NAME or NAME@ACCOUNT_ID such as shop.example; the id of an account is 32 hex digits"
	accountFix = "an account has an id of 32 hex digits, such as 0a1b2c3d4e5f60718293a4b5c6d7e8f9, and a name"
)

// check finds what is wrong with a seed whatever the cloud has already, before
// anything is touched.
func (s Seed) check() error {
	for _, a := range s.Accounts {
		if err := checkAccount(a); err != nil {
			return settingError(err, accountFix)
		}
	}
	for _, z := range s.Zones {
		name, _, _ := strings.Cut(z, "@")
		if err := checkZone(name); err != nil {
			return settingError(err, zoneFix)
		}
	}
	return nil
}

// checkZone says what is wrong with the name of a zone.
func checkZone(name string) error {
	if !api.IsDomain(strings.ToLower(strings.TrimSuffix(name, "."))) {
		return fmt.Errorf("zone %q is not a domain", name)
	}
	return nil
}

// Extend adds to what the running cloud has.
func (c *Cloud) Extend(ctx context.Context, s Seed) error {
	_, err := seed(ctx, c.storage.store, c.clock.Now(), s)
	return err
}

// seed brings a store to hold at least s, what is new of it made at a time, and answers
// the token that opens it.
func seed(ctx context.Context, st *store.Store, at time.Time, s Seed) (token string, err error) {
	err = st.Write(ctx, func(tx *store.Tx) error {
		if err := seedAccounts(tx, at, s.Accounts); err != nil {
			return err
		}
		for _, z := range s.Zones {
			name, account, _ := strings.Cut(z, "@")
			if err := addZone(tx, at, account, name); err != nil {
				return err
			}
		}
		for _, r := range s.Records {
			if err := addRecord(tx, at, r); err != nil {
				return err
			}
		}
		for _, t := range s.Tokens {
			if err := seedToken(tx, at, t); err != nil {
				return err
			}
		}
		err := tx.Setting(api.SettingToken, &token)
		if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		token = api.TokenPrefix + randomHex()
		return errors.Join(tx.PutSetting(api.SettingToken, token), tx.PutToken(store.Token{ID: randomHex(), Value: token, CreatedOn: at}))
	})
	if err != nil {
		return "", fmt.Errorf("seeding the local cloud: %w", err)
	}
	return token, nil
}

// seedToken adds a token, or gives one that is there other rights. The one that opens
// everything keeps its own: who has it must be able to stop the cloud.
func seedToken(tx *store.Tx, at time.Time, t Token) error {
	if !strings.HasPrefix(t.Value, api.TokenPrefix) {
		return fmt.Errorf("a token of a local cloud starts with %s", api.TokenPrefix)
	}
	var master string
	if err := tx.Setting(api.SettingToken, &master); err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if t.Value == master {
		return errors.New("the token that opens everything cannot be limited: name another value")
	}
	for _, id := range t.Accounts {
		if _, err := tx.Account(id); err != nil {
			return fmt.Errorf("a token for account %q: %w", id, err)
		}
	}
	known := api.Groups()
	for _, g := range t.Groups {
		if !slices.Contains(known, g) {
			return fmt.Errorf("the local cloud asks for no permission group %q; it asks for: %s", g, strings.Join(known, ", "))
		}
	}
	made, err := tx.Token(t.Value)
	if errors.Is(err, store.ErrNotFound) {
		made, err = store.Token{ID: randomHex(), Value: t.Value, CreatedOn: at}, nil
	}
	if err != nil {
		return err
	}
	made.Name, made.Accounts, made.Groups, made.Policies, made.ExpiresOn, made.ModifiedOn = t.Name, t.Accounts, t.Groups, nil, t.Expires, at
	return tx.PutToken(made)
}

func seedAccounts(tx *store.Tx, at time.Time, wanted []Account) error {
	have, err := tx.Accounts()
	if err != nil {
		return err
	}
	if len(wanted) == 0 && len(have) == 0 {
		wanted = []Account{{ID: randomHex(), Name: "local"}}
	}
	for _, w := range wanted {
		if err := checkAccount(w); err != nil {
			return err
		}
		if w.Name == "" {
			w.Name = "account " + w.ID[:8]
		}
		i := slices.IndexFunc(have, func(a store.Account) bool { return a.ID == w.ID })
		if i >= 0 && have[i].Name == w.Name && (w.Subdomain == "" || have[i].Subdomain == w.Subdomain) {
			continue
		}
		if taken := slices.IndexFunc(have, func(a store.Account) bool { return w.Subdomain != "" && a.Subdomain == w.Subdomain && a.ID != w.ID }); taken >= 0 {
			return fmt.Errorf("account %q: its subdomain %q is that of account %q", w.Name, w.Subdomain, have[taken].Name)
		}
		a := store.Account{ID: w.ID, CreatedOn: at, Subdomain: freeSubdomain(w.Name, have)}
		if i >= 0 {
			a = have[i]
		} else {
			have = append(have, a)
		}
		a.Name, a.Subdomain = w.Name, cmp.Or(w.Subdomain, a.Subdomain)
		if err := tx.PutAccount(a); err != nil {
			return err
		}
	}
	return nil
}

var subdomain = lazyregexp.New(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// checkAccount says what is wrong with an account.
func checkAccount(a Account) error {
	switch {
	case !isAccountID(a.ID):
		return fmt.Errorf("account %q: its id %q is not 32 hex digits", a.Name, a.ID)
	case a.Subdomain != "" && !subdomain.MatchString(a.Subdomain):
		return fmt.Errorf("account %q: its subdomain %q is not lower-case letters, digits and hyphens", a.Name, a.Subdomain)
	}
	return nil
}

func isAccountID(id string) bool {
	b, err := hex.DecodeString(id)
	return err == nil && len(b) == 16 && id == strings.ToLower(id)
}

// freeSubdomain makes a name on workers.dev from an account's name.
func freeSubdomain(name string, have []store.Account) string {
	base := strings.Trim(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(name)), "-")
	if base == "" || len(base) > 40 {
		base = "local"
	}
	for n := 1; ; n++ {
		candidate := base
		if n > 1 {
			candidate = fmt.Sprintf("%s-%d", base, n)
		}
		if !slices.ContainsFunc(have, func(a store.Account) bool { return a.Subdomain == candidate }) {
			return candidate
		}
	}
}

// addZone adds a domain to an account; an empty one means the first.
func addZone(tx *store.Tx, at time.Time, account, name string) error {
	if err := checkZone(name); err != nil {
		return err
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	zones, err := tx.Zones()
	if err != nil || slices.ContainsFunc(zones, func(z store.Zone) bool { return z.Name == name }) {
		return err
	}
	accounts, err := tx.Accounts()
	if err != nil {
		return err
	}
	if account == "" && len(accounts) > 0 {
		account = accounts[0].ID
	}
	if !slices.ContainsFunc(accounts, func(a store.Account) bool { return a.ID == account }) {
		return settingError(fmt.Errorf("zone %q: there is no account %q", name, account), zoneFix)
	}
	return tx.AddZone(store.Zone{ID: randomHex(), Account: account, Name: name, Type: "full", CreatedOn: at, ModifiedOn: at})
}

// addRecord adds a DNS record unless its zone has the same one.
func addRecord(tx *store.Tx, at time.Time, r DNSRecord) error {
	zones, err := tx.Zones()
	if err != nil {
		return err
	}
	i := slices.IndexFunc(zones, func(z store.Zone) bool { return z.Name == strings.ToLower(r.Zone) })
	if i < 0 {
		return fmt.Errorf("record %q: there is no zone %q", r.Name, r.Zone)
	}
	if err := api.SeedRecord(tx, at, zones[i], r.Type, r.Name, r.Content, r.TTL, r.Proxied); err != nil {
		return fmt.Errorf("record %q of zone %q: %w", r.Name, r.Zone, err)
	}
	return nil
}

func randomHex() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
