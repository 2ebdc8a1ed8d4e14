package sqlite

import (
	"unsafe"

	lib "modernc.org/sqlite/lib"
)

// Instruction is one of the instructions that a statement is compiled to:
// https://www.sqlite.org/opcode.html
type Instruction struct {
	Code uint8 // one of the Op constants, or another
	P1   int   // mostly the cursor
	P2   int   // where a jump goes to
	P3   int
	P5   uint16
}

// The instructions that tell how many rows are read and written.
const (
	OpClear         = lib.OP_Clear
	OpCount         = lib.OP_Count
	OpDelete        = lib.OP_Delete
	OpFkIfZero      = lib.OP_FkIfZero
	OpGoto          = lib.OP_Goto
	OpIdxInsert     = lib.OP_IdxInsert
	OpInsert        = lib.OP_Insert
	OpLast          = lib.OP_Last
	OpNext          = lib.OP_Next
	OpNotExists     = lib.OP_NotExists
	OpOpenAutoindex = lib.OP_OpenAutoindex
	OpOpenEphemeral = lib.OP_OpenEphemeral
	OpPrev          = lib.OP_Prev
	OpRewind        = lib.OP_Rewind
	OpRowSetRead    = lib.OP_RowSetRead
	OpSeekGE        = lib.OP_SeekGE
	OpSeekGT        = lib.OP_SeekGT
	OpSeekLE        = lib.OP_SeekLE
	OpSeekLT        = lib.OP_SeekLT
	OpSeekRowid     = lib.OP_SeekRowid
	OpSorterNext    = lib.OP_SorterNext
	OpYield         = lib.OP_Yield
)

// CountsChange is the bit of P5 with which an instruction counts as a change.
const CountsChange = lib.OPFLAG_NCHANGE

// Program gives the instructions of a statement and, one after the other, those of
// the triggers and foreign keys that it sets off.
func Program(s *Stmt) (main, triggers []Instruction) {
	v := at[lib.TVdbe](handle(s))
	seen := map[uintptr]bool{}
	var collect func(ops uintptr, n int32) []Instruction
	collect = func(ops uintptr, n int32) []Instruction {
		program := make([]Instruction, n)
		for i, op := range unsafe.Slice(at[lib.TVdbeOp](ops), n) {
			program[i] = Instruction{op.Fopcode, int(op.Fp1), int(op.Fp2), int(op.Fp3), op.Fp5}
			if op.Fp4type != lib.P4_SUBPROGRAM {
				continue
			}
			p := *(*uintptr)(unsafe.Pointer(&op.Fp4))
			if sub := at[lib.TSubProgram](p); !seen[p] {
				seen[p] = true
				triggers = append(triggers, collect(sub.FaOp, sub.FnOp)...)
			}
		}
		return program
	}
	return collect(v.FaOp, v.FnOp), triggers
}

// at is what lies at an address of SQLite's memory, which Go's collector neither moves
// nor frees.
func at[T any](address uintptr) *T { return *(**T)(unsafe.Pointer(&address)) }

// Steps are how often a statement went on to another row since the last TakeSteps.
type Steps struct {
	Scans int64 // in a loop over a whole table or index
	Seeks int64 // in a loop over a part of one
	Built int64 // while building an index that only this statement uses
	Sorts int64 // how often it began to read what was sorted
}

// TakeSteps gives the steps of a statement since the last TakeSteps.
func (c *Conn) TakeSteps(s *Stmt) Steps {
	// An instruction that goes to the next row counts where its P5 says: 0 has no name,
	// but is counted like the others.
	take := func(counter int32) int64 {
		return int64(uint32(lib.Xsqlite3_stmt_status(c.tls, handle(s), counter, 1)))
	}
	return Steps{
		Seeks: take(0), Scans: take(lib.SQLITE_STMTSTATUS_FULLSCAN_STEP),
		Built: take(lib.SQLITE_STMTSTATUS_AUTOINDEX), Sorts: take(lib.SQLITE_STMTSTATUS_SORT),
	}
}

// Changes counts the rows that the last statement that changes rows changed itself.
func (c *Conn) Changes() int64 { return int64(lib.Xsqlite3_changes(c.tls, c.handle)) }
