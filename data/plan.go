package data

// plans keeps the text of statements by what it depends on: a read by another key or
// with other values is the same text. It is bounded, as clients may think of any number
// of filters.
type plans struct {
	schema *Schema
	cache  *Cache
}

func newPlans(s *Schema) plans {
	return plans{s, NewCache(CacheOptions{Entries: 500, Bytes: 1 << 20, TTL: never})}
}

// text is the statement with this shape, made by write when it is not known.
func (p plans) text(shape []byte, write func(*builder)) string {
	key := string(shape)
	if text, _, ok := p.cache.get(key); ok {
		return text.(string)
	}
	b := builder{schema: p.schema}
	write(&b)
	text := string(b.text)
	p.cache.put(key, text, int64(len(text)), nil)
	return text
}

// shape is that of a statement which depends on its kind and on sets of columns.
func shape(kind byte, masks ...Mask) []byte {
	b := append(make([]byte, 0, 32), kind)
	for _, m := range masks {
		for range 8 {
			b = append(b, byte(m))
			m >>= 8
		}
	}
	return b
}
