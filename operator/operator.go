// Package operator is the public way in: everything the clodo command can do, a Go
// program can do with it in a few lines.
//
//	op, err := operator.New(operator.Options{Dir: "."})
//	plan, err := op.Plan(ctx, project.Selector{})
//	release, err := op.Deploy(ctx, plan, nil)
package operator
