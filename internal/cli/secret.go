package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tamylaa/clodo/internal/lazyregexp"
	"github.com/tamylaa/clodo/internal/term"
	"github.com/tamylaa/clodo/operator"
	"github.com/tamylaa/clodo/secret"
)

// secretSetOptions are the words and flags of `clodo secret set`. The value itself is
// never one of them: others can read a command line.
type secretSetOptions struct {
	service  string
	name     string
	fromFile string
	fromEnv  string
}

// secretLimit is the largest value in bytes that is read, far above Cloudflare's 5 KB.
const secretLimit = 64 << 10

func newSecretCmd(a *app, run func(context.Context, *secretSetOptions) (reply, error)) *cobra.Command {
	group := group(&cobra.Command{Use: "secret", Short: "give Workers secrets", GroupID: blockThing})
	o := &secretSetOptions{}
	set := &cobra.Command{
		Use:   "set SERVICE NAME",
		Short: "give a Worker a secret; the value comes from stdin, a file or a variable",
		Example: "  printf %s \"$STRIPE_KEY\" | clodo secret set api STRIPE_KEY -e production\n" +
			"  clodo secret set api STRIPE_KEY --from-env STRIPE_KEY\n" +
			"  clodo secret set api STRIPE_KEY          asks, hidden, in a terminal",
		Long: "A Worker that exists has the secret at once. For one that does not, the value is\n" +
			"kept on this machine, in the keyring or an encrypted file, and travels with its\n" +
			"first deploy. One line end at the end of the value is left out.",
		Args: words(2, "SERVICE", "NAME"),
		ValidArgsFunction: func(c *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return a.completeFromFiles(serviceNames)(c, args, word)
		},
		RunE: a.do(func(ctx context.Context, args []string) (reply, error) {
			o.service, o.name = args[0], args[1]
			return run(ctx, o)
		}),
	}
	set.Flags().StringVar(&o.fromFile, "from-file", "", "read the value from this `file`")
	set.Flags().StringVar(&o.fromEnv, "from-env", "", "read the value from this `variable`")
	group.AddCommand(set)
	return group
}

var secretName = lazyregexp.New(`^[A-Za-z_][A-Za-z0-9_]*$`)

func (o *secretSetOptions) check() error {
	switch {
	case strings.Contains(o.name, "="):
		name, _, _ := strings.Cut(o.name, "=")
		return usage("printf %s \"$VALUE\" | clodo secret set "+o.service+" "+name, "a value never goes on the command line, where others can read it")
	case !secretName.MatchString(o.name):
		return usage("use letters, digits and _, such as STRIPE_KEY", "%q cannot be the name of a secret", o.name)
	case o.fromFile != "" && o.fromEnv != "":
		return usage("leave out one of the two", "--from-file and --from-env contradict each other")
	}
	return nil
}

func (a *app) runSecretSet(ctx context.Context, o *secretSetOptions) (reply, error) {
	if err := o.check(); err != nil {
		return reply{}, err
	}
	op, err := a.open()
	if err != nil {
		return reply{}, err
	}
	defer op.Close()
	sel := a.selector([]string{o.service})
	if err := a.settleEnvironment(ctx, op, &sel); err != nil {
		return reply{}, err
	}
	if a.globals.dryRun {
		targets, err := op.Targets(ctx, sel)
		if err != nil {
			return reply{}, err
		}
		changes := []operator.SecretChange{}
		for _, t := range targets {
			changes = append(changes, operator.SecretChange{Worker: t.Worker.Name, Name: o.name})
		}
		return secretReply(changes, func(c operator.SecretChange) string {
			return fmt.Sprintf("Would set %s of %s. Nothing was changed.", c.Name, c.Worker)
		}), nil
	}
	value, err := a.secretValue(ctx, o)
	if err != nil {
		return reply{}, err
	}
	a.term.Hide(value)
	changes, err := op.SetSecret(ctx, sel, o.name, secret.New(value))
	return secretReply(changes, secretSentence), err
}

func secretReply(changes []operator.SecretChange, sentence func(operator.SecretChange) string) reply {
	return reply{
		Result: struct {
			Secrets []operator.SecretChange `json:"secrets"`
		}{list(changes)},
		Text: func(w io.Writer) {
			for _, c := range changes {
				fmt.Fprintln(w, sentence(c))
			}
		},
	}
}

func secretSentence(c operator.SecretChange) string {
	if c.Live {
		return fmt.Sprintf("%s of %s is set and live.", c.Name, c.Worker)
	}
	return fmt.Sprintf("%s is kept in the %s: %s does not exist yet, it gets the secret with its first deploy.", c.Name, c.Kept, c.Worker)
}

// secretValue reads the value from where the flags say, else from stdin, else from a
// person.
func (a *app) secretValue(ctx context.Context, o *secretSetOptions) (string, error) {
	var text string
	switch {
	case o.fromEnv != "":
		text = a.getenv(o.fromEnv)
	case o.fromFile != "":
		f, err := os.Open(a.path(o.fromFile))
		if err != nil {
			return "", usage("name a file that you can read", "the value cannot be read: %s", err)
		}
		defer f.Close()
		if text, err = readValue(f); err != nil {
			return "", err
		}
	case a.term.PipedIn():
		var err error
		if text, err = readValue(a.stdin); err != nil {
			return "", err
		}
	default:
		return a.term.Prompter().Text(ctx, term.Question{
			Text: fmt.Sprintf("Value of %s (hidden):", o.name), Hidden: true,
			Instead: "pipe the value in, or --from-file FILE, or --from-env VARIABLE",
		})
	}
	text = strings.TrimSuffix(text, "\n")
	return strings.TrimSuffix(text, "\r"), nil
}

func readValue(r io.Reader) (string, error) {
	b, err := io.ReadAll(io.LimitReader(r, secretLimit+1))
	if err != nil {
		return "", fmt.Errorf("read the value of the secret: %w", err)
	}
	if len(b) > secretLimit {
		return "", usage("a secret is at most 5 KB on Cloudflare", "the value is longer than %d bytes", secretLimit)
	}
	return string(b), nil
}
