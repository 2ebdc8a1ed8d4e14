package operator

import (
	"context"

	"github.com/tamylaa/clodo/project"
)

// TargetProvenance is every effective setting of a target with where it came from.
type TargetProvenance struct {
	Target project.TargetID `json:"target"`
	Rows   []project.Row    `json:"rows"`
}

// Explain says of every effective value of the selected targets where it was
// written. It asks no network.
func (o *Operator) Explain(ctx context.Context, sel project.Selector) ([]TargetProvenance, error) {
	targets, err := o.resolve(ctx, sel)
	if err != nil {
		return nil, err
	}
	var list []TargetProvenance
	for _, t := range targets {
		list = append(list, TargetProvenance{Target: t.TargetID, Rows: o.portfolio.Explain(t)})
	}
	return list, nil
}

// Show is what clodo understood of the configuration of the selected targets.
func (o *Operator) Show(ctx context.Context, sel project.Selector) (project.Shown, error) {
	targets, err := o.resolve(ctx, sel)
	if err != nil {
		return project.Shown{}, err
	}
	return o.portfolio.Show(targets), nil
}

// Schema is the JSON Schema of clodo.yaml.
func Schema() []byte { return project.Schema() }
