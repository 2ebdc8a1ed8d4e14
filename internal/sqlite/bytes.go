package sqlite

// Bytes is the value of a column as bytes of its own.
func Bytes(row *Stmt, column int) []byte {
	b := make([]byte, row.ColumnLen(column))
	row.ColumnBytes(column, b)
	return b
}

// Behind is the first key, in the order of bytes, behind all that begin with prefix:
// a range of an index ends before it. It is nil when there is no such key.
func Behind(prefix string) []byte {
	b := []byte(prefix)
	for len(b) > 0 && b[len(b)-1] == 0xff {
		b = b[:len(b)-1]
	}
	if len(b) == 0 {
		return nil
	}
	b[len(b)-1]++
	return b
}
