package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/term"
	"github.com/tamylaa/clodo/operator"
)

func newDoctorCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "what is missing on this machine and in this account; says how to repair each",
		Example: "  clodo doctor\n" +
			"  clodo doctor -e production\n" +
			"  clodo doctor --local             only what the local cloud needs",
		Long: "Changes nothing. What could not be looked at is shown as skipped with the reason,\n" +
			"never as fine.",
		GroupID: blockSetup, Args: words(0),
		RunE: a.do(func(ctx context.Context, _ []string) (reply, error) {
			op, err := a.open()
			if err != nil {
				return reply{}, err
			}
			defer op.Close()
			d, err := op.Doctor(ctx)
			if err != nil {
				return reply{}, err
			}
			return a.doctorReply(d)
		}),
	}
}

// doctorReply shows the checks. A check that found something to repair makes the
// command fail: with ExitAuth when it is about the token, else ExitConfig.
func (a *app) doctorReply(d *operator.Doctor) (reply, error) {
	r := reply{
		Result: struct {
			Checks []operator.DoctorCheck `json:"checks"`
		}{list(d.Checks)},
		Text: func(w io.Writer) { writeDoctor(w, a.term.OutStyle(), d) },
	}
	for _, c := range d.Checks {
		if c.OK || c.Skipped != "" {
			continue
		}
		exit := diag.ExitConfig
		if len(c.Code) > 1 && c.Code[:2] == "A1" {
			exit = diag.ExitAuth
		}
		r.Exit = diag.WorstExit(r.Exit, exit)
	}
	return r, nil
}

func writeDoctor(w io.Writer, style term.Style, d *operator.Doctor) {
	width, repair, skipped := 0, 0, 0
	for _, c := range d.Checks {
		width = max(width, len(c.Name))
	}
	for _, c := range d.Checks {
		if c.Detail == "" {
			c.Detail, c.Why = c.Why, ""
		}
		mark, text := style.Green("✓"), c.Detail
		switch {
		case c.Skipped != "":
			mark, text = style.Dim("·"), "not looked at: "+c.Skipped
			skipped++
		case !c.OK:
			mark = style.Red("✗")
			repair++
		}
		fmt.Fprintf(w, "%s %-*s  %s\n", mark, width, c.Name, text)
		if c.OK || c.Skipped != "" {
			continue
		}
		for _, line := range []struct{ name, text string }{{"why", c.Why}, {"fix", c.Fix}} {
			if line.text != "" {
				fmt.Fprintf(w, "  %-*s  %s %s\n", width, "", style.Dim(line.name), line.text)
			}
		}
	}
	sentence := "Nothing to repair."
	if repair > 0 {
		sentence = count(repair, "thing") + " to repair."
	}
	if skipped > 0 {
		sentence += " " + count(skipped, "check") + " could not be made."
	}
	fmt.Fprintln(w, "\n"+sentence)
}
