package scaffold

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/sdk"
	"github.com/tamylaa/clodo/project"
)

// Request says which service to make.
type Request struct {
	Name        string
	Type        string // one of Types or Aliases
	Language    string // go or ts; default DefaultLanguage
	Domains     []Domain
	Environment string // of the hostnames; default: by their accounts, else production
	Force       bool   // files that are in the way are overwritten
}

// Creation is a service that is about to be made. Its JSON form is a contract with
// scripts.
type Creation struct {
	Service  string              `json:"service"`
	Type     string              `json:"type"`
	Alias    string              `json:"alias,omitempty"` // the word that was used for Type
	Language string              `json:"language"`
	Path     string              `json:"path"` // of its folder, below the root of the portfolio
	Bindings []string            `json:"bindings"`
	Domains  map[string][]string `json:"domains,omitempty"` // hostnames by environment
	Secrets  []string            `json:"secrets,omitempty"` // that somebody has to give a value; on this machine they are in its .dev.vars
	// Generated are secrets that the first deploy makes, where there is no value.
	Generated []string `json:"generated,omitempty"`
	Files     []File   `json:"files"`             // below the root, those of the service first
	Left      []string `json:"left,omitempty"`    // files in its folder that are none of its own; they stay
	Lines     int      `json:"lines"`             // that clodo.yaml gets
	Entry     []string `json:"entry,omitempty"`   // lines that clodo.yaml would get, where it keeps what it says of the service
	Config    string   `json:"config"`            // clodo.yaml
	Sources   string   `json:"sources,omitempty"` // the folder below the root that the sources of package clodo are unpacked to

	root string
}

// Plan finds out what it takes to make a service in p. It writes nothing; what stands
// in the way is a *diag.Error.
func Plan(p *project.Portfolio, r Request) (*Creation, error) {
	if err := CheckName(r.Name); err != nil {
		return nil, err
	}
	t, err := Find(r.Type, r.Language)
	if err != nil {
		return nil, err
	}
	if p.File == "" {
		return nil, refuse("S104", "there is no clodo.yaml here", "a service is entered in one; in "+p.Root+" there are only wrangler files", "clodo init")
	}
	domains, err := place(p, r)
	if err != nil {
		return nil, err
	}
	c := &Creation{
		Service: r.Name, Type: t.Type, Language: t.Language, Path: "services/" + r.Name, Bindings: t.Bindings, Domains: domains, Config: p.File, root: p.Root,
	}
	if c.Bindings == nil {
		c.Bindings = []string{}
	}
	for _, s := range t.Entry.Secrets {
		if s.Generate != "" {
			c.Generated = append(c.Generated, s.Name)
		} else {
			c.Secrets = append(c.Secrets, s.Name)
		}
	}
	if r.Type != t.Type {
		c.Alias = r.Type
	}
	root, err := os.OpenRoot(p.Root)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	if err := c.plan(root, p, t, r); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *Creation) plan(root *os.Root, p *project.Portfolio, t Template, r Request) error {
	m, err := moduleFor(root, p, c.Path, t.Language, sdk.ThisRelease())
	if err != nil {
		return err
	}
	c.Sources = m.sources
	values := values(r.Name, m.name, p.Name)
	var blocked []string
	add := func(name, text string) error {
		out, err := render(text, values)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		f, err := look(root, name, []byte(out))
		if err != nil {
			blocked = append(blocked, err.Error())
		}
		c.Files = append(c.Files, f)
		return nil
	}
	for _, file := range t.Files {
		text, err := t.source(embedded, file)
		if err != nil {
			return err
		}
		if err := add(path.Join(c.Path, file), text); err != nil {
			return err
		}
	}
	for _, f := range m.files {
		if strings.HasPrefix(f.Path, c.Path+"/") {
			c.Files = append(c.Files, f)
		}
	}
	strangers, err := strangersIn(root, c.Path, c.Files)
	if err != nil {
		return err
	}
	if err := (inTheWay{c, declared(p, r.Name), blocked, strangers}).refuse(r.Force); err != nil {
		return err
	}
	c.Left = strangers
	for _, f := range m.files {
		if !strings.HasPrefix(f.Path, c.Path+"/") {
			c.Files = append(c.Files, f)
		}
	}
	common, err := sharedFiles(embedded, t.Language)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(common)) {
		if _, err := root.Lstat(filepath.FromSlash(name)); err == nil {
			continue // the portfolio has its own
		}
		if err := add(name, common[name]); err != nil {
			return err
		}
	}
	return c.enter(root, p, t)
}

// Add has one more file made, below the folder of the service. A file that is there is
// overwritten, so it is for what is generated.
func (c *Creation) Add(name string, content []byte) error {
	root, err := os.OpenRoot(c.root)
	if err != nil {
		return err
	}
	defer root.Close()
	f, err := look(root, path.Join(c.Path, name), content)
	if err != nil {
		return err
	}
	after := slices.IndexFunc(c.Files, func(f File) bool { return !strings.HasPrefix(f.Path, c.Path+"/") })
	if after < 0 {
		after = len(c.Files)
	}
	c.Files = slices.Insert(c.Files, after, f)
	return nil
}

// enter plans the entry in clodo.yaml. A service that is there keeps its own.
func (c *Creation) enter(root *os.Root, p *project.Portfolio, t Template) error {
	var order []string
	for _, e := range p.Environments {
		order = append(order, e.Name)
	}
	entry := entryOf(c.Path, t, c.Domains, order)
	if declared(p, c.Service) != nil {
		c.Entry = entry
		return nil
	}
	before, err := root.ReadFile(p.File)
	if err != nil {
		return err
	}
	after, err := addService(p.File, before, c.Service, entry)
	if err != nil {
		return err
	}
	c.Lines = strings.Count(string(after), "\n") - strings.Count(string(before), "\n")
	f, err := look(root, p.File, after)
	c.Files = append(c.Files, f)
	return err
}

func declared(p *project.Portfolio, name string) *project.Service {
	for _, s := range p.Services {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// place finds the environment of each hostname.
func place(p *project.Portfolio, r Request) (map[string][]string, error) {
	if len(r.Domains) == 0 {
		return nil, nil
	}
	byEnvironment := map[string][]string{}
	for _, d := range r.Domains {
		env, err := environmentOf(p, d, r.Environment)
		if err != nil {
			return nil, err
		}
		if owner := p.ServiceAt(d.Host); owner != "" && owner != r.Name {
			return nil, refuse("S106", fmt.Sprintf("the hostname %s belongs to the service %q", d.Host, owner), "", "choose another hostname")
		}
		byEnvironment[env] = append(byEnvironment[env], d.Host)
	}
	return byEnvironment, nil
}

// environmentOf is where a hostname serves: in the environment that was named, else in
// production or the only one that is not local. Of a hostname with an account only the
// environments of that account count, and local ones, which have none.
func environmentOf(p *project.Portfolio, d Domain, named string) (string, error) {
	account, err := accountOf(p, d)
	if err != nil {
		return "", err
	}
	var all, away []string
	for _, e := range p.Environments {
		all = append(all, e.Name)
		if account != "" && e.Account != account && !e.Local && (e.Account != "" || len(p.Accounts) > 1) {
			if e.Name == named {
				return "", refuse("S106", fmt.Sprintf("%s is in the account %s, and the environment %s is not", d.Host, account, named),
					"", "name an environment with account: "+account+", or leave the account out")
			}
			continue
		}
		if !e.Local {
			away = append(away, e.Name)
		}
	}
	switch {
	case named != "" && !slices.Contains(all, named):
		return "", refuse("C020", fmt.Sprintf("there is no environment named %q", named), "environments are: "+strings.Join(all, ", "), "")
	case named != "":
		return named, nil
	case slices.Contains(away, "production"):
		return "production", nil
	case len(away) == 1:
		return away[0], nil
	case account != "" && len(away) == 0:
		return "", refuse("S106", fmt.Sprintf("no environment is in the account %s, where %s is", account, d.Host),
			"environments are: "+strings.Join(all, ", "), fmt.Sprintf("add one to environments in %s, such as %s: { account: %s }", p.File, account, account))
	}
	return "", refuse("U002", "it is not clear which environment "+d.Host+" belongs to", "environments are: "+strings.Join(all, ", "), "name it: --env ENV")
}

// accountOf is the name in clodo.yaml of the account that a hostname names.
func accountOf(p *project.Portfolio, d Domain) (string, error) {
	if d.Account == "" {
		return "", nil
	}
	var names []string
	for _, a := range p.Accounts {
		if a.Name == d.Account || a.ID.V == d.Account {
			return a.Name, nil
		}
		names = append(names, a.Name)
	}
	why := "clodo.yaml has no accounts"
	if len(names) > 0 {
		why = "accounts are: " + strings.Join(names, ", ")
	}
	return "", refuse("S106", fmt.Sprintf("there is no account %q", d.Account), why, "add it to accounts in "+p.File+", or leave it out: the zone is found by the hostname")
}

// Write makes the service: all of its files and the entry in clodo.yaml, or nothing.
func (c *Creation) Write(ctx context.Context) error {
	root, err := os.OpenRoot(c.root)
	if err != nil {
		return err
	}
	defer root.Close()
	if c.Sources != "" {
		_, err = sdk.Unpack(c.root)
	}
	if err == nil {
		err = write(ctx, root, c.Files)
	}
	if err != nil {
		return notWritten("the files of "+c.Service, err)
	}
	return nil
}

// notWritten tells of files that could not be written; what had been was taken back.
func notWritten(what string, err error) error {
	return &diag.Error{
		Finding: diag.Finding{Code: "S108", Severity: diag.SeverityError, Message: what + " could not be written", Why: err.Error()},
		State:   diag.NothingChanged, Exit: diag.ExitFailed, Err: err,
	}
}
