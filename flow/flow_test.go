package flow_test

import (
	"testing"

	"github.com/tamylaa/clodo/flow"
	"github.com/tamylaa/clodo/flow/flowtest"
)

type memory struct{ journal *flow.Journal }

func (m memory) Open(_ *testing.T, set *flow.Set, _ string) flow.Engine {
	return &flow.Memory{Set: set, Journal: m.journal}
}

func TestMemoryEngine(t *testing.T) {
	t.Parallel()
	flowtest.Run(t, func(*testing.T) flowtest.Storage { return memory{flow.NewJournal()} })
}
