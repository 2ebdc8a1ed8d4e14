package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tamylaa/clodo/migrate"
	"github.com/tamylaa/clodo/operator"
)

// dbMigrateOptions are the flags of `clodo db migrate`.
type dbMigrateOptions struct {
	create             string
	drop, rename, fill []string
}

func newDBCmd(a *app) *cobra.Command {
	db := group(&cobra.Command{Use: "db", Short: "migrations of D1 databases", GroupID: blockThing})
	o := &dbMigrateOptions{}
	create := &cobra.Command{
		Use: "migrate --create NAME [SERVICE]", Short: "write the migration that the models of a service ask for",
		Example: "  clodo db migrate --create add-total orders\n" +
			"  clodo db migrate --create nickname --rename users.nick=nickname\n" +
			"  clodo db migrate --create regions --fill orders.region=eu\n" +
			"  clodo db migrate --create tidy --drop users.fax --dry-run",
		Long: "Compares the models of a service in Go with the schema that the migrations in its\n" +
			"folder give, and writes what is different as one more migration. The service's\n" +
			"program is compiled and run on this machine, without any binding, up to where it\n" +
			"would serve. No database is asked or changed: `clodo deploy` applies migrations.\n" +
			"Tables and columns that no model has stay unless --drop names them; a column with\n" +
			"another name is a new one unless --rename says so.",
		Args: words(0, "SERVICE"), ValidArgsFunction: a.completeFromFiles(serviceNames),
		RunE: a.do(func(ctx context.Context, args []string) (reply, error) { return a.runDBMigrate(ctx, o, args) }),
	}
	f := create.Flags()
	f.StringVar(&o.create, "create", "", "`name` of the new migration, such as add-total")
	f.StringSliceVar(&o.drop, "drop", nil, "drop this `table` or TABLE.COLUMN with its data; repeat it")
	f.StringArrayVar(&o.rename, "rename", nil, "`old=new` name of a table, or of a column as TABLE.OLD=NEW; repeat it")
	f.StringArrayVar(&o.fill, "fill", nil, "`value` for rows that have none, as TABLE.COLUMN=VALUE; repeat it")
	db.AddCommand(create)
	return db
}

// pairs are options of the form KEY=VALUE.
func pairs(flag string, list []string) (map[string]string, error) {
	all := map[string]string{}
	for _, item := range list {
		key, value, ok := strings.Cut(item, "=")
		if !ok || key == "" || flag == "--rename" && value == "" {
			return nil, usage(flag+" TABLE.COLUMN=…", "%s %q has no = in it, or nothing before it", flag, item)
		}
		all[key] = value
	}
	return all, nil
}

func (a *app) runDBMigrate(ctx context.Context, o *dbMigrateOptions, args []string) (reply, error) {
	if o.create == "" {
		return reply{}, usage("`clodo deploy` applies migrations; --create NAME writes one", "--create is missing")
	}
	r := operator.MigrationRequest{Name: o.create, Environment: a.globals.env, CreateOptions: migrate.CreateOptions{Drop: o.drop}, DryRun: a.globals.dryRun}
	if len(args) > 0 {
		r.Service = args[0]
	}
	var err error
	if r.Rename, err = pairs("--rename", o.rename); err != nil {
		return reply{}, err
	}
	if r.Fill, err = pairs("--fill", o.fill); err != nil {
		return reply{}, err
	}
	op, err := a.open()
	if err != nil {
		return reply{}, err
	}
	defer op.Close()
	made, warnings, err := op.CreateMigration(ctx, r)
	answer := reply{Findings: warnings}
	if err != nil {
		return answer, err
	}
	answer.Result = struct {
		Migrations []operator.Migration `json:"migrations"`
	}{list(made)}
	answer.Text = func(w io.Writer) { tellMigrations(w, made, r.DryRun) }
	return answer, nil
}

func tellMigrations(w io.Writer, made []operator.Migration, dryRun bool) {
	written := 0
	for _, m := range made {
		switch {
		case m.File == "":
			fmt.Fprintf(w, "Nothing has to change: the migrations of %s give %s what its models say.\n", m.Service, m.Database)
		case dryRun:
			written++
			fmt.Fprintf(w, "%s would be\n%s", m.File, m.SQL)
		default:
			written++
			fmt.Fprintf(w, "Wrote %s\n", m.File)
			for _, c := range m.Changes {
				fmt.Fprintf(w, "  %s\n", c)
			}
		}
		for _, left := range m.Left {
			fmt.Fprintf(w, "Left as it is, as no model has it: %s\n", left)
		}
	}
	switch {
	case dryRun:
		fmt.Fprintln(w, "Nothing was written.")
	case written > 0:
		fmt.Fprintln(w, "No database was changed. Read it, then `clodo deploy` applies it.")
	}
}
