package scaffold

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/sdk"
	"github.com/tamylaa/clodo/project"
)

// ConfigName is the file that makes a folder a portfolio.
const ConfigName = "clodo.yaml"

// PortfolioRequest says which portfolio to make.
type PortfolioRequest struct {
	Dir     string   // made when it is not there
	Domains []Domain // their accounts are entered in clodo.yaml
}

// PortfolioCreation is a portfolio that is about to be made. Its JSON form is a
// contract with scripts.
type PortfolioCreation struct {
	Portfolio    string   `json:"portfolio"`
	Environments []string `json:"environments"`
	Accounts     []string `json:"accounts"`
	Tokens       []string `json:"tokens"`           // variables that the accounts' API tokens are read from
	NoID         bool     `json:"-"`                // an account is found by its token alone
	Absent       []string `json:"absent,omitempty"` // accounts of the request that a portfolio which was there does not name
	Existed      bool     `json:"existed"`          // it was a portfolio already, and nothing is to be done
	Files        []File   `json:"files"`
	Unpacked     bool     `json:"unpacked"` // Write put the sources of package clodo into the state folder

	dir      string
	services []string // folders of those that are there
}

// PlanPortfolio finds out what it takes to make a folder an empty portfolio. It writes
// nothing. Files that are there stay.
func PlanPortfolio(r PortfolioRequest) (*PortfolioCreation, error) {
	dir, err := filepath.Abs(r.Dir)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		return nil, refuse("S107", fmt.Sprintf("%q is a file", r.Dir), "a portfolio is a folder", "name another folder")
	}
	if err == nil {
		if done, err := existing(dir, r.Domains); done != nil || err != nil {
			return done, err
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, refuse("S107", fmt.Sprintf("%q cannot be read", r.Dir), err.Error(), "name another folder")
	}
	if above := portfolioAbove(dir); above != "" {
		return nil, refuse("S107", fmt.Sprintf("%q lies in the portfolio %s", r.Dir, above), "portfolios do not contain each other", "clodo -C "+above+" service create NAME")
	}
	c := &PortfolioCreation{Portfolio: portfolioName(filepath.Base(dir)), Accounts: []string{}, Tokens: []string{}, dir: dir}
	var accounts []Account
	for _, d := range r.Domains {
		if d.Account != "" {
			accounts = addAccount(accounts, d.Account)
		}
	}
	c.Environments = []string{"local", "production"}
	for i, a := range accounts {
		c.Accounts = append(c.Accounts, a.Name)
		c.Tokens = append(c.Tokens, a.tokenVariable(len(accounts) == 1))
		c.NoID = c.NoID || a.ID == ""
		if i > 0 {
			c.Environments = append(c.Environments, a.environment())
		}
	}
	if len(accounts) == 0 {
		c.Tokens, c.NoID = []string{tokenVariable}, true
	}
	for _, f := range []struct{ name, text string }{
		{ConfigName, configText(c.Portfolio, accounts)},
		{".gitignore", ignoreText},
		{"README.md", strings.ReplaceAll(readmeText, "{{name}}", c.Portfolio)},
	} {
		file := File{Path: f.name, Size: len(f.text), Action: Create, content: []byte(f.text), mode: 0o644}
		if _, err := os.Lstat(filepath.Join(dir, f.name)); err == nil {
			file.Action = Keep
		}
		c.Files = append(c.Files, file)
	}
	return c, nil
}

// existing is what to say of a folder that is a portfolio, or has Workers without one.
func existing(dir string, domains []Domain) (*PortfolioCreation, error) {
	p, found := project.Load(project.LoadOptions{Dir: dir})
	if p == nil {
		return nil, nil
	}
	if p.File != "" && p.Root == dir {
		if err := diag.Findings(found); err != nil {
			return nil, err
		}
		c := &PortfolioCreation{Portfolio: p.Name, Environments: []string{}, Accounts: []string{}, Tokens: []string{}, Existed: true, Files: []File{}, dir: dir}
		for _, e := range p.Environments {
			c.Environments = append(c.Environments, e.Name)
		}
		for _, a := range p.Accounts {
			c.Accounts = append(c.Accounts, a.Name)
			c.NoID = c.NoID || a.ID.V == ""
			switch kind, name, _ := strings.Cut(cmp.Or(a.Token.V, "env:"+tokenVariable), ":"); {
			case kind == "env" && !slices.Contains(c.Tokens, name):
				c.Tokens = append(c.Tokens, name)
			}
		}
		if len(p.Accounts) == 0 {
			c.Tokens, c.NoID = []string{tokenVariable}, true
		}
		for _, s := range p.Services {
			c.services = append(c.services, s.Dir)
		}
		for _, d := range domains {
			if _, err := accountOf(p, d); err != nil && !slices.Contains(c.Absent, d.Account) {
				c.Absent = append(c.Absent, d.Account)
			}
		}
		return c, nil
	}
	if p.File == "" && len(p.Services) > 0 {
		first := p.Services[0]
		return nil, refuse("S107", "there are wrangler projects here, such as "+first.File,
			"clodo works with them as they are; a clodo.yaml that leaves them out would hide them",
			fmt.Sprintf("clodo check, or write a clodo.yaml that names them: services: { %s: { path: %s } }", first.Name, first.Dir))
	}
	return nil, nil
}

// portfolioAbove is the folder of the portfolio that dir lies in, or "".
func portfolioAbove(dir string) string {
	for parent := filepath.Dir(dir); parent != dir; dir, parent = parent, filepath.Dir(parent) {
		if info, err := os.Stat(filepath.Join(parent, ConfigName)); err == nil && info.Mode().IsRegular() {
			return parent
		}
	}
	return ""
}

// portfolioName is a folder's name as the name of a portfolio, which begins with a
// letter and has at most 39 characters.
func portfolioName(folder string) string {
	name := slug(strings.TrimLeft(strings.ToLower(folder), "0123456789-_. "), 39)
	if name == "" || name[0] < 'a' {
		return "portfolio"
	}
	return name
}

// Account is an account that clodo.yaml names.
type Account struct{ Name, ID string }

// addAccount enters an account that a hostname named: by its name, or by its id, which
// then gets a name.
func addAccount(accounts []Account, word string) []Account {
	a := Account{Name: word}
	if hexID.MatchString(word) {
		a = Account{Name: "main", ID: word}
		if len(accounts) > 0 {
			a.Name = fmt.Sprintf("account-%d", len(accounts)+1)
		}
	}
	for _, other := range accounts {
		if other.Name == a.Name && a.ID == "" || a.ID != "" && other.ID == a.ID {
			return accounts
		}
	}
	return append(accounts, a)
}

// tokenVariable is where the token of the only account is read from.
const tokenVariable = "CLOUDFLARE_API_TOKEN"

// tokenVariable is where an account's token is read from.
func (a Account) tokenVariable(only bool) string {
	if only {
		return tokenVariable
	}
	return strings.ToUpper(strings.ReplaceAll(a.Name, "-", "_")) + "_" + tokenVariable
}

// environment is what the environment of an account is called that is not the first one.
func (a Account) environment() string {
	if name := "production-" + a.Name; len(name) <= longestAccount {
		return name
	}
	return a.Name
}

func configText(name string, accounts []Account) string {
	var b strings.Builder
	b.WriteString("# What runs where. What a Worker is stands in its own wrangler.jsonc.\n")
	b.WriteString("version: 1\nportfolio: " + name + "\n")
	production := "{}"
	if len(accounts) > 0 {
		b.WriteString("\naccounts:                         # tokens are read from there, never written here\n")
		for _, a := range accounts {
			id := ""
			if a.ID != "" {
				id = "id: " + a.ID + ", "
			}
			fmt.Fprintf(&b, "  %s: { %stoken: \"env:%s\" }\n", a.Name, id, a.tokenVariable(len(accounts) == 1))
		}
		production = "{ account: " + accounts[0].Name + " }"
	}
	b.WriteString("\nenvironments:\n  local: { local: true }          # the Cloudflare on this machine\n  production: " + production + "\n")
	for _, a := range accounts[min(1, len(accounts)):] {
		fmt.Fprintf(&b, "  %s: { account: %s }\n", a.environment(), a.Name)
	}
	b.WriteString("\nservices: {}\n")
	return b.String()
}

const ignoreText = `# made on this machine: the state of clodo, the framework's sources, installed packages
.clodo/
node_modules/

# values that belong to nobody else
.dev.vars
.dev.vars.*
!.dev.vars.example
.env
`

const readmeText = `# {{name}}

Services on Cloudflare Workers, built and shipped by clodo.

` + "```sh" + `
clodo service types             # what can be made
clodo service create NAME       # make a service and enter it in clodo.yaml
clodo dev                       # run all services, again whenever a file changes
clodo check                     # read all files, report every problem
clodo deploy --local            # deploy to the Cloudflare on this machine; no account needed
clodo deploy -e production      # the same to the real one; needs CLOUDFLARE_API_TOKEN
` + "```" + `

After a clone, ` + "`clodo init`" + ` puts the sources of package clodo into ` + "`.clodo/sdk`" + `, where go.mod expects them.
`

// Write makes the portfolio: all of its files, or nothing. The sources that its
// services in Go are compiled with are unpacked into its state folder, also where the
// portfolio was there but they were not, as after a clone.
func (c *PortfolioCreation) Write(ctx context.Context) (err error) {
	if c.Existed {
		for _, dir := range append([]string{"."}, c.services...) {
			unpacked, err := sdk.Restore(filepath.Join(c.dir, filepath.FromSlash(dir)))
			if err != nil {
				return notWritten(sdk.Folder, err)
			}
			c.Unpacked = c.Unpacked || unpacked
		}
		return nil
	}
	_, before := os.Stat(c.dir)
	defer func() {
		if err != nil && errors.Is(before, fs.ErrNotExist) {
			_ = os.Remove(c.dir) // fails when it holds something, and then it should
		}
		if err != nil {
			err = notWritten("the files of the portfolio", err)
		}
	}()
	if err := os.MkdirAll(c.dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(c.dir)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := write(ctx, root, c.Files); err != nil {
		return err
	}
	if sdk.ThisRelease() == (sdk.Release{}) {
		c.Unpacked, err = sdk.Unpack(c.dir)
	}
	return err
}
