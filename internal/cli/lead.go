package cli

import (
	"context"
	"fmt"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/term"
	"github.com/tamylaa/clodo/project"
)

// lead goes through the choices of a deployment with a person: what was found, which
// services, where to. It changes only o and the flags, as if they had been typed.
func (a *app) lead(ctx context.Context, o *deployOptions) error {
	op, err := a.open()
	if err != nil {
		return err
	}
	defer op.Close()
	report, err := op.Check(ctx)
	if err != nil {
		return err
	}
	if err := diag.Findings(report.Findings); err != nil {
		return err
	}
	p := op.Portfolio()
	a.term.Note("%s", checkSentence(report))
	if o.services, err = a.chooseServices(ctx, p); err != nil {
		return err
	}
	return a.choosePlace(ctx)
}

func (a *app) chooseServices(ctx context.Context, p *project.Portfolio) ([]string, error) {
	if len(p.Services) < 2 {
		return serviceNames(p), nil
	}
	var options []term.Option
	for _, s := range p.Services {
		options = append(options, term.Option{Value: s.Name, Label: fmt.Sprintf("%s  (%s)", s.Name, s.Dir), On: true})
	}
	return a.term.Prompter().Choose(ctx, term.Question{Text: "Which services?", Instead: "the names of the services", Options: options, Many: true})
}

// choosePlace offers the Cloudflare on this machine where no other one can be
// reached anyway. It is a choice and never a silent fall-back.
func (a *app) choosePlace(ctx context.Context) error {
	if a.globals.local || a.getenv("CLOUDFLARE_API_TOKEN") != "" || a.getenv("CLOUDFLARE_API_BASE_URL") != "" {
		return nil
	}
	const here, there = "here", "cloudflare"
	answer, err := a.term.Prompter().Choose(ctx, term.Question{
		Text: "Where to?", Why: "CLOUDFLARE_API_TOKEN is not set", Instead: "--local",
		Options: []term.Option{
			{Value: here, Label: "this machine: a local Cloudflare, no account needed"},
			{Value: there, Label: "Cloudflare: with the token that clodo.yaml refers to"},
		},
	})
	if err != nil {
		return err
	}
	a.globals.local = answer[0] == here
	return nil
}
