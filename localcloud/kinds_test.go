package localcloud_test

import (
	"testing"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/localcloud/internal/runtime"
	"github.com/tamylaa/clodo/project"
)

// The file has every kind of binding that a wrangler file can have. What package
// project says about them before a deploy is what the runtime does with them.
func TestADeployIsToldAboutTheBindingsThatDoNotRun(t *testing.T) {
	t.Parallel()
	p, _ := project.Load(project.LoadOptions{Dir: "../project/testdata/wrangler/kinds"})
	targets, err := p.Targets(project.Selector{})
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]diag.Severity{}
	for _, f := range p.LocalFindings(targets[0]) {
		told[f.Pos.String()] = f.Severity
	}
	want := map[string]diag.Severity{runtime.Native: "", runtime.Local: "", runtime.Fails: diag.SeverityWarning, runtime.Refused: diag.SeverityError}
	for _, b := range targets[0].Worker.Bindings {
		kind, known := runtime.KindOf(b.Kind)
		if !known || b.Extra["outbound"] != nil { // outbound Workers are not there
			kind.State = runtime.Refused
		}
		if got := told[b.Pos.String()]; got != want[kind.State] {
			t.Errorf("the kind %q is %q in the runtime, and a deploy is told %q, want %q", b.Kind, kind.State, got, want[kind.State])
		}
	}
}
