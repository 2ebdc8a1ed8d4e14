// Command ship checks, plans, deploys and rolls back a portfolio: what a program of
// one's own needs of clodo.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/tamylaa/clodo/deploy"
	"github.com/tamylaa/clodo/operator"
	"github.com/tamylaa/clodo/project"
)

func main() {
	if err := ship(context.Background(), os.Args[1], os.Args[2]); err != nil {
		log.Fatal(err)
	}
}

func ship(ctx context.Context, dir, what string) error {
	op, err := operator.New(operator.Options{Dir: dir, Local: true, Observe: func(e deploy.Event) {
		if e.State == deploy.Done {
			fmt.Println(e.Target, e.Step)
		}
	}})
	if err != nil {
		return err
	}
	defer op.Close()
	report, err := op.Check(ctx)
	if err != nil {
		return err
	}
	fmt.Println(report.Services, "service")
	plan, err := op.Plan(ctx, project.Selector{})
	if what == "rollback" {
		plan, err = op.PlanRollback(ctx, project.Selector{}, operator.RollbackOptions{})
	}
	if err != nil {
		return err
	}
	release, err := op.Deploy(ctx, plan, operator.DeployOptions{Message: "shipped by a program"})
	if err != nil {
		return err
	}
	fmt.Println(release.Targets[0].Outcome, release.Targets[0].Addresses[0])
	return nil
}
