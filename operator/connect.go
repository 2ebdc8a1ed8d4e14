package operator

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/cloudflare"
	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/edge"
	"github.com/tamylaa/clodo/internal/vault"
	"github.com/tamylaa/clodo/project"
)

// cloud is which Cloudflare an operator talks to.
type cloud struct {
	base      string // ends in /client/v4, "" is the real one
	data      string // where a local cloud's Workers answer, "" for the real Cloudflare
	token     string // a local cloud's own token, "" when one must be looked up
	accountID string // a local cloud's first account
	local     bool   // clodo's own local cloud: every answer must say so
}

// Account implements edge.Accounts: the account that the portfolio calls name, with
// a client that may work in it. Connections are made once. That there is no project is
// an error only where its local cloud is meant.
func (o *Operator) Account(ctx context.Context, name string) (*edge.Account, error) {
	if err := o.loaded(ctx); o.portfolio == nil && o.opts.Local {
		return nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if a, ok := o.accounts[name]; ok {
		return a, nil
	}
	c, err := o.connect(ctx)
	if err != nil {
		return nil, err
	}
	configured := o.configured(name)
	token := c.token
	if token == "" {
		if token, err = o.token(configured); err != nil {
			return nil, err
		}
	}
	client, err := cloudflare.New(cloudflare.Options{
		BaseURL: c.base, Local: c.local, Token: cloudflare.NewSecret(token), HTTPClient: o.opts.HTTPClient, UserAgent: "clodo",
	})
	if err != nil {
		return nil, &diag.Error{Finding: diag.Finding{
			Code: "A105", Severity: diag.SeverityError, Message: err.Error(),
			Fix: "set CLOUDFLARE_API_BASE_URL to an address such as http://127.0.0.1:8787/client/v4, or unset it for the real Cloudflare",
		}, State: diag.NothingChanged, Exit: diag.ExitUsage, Err: err}
	}
	o.closers = append(o.closers, client.Close)
	a := &edge.Account{Client: client, Name: name}
	if a.ID, err = o.accountID(ctx, client, configured, c); err != nil {
		return nil, err
	}
	if a.Name == "" {
		a.Name = a.ID
	}
	o.accounts[name] = a
	return a, nil
}

// configured is the account of clodo.yaml called name, or nil.
func (o *Operator) configured(name string) *project.Account {
	if o.portfolio == nil || name == "" {
		return nil
	}
	i := slices.IndexFunc(o.portfolio.Accounts, func(a *project.Account) bool { return a.Name == name })
	if i < 0 {
		return nil
	}
	return o.portfolio.Accounts[i]
}

// token looks for an API token: the one in Options, the one that clodo.yaml's
// account refers to, else CLOUDFLARE_API_TOKEN. There is no other way, and never a
// silent fall-back to another Cloudflare.
func (o *Operator) token(account *project.Account) (string, error) {
	if o.opts.Token != "" {
		return o.opts.Token, nil
	}
	ref, pos, name := "env:CLOUDFLARE_API_TOKEN", diag.Position{}, ""
	if account != nil && account.Token.V != "" {
		ref, pos, name = account.Token.V, account.Token.Pos, account.Name
	}
	missing := func(why, fix string) error {
		message := "no Cloudflare API token"
		if name != "" {
			message = fmt.Sprintf("no Cloudflare API token for account %q", name)
		}
		return &diag.Error{
			Finding: diag.Finding{Code: "A101", Severity: diag.SeverityError, Message: message, Why: why, Fix: fix, Pos: pos},
			State:   diag.NothingChanged, Exit: diag.ExitAuth,
		}
	}
	kind, where, _ := strings.Cut(ref, ":")
	switch kind {
	case "env":
		if token := strings.TrimSpace(o.getenv(where)); token != "" {
			return token, nil
		}
		if where == "CLOUDFLARE_API_TOKEN" && o.getenv("CLOUDFLARE_API_KEY") != "" {
			return "", missing("CLOUDFLARE_API_KEY is a global key, which can do everything in every account; clodo takes only tokens",
				"make a token with the permissions that `clodo doctor` lists and put it into CLOUDFLARE_API_TOKEN")
		}
		return "", missing("the variable "+where+" is not set",
			"set "+where+", or take the Cloudflare on this machine, which needs no account: --local, as in clodo deploy --local")
	case "keyring":
		token, err := vault.KeyringEntry(where)
		if err != nil {
			return "", missing("the keyring has no entry "+where+": "+err.Error(), "put the token there, or refer to a variable: env:CLOUDFLARE_API_TOKEN")
		}
		return token, nil
	case "file":
		path := where
		if !filepath.IsAbs(path) {
			path = filepath.Join(o.portfolio.Root, filepath.FromSlash(path))
		}
		info, err := os.Stat(path)
		if err != nil {
			return "", missing(err.Error(), "write the token into that file, mode 0600")
		}
		if info.Mode().Perm()&0o077 != 0 && filepath.Separator == '/' {
			return "", missing(fmt.Sprintf("%s can be read by others (mode %04o)", where, info.Mode().Perm()), "chmod 600 "+where)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return "", missing(err.Error(), "make the file readable for you")
		}
		if token := strings.TrimSpace(string(data)); token != "" {
			return token, nil
		}
		return "", missing(where+" is empty", "write the token into that file")
	}
	return "", missing("token references start with env:, keyring: or file:", "write env:CLOUDFLARE_API_TOKEN")
}

// accountID decides which account is meant: what is configured, else the only one
// that the token sees.
func (o *Operator) accountID(ctx context.Context, client *cloudflare.Client, account *project.Account, c *cloud) (string, error) {
	switch {
	case account != nil && account.ID.V != "":
		return account.ID.V, nil
	case o.opts.AccountID != "" && !c.local: // CLOUDFLARE_ACCOUNT_ID is of the real one
		return o.opts.AccountID, nil
	case c.accountID != "":
		return c.accountID, nil
	}
	list, err := cloudflare.Collect(client.Accounts(ctx, ""))
	if err != nil {
		return "", authError(err)
	}
	if len(list) == 1 {
		return list[0].ID, nil
	}
	var names []string
	for _, a := range list {
		names = append(names, a.Name+" ("+a.ID+")")
	}
	why := "the token sees no account"
	if len(names) > 0 {
		why = fmt.Sprintf("the token sees %d: %s", len(names), strings.Join(names, ", "))
	}
	return "", &diag.Error{Finding: diag.Finding{
		Code: "A104", Severity: diag.SeverityError, Message: "it is not clear which Cloudflare account is meant", Why: why,
		Fix: "set CLOUDFLARE_ACCOUNT_ID, or name the account in clodo.yaml under accounts",
	}, State: diag.NothingChanged, Exit: diag.ExitAuth}
}

// authError tells a person why Cloudflare did not let the token in.
func authError(err error) error {
	if wrong := edge.WrongCloud(err); wrong != nil {
		wrong.State = diag.NothingChanged
		return wrong
	}
	d := diag.Finding{Severity: diag.SeverityError, Why: err.Error()}
	exit, state := diag.ExitAuth, diag.NothingChanged
	switch {
	case errors.Is(err, cloudflare.ErrUnknownOutcome):
		d.Code, d.Message = "N301", "Cloudflare did not answer"
		d.Fix = "run the same command again, which does no harm if it was done; check the network with clodo doctor"
		exit, state = diag.ExitUnavailable, "Whether the change was made is not known."
	case cloudflare.IsAuth(err):
		d.Code, d.Message = "A102", "Cloudflare does not know this token"
		d.Fix = "make a new token and set it again; `clodo doctor` tries it"
	case cloudflare.IsPermission(err):
		d.Code, d.Message = "A103", "the token may not do this"
		d.Fix = "add the permission to the token; `clodo doctor` lists what is needed"
	case cloudflare.IsRateLimited(err):
		d.Code, d.Message = "N302", "Cloudflare takes no more calls for now"
		d.Fix = "wait five minutes, then run the same command again"
		exit = diag.ExitUnavailable
	case edge.Silent(err):
		d.Code, d.Message = "N301", "Cloudflare did not answer"
		d.Fix = "run the same command again; check the network with clodo doctor"
		exit = diag.ExitUnavailable
	default:
		d.Code, d.Message = "D203", "Cloudflare refused the call"
		d.Fix = "correct what the answer names, then run the same command again"
		exit = diag.ExitFailed
	}
	return &diag.Error{Finding: d, State: state, Exit: exit, Err: err}
}
