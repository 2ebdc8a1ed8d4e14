package d1

import (
	"strings"

	"github.com/tamylaa/clodo/internal/lazyregexp"
)

// functions are those of SQL that D1 has; SQLite here has more, such as
// sqlite_version, which a statement must not come to rely on.
var functions = words(`
	abs changes char coalesce concat concat_ws format glob hex ifnull iif instr last_insert_rowid length like likelihood likely
	load_extension lower ltrim max min nullif octet_length printf quote random randomblob replace round rtrim sign soundex substr
	substring total_changes trim typeof unhex unicode unlikely upper zeroblob
	date time datetime julianday unixepoch strftime timediff current_date current_time current_timestamp
	avg count group_concat string_agg sum total
	row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value nth_value
	acos acosh asin asinh atan atan2 atanh ceil ceiling cos cosh degrees exp floor ln log log10 log2 mod pi pow power radians sin sinh sqrt tan tanh trunc
	json jsonb json_array jsonb_array json_array_length json_error_position json_extract jsonb_extract -> ->> json_insert jsonb_insert
	json_object jsonb_object json_patch jsonb_patch json_pretty json_remove jsonb_remove json_replace jsonb_replace json_set jsonb_set
	json_type json_valid json_quote json_group_array jsonb_group_array json_group_object jsonb_group_object json_each json_tree
	match highlight bm25 snippet rtreecheck
	sqlite_rename_column sqlite_rename_table sqlite_rename_test sqlite_drop_column sqlite_rename_quotefix`)

// internals are tables that show, or change, what a database is made of; D1's SQLite
// lacks them.
var internals = words("dbstat sqlite_dbpage sqlite_stmt bytecode tables_used")

// modules make virtual tables.
var modules = words("fts5 fts5vocab rtree rtree_i32")

func words(list string) map[string]bool {
	set := map[string]bool{}
	for _, word := range strings.Fields(list) {
		set[word] = true
	}
	return set
}

// renaming is the end of a statement that gives a table a reserved name, of which
// SQLite's authorizer is told the old name only.
var renaming = lazyregexp.New("(?i)\\brename\\s+to\\s+[\"'`\\[]?_cf_")
