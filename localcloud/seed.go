package localcloud

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tamylaa/clodo/localcloud/internal/api"
	"github.com/tamylaa/clodo/localcloud/internal/store"
)

// Seed is what a cloud has before anything is deployed. What exists already stays.
type Seed struct {
	Accounts []Account // default: one account, when the cloud has none
	// Zones are domains: NAME, which goes into the first account, or NAME@ACCOUNT_ID.
	Zones  []string
	Tokens []Token // beside the one that opens everything
}

// Account is an account of the cloud.
type Account struct {
	ID   string // 32 hex digits
	Name string
}

// Token is a token with limited rights.
type Token struct {
	Value    string   `json:"value"`    // starts with clodo_local_
	Accounts []string `json:"accounts"` // ids of the accounts that it opens; nil opens all
	Groups   []string `json:"groups"`   // permission groups by Cloudflare's names; nil grants all
}

// Extend adds to what the running cloud has.
func (c *Cloud) Extend(ctx context.Context, s Seed) error {
	_, err := seed(ctx, c.storage.store, s)
	return err
}

// seed brings a store to hold at least s and answers the token that opens it.
func seed(ctx context.Context, st *store.Store, s Seed) (token string, err error) {
	err = st.Write(ctx, func(tx *store.Tx) error {
		if err := seedAccounts(tx, s.Accounts); err != nil {
			return err
		}
		for _, z := range s.Zones {
			name, account, _ := strings.Cut(z, "@")
			if err := addZone(tx, account, name); err != nil {
				return err
			}
		}
		for _, t := range s.Tokens {
			if err := seedToken(tx, t); err != nil {
				return err
			}
		}
		err := tx.Setting(api.SettingToken, &token)
		if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		token = api.TokenPrefix + randomHex()
		return errors.Join(tx.PutSetting(api.SettingToken, token), tx.PutToken(store.Token{ID: randomHex(), Value: token, CreatedOn: time.Now().UTC()}))
	})
	if err != nil {
		return "", fmt.Errorf("seeding the local cloud: %w", err)
	}
	return token, nil
}

// seedToken adds a token, or gives one that is there other rights. The one that opens
// everything keeps its own: who has it must be able to stop the cloud.
func seedToken(tx *store.Tx, t Token) error {
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
	return tx.PutToken(store.Token{ID: randomHex(), Value: t.Value, Accounts: t.Accounts, Groups: t.Groups, CreatedOn: time.Now().UTC()})
}

func seedAccounts(tx *store.Tx, wanted []Account) error {
	have, err := tx.Accounts()
	if err != nil {
		return err
	}
	if len(wanted) == 0 && len(have) == 0 {
		wanted = []Account{{ID: randomHex(), Name: "local"}}
	}
	for _, w := range wanted {
		if id, err := hex.DecodeString(w.ID); err != nil || len(id) != 16 || w.ID != strings.ToLower(w.ID) {
			return fmt.Errorf("account %q: its id %q is not 32 hex digits", w.Name, w.ID)
		}
		if w.Name == "" {
			w.Name = "account " + w.ID[:8]
		}
		i := slices.IndexFunc(have, func(a store.Account) bool { return a.ID == w.ID })
		if i >= 0 && have[i].Name == w.Name {
			continue
		}
		a := store.Account{ID: w.ID, CreatedOn: time.Now().UTC(), Subdomain: freeSubdomain(w.Name, have)}
		if i >= 0 {
			a = have[i]
		} else {
			have = append(have, a)
		}
		a.Name = w.Name
		if err := tx.PutAccount(a); err != nil {
			return err
		}
	}
	return nil
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
func addZone(tx *store.Tx, account, name string) error {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if !api.IsDomain(name) {
		return fmt.Errorf("zone %q is not a domain", name)
	}
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
		return fmt.Errorf("zone %q: there is no account %q", name, account)
	}
	at := time.Now().UTC()
	return tx.AddZone(store.Zone{ID: randomHex(), Account: account, Name: name, Type: "full", CreatedOn: at, ModifiedOn: at})
}

func randomHex() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
