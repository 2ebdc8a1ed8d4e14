package d1

import "github.com/tamylaa/clodo/internal/sqlite"

// D1 counts every row that a statement looks at and every row that it writes, in
// tables and in indexes. Its SQLite has counters for that; ours counts only the steps
// from one row to the next. What is missing, which rows a loop began with and which
// were looked up alone, follows from the instructions of the statement: those outside
// of loops ran once. Inside a loop it is an estimate, that every row of the loop got
// that far.

// account is what the instructions of a statement say about the rows it costs.
type account struct {
	reads    int64        // by instructions that run once
	within   [kinds]int64 // by those in a loop
	loops    [kinds]int64 // how many there are
	countAll bool         // SELECT count(*): as many rows were read as it answers
	writes   ratio        // of rows written, for each row changed
	once     int64        // rows written once, when anything is
	schema   int64        // rows written by a change of the schema
	entries  int64        // those of them in a loop: the entries of a new index
	triggers ratio        // of rows written by triggers, for each row they change
	lookups  ratio        // of rows read by triggers, for each row they change
}

// The kinds of loops: over a part of a table or index, over a whole one, and over rows
// that were collected before and are written now.
const (
	part = iota
	whole
	collected
	kinds
)

// ratio of two numbers of instructions.
type ratio struct{ n, of int64 }

func (r ratio) times(rows int64) int64 {
	if r.of == 0 || rows <= 0 {
		return 0
	}
	return (r.n*rows + r.of/2) / r.of
}

// newAccount reads the instructions of a statement.
func newAccount(s *sqlite.Stmt, readOnly bool) account {
	var a account
	main, triggers := sqlite.Program(s)
	lasts, loops := lasting(main), around(main)
	skipped := 0 // until here
	for i, in := range main {
		if in.Code == sqlite.OpFkIfZero {
			skipped = in.P2 // nothing is owed to a foreign key
		}
		loop, inLoop := loops[i], loops[i] >= 0
		if !readOnly && in.Code == sqlite.OpNotExists {
			loop = collected
		}
		switch kind, isLoop := loopAt(main, i); {
		case i < skipped:
		case isLoop:
			a.loops[kind]++
		case in.Code == sqlite.OpCount && in.P3 == 0:
			a.countAll = true
		case looksUp(in) && inLoop:
			a.within[loop]++
		case looksUp(in):
			a.reads++
		}
		n, changes := written(in, lasts)
		a.schema += n
		switch {
		case n > 0 && inLoop && !changes:
			a.entries++
		case changes:
			a.writes.of++
		}
		if in.Code == sqlite.OpInsert && !changes {
			a.once += n // the next number of an AUTOINCREMENT
		} else {
			a.writes.n += n
		}
	}
	a.count(triggers)
	return a
}

// count reads the instructions of triggers.
func (a *account) count(triggers []sqlite.Instruction) {
	lasts := lasting(triggers)
	for _, in := range triggers {
		if looksUp(in) {
			a.lookups.n++
		}
		n, changes := written(in, lasts)
		if a.triggers.n += n; changes {
			a.triggers.of++
		}
	}
	a.lookups.of = a.triggers.of
}

// read is how many rows the statement looked at; counted is the number that it
// answered first, changed the rows it changed itself, and all those that triggers
// changed too.
func (a *account) read(s sqlite.Steps, counted, changed, all int64) int64 {
	n := a.reads + s.Seeks + s.Scans + s.Built + s.Sorts + a.lookups.times(all-changed)
	for kind, passes := range a.passes(s, changed) {
		n += a.within[kind] * passes
	}
	if a.countAll {
		n += counted
	}
	return n
}

// passes is how often the loops of each kind were gone through.
func (a *account) passes(s sqlite.Steps, changed int64) [kinds]int64 {
	passes := [kinds]int64{part: s.Seeks, whole: s.Scans, collected: changed}
	for _, kind := range []int{part, whole} {
		if passes[kind]++; a.loops[kind] > 1 {
			passes[kind] /= a.loops[kind] // they cannot be told apart
		}
	}
	return passes
}

// wrote is how many rows and index entries the statement wrote.
func (a *account) wrote(s sqlite.Steps, changed, all int64, schema bool) int64 {
	switch {
	case schema:
		return a.schema + a.entries*(a.passes(s, 0)[part]-1)
	case all == 0:
		return 0
	}
	return a.writes.times(changed) + a.once + a.triggers.times(all-changed)
}

// looksUp is an instruction that reads a row, other than the next one.
func looksUp(in sqlite.Instruction) bool {
	switch in.Code {
	case sqlite.OpRewind, sqlite.OpLast, sqlite.OpSeekGE, sqlite.OpSeekGT, sqlite.OpSeekLE, sqlite.OpSeekLT, sqlite.OpSeekRowid, sqlite.OpNotExists:
		return true
	}
	return false
}

// loopAt is the kind of loop that an instruction ends, by going back for the next row.
func loopAt(program []sqlite.Instruction, i int) (kind int, ok bool) {
	in := program[i]
	if in.P2 > i {
		return 0, false
	}
	switch in.Code {
	case sqlite.OpNext, sqlite.OpPrev, sqlite.OpSorterNext:
		return int(in.P5 & 1), true // the counter of its steps
	case sqlite.OpGoto:
		to := program[in.P2].Code
		return collected, to == sqlite.OpYield || to == sqlite.OpRowSetRead
	}
	return 0, false
}

// around gives, for each instruction, the kind of the innermost loop that it is in, or
// -1.
func around(program []sqlite.Instruction) []int {
	inner := make([]int, len(program))
	for i := range inner {
		inner[i] = -1
	}
	for i := len(program) - 1; i >= 0; i-- { // a loop ends before the one around it
		if kind, ok := loopAt(program, i); ok {
			for j := program[i].P2; j < i; j++ {
				inner[j] = kind
			}
		}
	}
	return inner
}

// lasting tells the cursors on tables that outlive the statement.
func lasting(program []sqlite.Instruction) func(cursor int) bool {
	gone := map[int]bool{}
	for _, in := range program {
		if in.Code == sqlite.OpOpenEphemeral || in.Code == sqlite.OpOpenAutoindex {
			gone[in.P1] = true
		}
	}
	return func(cursor int) bool { return !gone[cursor] }
}

// written says whether an instruction writes a row, and whether that is a change of
// one as SQLite counts them.
func written(in sqlite.Instruction, lasts func(cursor int) bool) (n int64, changes bool) {
	switch in.Code {
	case sqlite.OpInsert, sqlite.OpIdxInsert:
		if lasts(in.P1) {
			return 1, in.P5&sqlite.CountsChange != 0
		}
	case sqlite.OpDelete: // has its flags in P2
		if in.P2&sqlite.CountsChange != 0 {
			return 1, true
		}
	case sqlite.OpClear:
		if in.P3 != 0 {
			return 1, true
		}
	}
	return 0, false
}
