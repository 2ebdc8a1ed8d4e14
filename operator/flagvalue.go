package operator

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/feature"
	"github.com/tamylaa/clodo/project"
)

// ParseFlagValue is text as a value of the flag, for those who get it as text.
func (o *Operator) ParseFlagValue(ctx context.Context, name, text string) (any, error) {
	f, err := o.flagNamed(ctx, name)
	if err != nil {
		return nil, err
	}
	var v any = text
	switch f.Type {
	case feature.TypeBoolean:
		if b, err := strconv.ParseBool(text); err == nil && (text == "true" || text == "false") {
			v = b
		}
	case feature.TypeInteger, feature.TypeNumber:
		if n, err := strconv.ParseFloat(text, 64); err == nil {
			v = n
		}
	}
	d := feature.Declaration{Type: f.Type, Values: f.Values}
	v, err = d.Conform(v)
	if err != nil {
		fix := "write true or false"
		switch f.Type {
		case feature.TypeEnum:
			fix = "one of: " + strings.Join(f.Values, ", ")
			if near := diag.Nearest(text, f.Values); near != "" {
				fix = fmt.Sprintf("did you mean %q?", near)
			}
		case feature.TypeInteger:
			fix = "write a whole number"
		case feature.TypeNumber:
			fix = "write a number such as 0.5"
		}
		return nil, &diag.Error{Finding: diag.Finding{
			Code: "C028", Severity: diag.SeverityError, Message: fmt.Sprintf("%s: %v", name, err), Fix: fix, Why: "declared at " + f.Pos.String(),
		}, State: diag.NothingChanged, Exit: diag.ExitUsage}
	}
	return v, nil
}

func (o *Operator) flagNamed(ctx context.Context, name string) (*project.Feature, error) {
	if err := o.loaded(ctx); err != nil {
		return nil, err
	}
	var all []string
	for _, f := range o.portfolio.Features {
		if f.Name == name {
			return f, nil
		}
		all = append(all, f.Name)
	}
	return nil, noSuch("feature", name, all)
}

// FlagInfo is how a flag is declared.
func (o *Operator) FlagInfo(ctx context.Context, name string) (FlagInfo, error) {
	f, err := o.flagNamed(ctx, name)
	if err != nil {
		return FlagInfo{}, err
	}
	return flagInfo(f), nil
}
