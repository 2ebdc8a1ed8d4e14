package d1

import (
	"strings"

	"github.com/tamylaa/clodo/internal/sqlite"
	driver "zombiezen.com/go/sqlite"
)

// limit sets D1's limits, which are lower than SQLite's own.
func limit(c *sqlite.Conn) {
	for l, value := range map[sqlite.Limit]int32{
		driver.LimitLength:            2_200_000, // 2 MB for a value; a row may be a little longer
		driver.LimitSQLLength:         100_000,
		driver.LimitColumn:            100,
		driver.LimitExprDepth:         100,
		driver.LimitCompoundSelect:    5,
		driver.LimitFunctionArg:       32,
		driver.LimitLikePatternLength: 50,
		driver.LimitVariableNumber:    100,
		driver.LimitTriggerDepth:      10,
	} {
		c.SetLimit(l, value)
	}
}

// guard refuses what D1 refuses, and notes what the statement that is prepared is.
type guard struct {
	trusted bool // our own statement: everything is allowed
	refused error
	schema  bool
	alters  bool // a table
}

func (g *guard) reset() { g.refused, g.schema, g.alters = nil, false, false }

var errTransaction = &Error{"To execute a transaction, please use the state.storage.transaction() or state.storage.transactionSync() APIs instead of the SQL BEGIN TRANSACTION or SAVEPOINT statements. The JavaScript API is safer because it will automatically roll back on exceptions, and because it interacts correctly with Durable Objects' automatic atomic write coalescing."}

var (
	errReserved = &Error{"not authorized: SQLITE_AUTH"}
	errVacuum   = &Error{"cannot VACUUM from within a transaction: SQLITE_ERROR"}
)

// pragmas are those that D1 answers.
var pragmas = map[string]bool{
	"table_info": true, "table_xinfo": true, "table_list": true, "index_list": true, "index_info": true, "index_xinfo": true,
	"foreign_keys": true, "foreign_key_list": true, "foreign_key_check": true, "defer_foreign_keys": true,
	"page_size": true, "optimize": true, "quick_check": true, "data_version": true, "case_sensitive_like": true,
	"ignore_check_constraints": true, "legacy_alter_table": true, "recursive_triggers": true, "reverse_unordered_selects": true,
}

func (g *guard) check(a sqlite.Action) sqlite.AuthResult {
	if g.trusted {
		return driver.AuthResultOK
	}
	switch a.Type() {
	case driver.OpTransaction, driver.OpSavepoint:
		g.refused = errTransaction
		return driver.AuthResultDeny
	case driver.OpAttach, driver.OpDetach,
		driver.OpCreateTempIndex, driver.OpCreateTempTable, driver.OpCreateTempTrigger, driver.OpCreateTempView,
		driver.OpDropTempIndex, driver.OpDropTempTable, driver.OpDropTempTrigger, driver.OpDropTempView:
		return driver.AuthResultDeny
	case driver.OpPragma:
		name := strings.ToLower(a.Pragma())
		if !pragmas[name] {
			return driver.AuthResultDeny
		}
		if name == "foreign_keys" && a.PragmaArg() != "" {
			return driver.AuthResultIgnore // D1 keeps them on and says nothing
		}
	case driver.OpFunction:
		if !functions[strings.ToLower(sqlite.FunctionOf(a))] {
			return driver.AuthResultDeny
		}
	case driver.OpCreateVTable, driver.OpDropVTable:
		g.schema = true
		if reserved(a.Table()) || !modules[strings.ToLower(a.Module())] {
			return driver.AuthResultDeny
		}
	case driver.OpCreateTable, driver.OpDropTable, driver.OpAlterTable,
		driver.OpCreateIndex, driver.OpDropIndex, driver.OpCreateView, driver.OpDropView, driver.OpCreateTrigger, driver.OpDropTrigger,
		driver.OpReindex, driver.OpAnalyze:
		g.schema = true
		g.alters = g.alters || a.Type() == driver.OpAlterTable
		if reserved(a.Table()) || reserved(a.Index()) || reserved(a.View()) || reserved(a.Trigger()) {
			return driver.AuthResultDeny
		}
	case driver.OpInsert, driver.OpUpdate, driver.OpDelete, driver.OpRead:
		if internals[strings.ToLower(a.Table())] {
			g.refused = &Error{"no such table: " + a.Table() + ": SQLITE_ERROR"}
			return driver.AuthResultDeny
		}
		if reserved(a.Table()) {
			return driver.AuthResultDeny
		}
	}
	return driver.AuthResultOK
}

// reserved names belong to Cloudflare.
func reserved(table string) bool { return strings.HasPrefix(strings.ToLower(table), "_cf_") }
