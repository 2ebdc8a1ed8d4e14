package data

// The statements of a store beside its lists. Each is told apart by what its text
// depends on, and its text is made once.

// one is the statement that reads the row with a key.
func (b *builder) one(fields Mask, deletedToo bool) {
	b.word("SELECT ")
	b.columns(fields)
	b.word(" FROM ")
	b.table()
	b.byKey()
	b.alive(deletedToo)
}

func (b *builder) byKey() {
	b.word(" WHERE ")
	b.column(b.schema.Key)
	b.word("=?")
}

func (b *builder) returning() {
	b.word(" RETURNING ")
	b.columns(b.schema.All())
}

// insert is the statement that makes a row of these columns.
func (b *builder) insert(fields Mask) {
	b.word("INSERT INTO ")
	b.table()
	b.word(" (")
	b.columns(fields)
	b.word(") VALUES (")
	comma := false
	for i := range b.schema.Columns {
		if fields.Has(i) {
			b.comma(&comma)
			b.word("?")
		}
	}
	b.word(")")
	b.returning()
}

// update is the statement that changes these columns of the row with a key.
func (b *builder) update(fields Mask, l lock) {
	b.set(fields)
	b.conditions(l)
	b.returning()
}

// set appends the beginning of an update. The version counts up by itself.
func (b *builder) set(fields Mask) {
	b.word("UPDATE ")
	b.table()
	b.word(" SET ")
	comma := false
	for i := range b.schema.Columns {
		if !fields.Has(i) || i == b.schema.Version {
			continue
		}
		b.comma(&comma)
		b.column(i)
		b.word("=?")
	}
	if v := b.schema.Version; v >= 0 {
		b.comma(&comma)
		b.column(v)
		b.word("=")
		b.column(v)
		b.word("+1")
	}
}

// remove is the statement that deletes the row with a key.
func (b *builder) remove(l lock) {
	b.word("DELETE FROM ")
	b.table()
	b.conditions(l)
	b.returning()
}

// removeMany is the statement that deletes the rows with keys in a JSON array: softly,
// by setting fields, when there are some.
func (b *builder) removeMany(fields Mask) {
	if fields == 0 {
		b.word("DELETE FROM ")
		b.table()
	} else {
		b.set(fields)
	}
	b.word(" WHERE ")
	b.column(b.schema.Key)
	b.word(" IN (SELECT value FROM json_each(?))")
	b.alive(false)
	b.returning()
}

// conditions are those of a change: key, version, and that what is guarded is as it was,
// which is one parameter, a JSON array.
func (b *builder) conditions(l lock) {
	b.byKey()
	b.alive(false)
	if l.version != 0 {
		b.word(" AND ")
		b.column(b.schema.Version)
		b.word("=?")
	}
	if l.guard == 0 {
		return
	}
	b.word(" AND NOT EXISTS (SELECT 1 FROM json_each(?) WHERE value IS NOT CASE key")
	n := 0
	for i := range b.schema.Columns {
		if l.guard.Has(i) {
			b.word(" WHEN ")
			b.number(n)
			b.word(" THEN ")
			switch b.schema.Columns[i].Type {
			case Blob:
				b.word("hex(")
			case Datetime: // others may have written it in another form
				b.word("strftime('%Y-%m-%dT%H:%M:%fZ',")
			default:
				b.word("(")
			}
			b.of(b.schema.Table, b.schema.Columns[i].Name) // json_each has columns too
			b.word(")")
			n++
		}
	}
	b.word(" END)")
}
