package cli

import (
	"github.com/spf13/cobra"
)

// The blocks of the help page, in this order.
const (
	blockStart = "Start"
	blockDaily = "Every day"
	blockThing = "Things"
	blockSetup = "Setup"
)

// newRoot is the tree of commands.
func newRoot(a *app) *cobra.Command {
	root := group(&cobra.Command{
		Use:           "clodo",
		Short:         "Ship many Cloudflare Workers, for many domains and customers, safely.",
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.globals.complete(cmd, a.getenv); err != nil {
				return err
			}
			a.term.Set(a.globals.settings())
			return nil
		},
	})
	root.SetOut(a.term.Out())
	root.SetErr(a.term.Err())
	root.SetIn(a.stdin)
	root.SetFlagErrorFunc(flagError)
	root.SetHelpFunc(a.help)
	addVersionFlag(a, root)
	a.globals.define(root.PersistentFlags())
	root.PersistentFlags().SortFlags = false

	for _, block := range []string{blockStart, blockDaily, blockThing, blockSetup} {
		root.AddGroup(&cobra.Group{ID: block, Title: block})
	}
	root.AddCommand(
		newInitCmd(a, a.runInit),
		newDemoCmd(a, a.runDemo),
		newDevCmd(a, a.runDev),
		newCheckCmd(a, a.runCheck),
		newTypesCmd(a),
		newBuildCmd(a),
		newPlanCmd(a, a.runPlan),
		newDeployCmd(a, a.runDeploy),
		newStatusCmd(a, a.runStatus),
		newRollbackCmd(a, a.runRollback),
		newServiceCmd(a),
		newSecretCmd(a, a.runSecretSet),
		newFeatureCmd(a),
		newDBCmd(a),
		newCloudCmd(a),
		newDoctorCmd(a),
		newConfigCmd(a),
		newExplainCmd(a),
		newDocsCmd(a),
		newVersionCmd(a),
	)
	root.SetHelpCommand(&cobra.Command{Use: "no-help", Hidden: true})
	addCompletion(a, root)
	return root
}
