package operator

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/data"
	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/bundle"
	"github.com/tamylaa/clodo/internal/lazyregexp"
	"github.com/tamylaa/clodo/migrate"
	"github.com/tamylaa/clodo/project"
)

// MigrationRequest says which migration is made.
type MigrationRequest struct {
	Name        string // of the file, after its number: small letters, digits, _ and -
	Service     string // "" is the only service in Go that has a database
	Environment string // whose wrangler settings count; "" is the first
	migrate.CreateOptions
	DryRun bool // nothing is written
}

// Migration is the migration of one database. Its JSON form is a contract with scripts.
type Migration struct {
	Service  string   `json:"service"`
	Database string   `json:"database"` // the name of its binding
	File     string   `json:"file"`     // below the portfolio's root; "" when nothing has to change
	Changes  []string `json:"changes"`
	Left     []string `json:"left"` // what the database has and no model knows
	SQL      string   `json:"sql"`
}

var migrationName = lazyregexp.New(`^[a-z0-9][a-z0-9_-]{0,99}$`)

// CreateMigration compares the models of a service in Go with the schema that its
// migrations give, and writes what is missing as one more migration for each database.
// It compiles the service's program and runs it up to where it would serve. Nothing is
// applied to any database. Findings are warnings.
func (o *Operator) CreateMigration(ctx context.Context, r MigrationRequest) ([]Migration, []diag.Finding, error) {
	if !migrationName.MatchString(r.Name) {
		return nil, nil, &diag.Error{Finding: diag.Finding{
			Code: "U001", Severity: diag.SeverityError, Message: fmt.Sprintf("a migration cannot be called %q", r.Name),
			Fix: "use small letters, digits, _ and -, such as add-total",
		}, State: diag.NothingChanged, Exit: diag.ExitUsage}
	}
	target, err := o.migrationTarget(ctx, r)
	if err != nil {
		return nil, nil, err
	}
	secrets, err := target.DevVars() // what main wants before it serves
	if err != nil {
		return nil, nil, err
	}
	var env []string
	for name, value := range secrets {
		env = append(env, name+"="+value.Reveal())
	}
	models, warnings, err := bundle.Models(ctx, target, o.portfolio.Root, env)
	if err != nil {
		return nil, nil, err
	}
	databases, err := o.databases(target, models)
	if err != nil {
		return nil, warnings, err
	}
	var made []Migration
	var found []diag.Finding
	for _, d := range databases {
		files, wrong := migrate.ReadDir(d.dir, d.shown)
		if found = append(found, wrong...); diag.Findings(found) != nil {
			continue
		}
		c, wrong, err := migrate.Create(files, d.models, r.CreateOptions)
		if err != nil {
			return nil, warnings, fmt.Errorf("make a migration of %s for %s: %w", target.Service, d.binding, err)
		}
		found = append(found, wrong...)
		m := Migration{Service: target.Service, Database: d.binding, Changes: slices.Concat([]string{}, c.Changes), Left: slices.Concat([]string{}, c.Left), SQL: c.SQL}
		if c.SQL != "" {
			m.File = path.Join(d.shown, migrate.NextName(files, r.Name))
			m.SQL = fmt.Sprintf("-- Made by `clodo db migrate --create %s` from the models of %s.\n%s\n%s", r.Name, target.Service, comments(c.Changes), c.SQL)
		}
		made = append(made, m)
	}
	if err := diag.Findings(found); err != nil || r.DryRun {
		return made, warnings, err
	}
	for _, m := range made {
		if m.File == "" {
			continue
		}
		if err := writeNew(filepath.Join(o.portfolio.Root, filepath.FromSlash(m.File)), m.SQL); err != nil {
			return nil, warnings, fmt.Errorf("write %s: %w", m.File, err)
		}
	}
	return made, warnings, nil
}

func comments(lines []string) string {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString("--   " + l + "\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// writeNew writes a file that must not be there yet.
func writeNew(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// migrationTarget is where the service that is asked for runs, or the only one in Go
// that has a database.
func (o *Operator) migrationTarget(ctx context.Context, r MigrationRequest) (*project.Target, error) {
	if err := o.loaded(ctx); err != nil {
		return nil, err
	}
	var words []string
	if r.Service != "" {
		words = []string{r.Service}
	}
	services, err := o.portfolio.Select(words)
	if err != nil {
		return nil, err
	}
	var candidates []*project.Target
	var names []string
	for _, s := range services {
		t, err := o.anywhere(ctx, s.Name, r.Environment)
		if err != nil {
			return nil, err
		}
		if t != nil && (r.Service != "" || path.Ext(t.Worker.Main.V) == ".go" && len(databasesOf(t)) > 0) {
			candidates, names = append(candidates, t), append(names, s.Name)
		}
	}
	if len(candidates) == 1 {
		return candidates[0], nil
	}
	f := diag.Finding{Code: "U001", Severity: diag.SeverityError, Message: "the service has to be named", Why: "several in Go have a database: " + strings.Join(names, ", "), Fix: "clodo db migrate --create " + r.Name + " SERVICE"}
	if len(candidates) == 0 {
		f.Message, f.Why, f.Fix = "no service here is written in Go and has a D1 database", "", "name the service, or write the migration by hand"
	}
	return nil, &diag.Error{Finding: f, State: diag.NothingChanged, Exit: diag.ExitUsage}
}

// anywhere is a target of a service in an environment, or in the first that it runs in.
func (o *Operator) anywhere(ctx context.Context, service, environment string) (*project.Target, error) {
	environments := []string{environment}
	if environment == "" {
		environments = nil
		for _, e := range o.portfolio.Environments {
			environments = append(environments, e.Name)
		}
	}
	for _, e := range environments {
		targets, err := o.resolve(ctx, project.Selector{Services: []string{service}, Environment: e})
		if err != nil {
			return nil, err
		}
		if len(targets) > 0 {
			return targets[0], nil
		}
	}
	return nil, nil
}

func databasesOf(t *project.Target) []project.Binding {
	return slices.DeleteFunc(slices.Clone(t.Worker.Bindings), func(b project.Binding) bool { return b.Kind != "d1" })
}

// modelsOf are the models of one database, and where its migrations are.
type modelsOf struct {
	binding    string
	dir, shown string // the folder; as people read it
	models     []*data.Schema
}

// databases sorts models by their databases.
func (o *Operator) databases(t *project.Target, models []*data.Schema) ([]modelsOf, error) {
	all := databasesOf(t)
	var names []string
	for _, b := range all {
		names = append(names, b.Name)
	}
	var list []modelsOf
	var wrong []diag.Finding
	for _, m := range models {
		i := slices.IndexFunc(all, func(b project.Binding) bool { return b.Name == m.Database || m.Database == "" && len(all) == 1 })
		if i < 0 {
			f := diag.Finding{Code: "M111", Severity: diag.SeverityError, Pos: t.Worker.Main.Pos, Message: fmt.Sprintf("the model %s is in no database of %q", m.Name, t.Service)}
			switch {
			case len(all) == 0:
				f.Fix = "declare a binding in d1_databases in " + t.Worker.File
			case m.Database != "":
				f.Why, f.Fix = fmt.Sprintf("there is no binding %q; there are %s", m.Database, strings.Join(names, ", ")), "correct the option database of its data.Table"
			default:
				f.Why, f.Fix = "the service has several databases: "+strings.Join(names, ", "), "add the option database=NAME to its data.Table"
			}
			wrong = append(wrong, f)
			continue
		}
		n := slices.IndexFunc(list, func(d modelsOf) bool { return d.binding == all[i].Name })
		if n < 0 {
			dir := all[i].MigrationsDir
			if dir == "" {
				dir = filepath.Join(t.Worker.Dir, "migrations")
			}
			shown, err := filepath.Rel(o.portfolio.Root, dir)
			if err != nil {
				shown = dir
			}
			n, list = len(list), append(list, modelsOf{binding: all[i].Name, dir: dir, shown: filepath.ToSlash(shown)})
		}
		list[n].models = append(list[n].models, m)
	}
	return list, diag.Findings(wrong)
}
