package data

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
)

func isRelation(t tag) bool {
	return slices.ContainsFunc(t.options, func(o option) bool { return slices.Contains(kindNames[:], o.key) })
}

// relation adds a relation:
//
//	Org   *Org   `data:"org,belongsTo=org_id,onDelete=cascade"`
//	Posts []Post `data:"posts,hasMany=author_id"`
//	Tags  []Tag  `data:"tags,manyToMany=post_tags,key=post_id,other=tag_id"`
func (d *definition) relation(s *Schema, f reflect.StructField, offset uintptr, parsed tag, at string) {
	r := Relation{Name: parsed.name, offset: offset, quoted: strconv.Quote(parsed.name) + ":"}
	kinds := 0
	for _, o := range parsed.options {
		switch o.key {
		case "key":
			r.Key = o.value
		case "other":
			r.OtherKey = o.value
		case "onDelete":
			r.OnDelete = o.value
		default:
			k := slices.Index(kindNames[:], o.key)
			if k < 0 {
				wrong(at, "there is no option %q of a relation; it has key, other and onDelete", o.key)
			}
			if r.Kind, r.Key = Kind(k), o.value; r.Kind == ManyToMany {
				r.Key, r.Through = "", o.value
			}
			kinds++
		}
	}
	if kinds != 1 {
		wrong(at, "a relation is one of %s", strings.Join(kindNames[:], ", "))
	}
	want := reflect.Pointer
	if r.Kind == HasMany || r.Kind == ManyToMany {
		want = reflect.Slice
	}
	if f.Type.Kind() != want || f.Type.Elem().Kind() != reflect.Struct {
		wrong(at, "a field of %s is a pointer to a struct with belongsTo and hasOne, and a slice of structs with hasMany and manyToMany; this is %s", r.Kind, f.Type)
	}
	if r.Kind != ManyToMany && (r.Through != "" || r.OtherKey != "") {
		wrong(at, "other is for manyToMany")
	}
	if r.OnDelete != "" && (r.Kind != BelongsTo || !slices.Contains([]string{"cascade", "set null", "restrict"}, r.OnDelete)) {
		wrong(at, "onDelete is for belongsTo and is one of cascade, set null and restrict")
	}
	r.elem = f.Type.Elem()
	s.Relations = append(s.Relations, r)
	d.pending = append(d.pending, pendingRelation{s, r.Name, at})
}

// link finds the other model of a relation and checks that the keys are there.
func (d *definition) link(p pendingRelation) {
	r := p.from.Relation(p.name)
	r.Target = d.schema(r.elem)
	from, to := p.from, r.Target
	r.TargetTable = to.Table
	if to.Key < 0 || from.Key < 0 && r.Kind != BelongsTo {
		wrong(p.path, "both models of a relation need a column with the option key")
	}
	r.TargetKey = to.Columns[to.Key].Name
	switch r.Kind {
	case ManyToMany:
		if r.Key == "" {
			r.Key = snake(from.Name) + "_id"
		}
		if r.OtherKey == "" {
			r.OtherKey = snake(to.Name) + "_id"
		}
		if !isName(r.Through) || !isName(r.Key) || !isName(r.OtherKey) || r.Key == r.OtherKey {
			wrong(p.path, "manyToMany needs the name of the table between, and key and other have to be two names of its columns")
		}
	case BelongsTo:
		d.foreign(p, from, to, r)
	default:
		d.foreign(p, to, from, r)
	}
}

// foreign checks the column of holder that points at the key of target.
func (d *definition) foreign(p pendingRelation, holder, target *Schema, r *Relation) {
	i, ok := holder.Column(r.Key)
	if !ok {
		wrong(p.path, "%s has no column %q", holder.typ, r.Key)
	}
	c, key := &holder.Columns[i], &target.Columns[target.Key]
	if (c.Type == Integer) != (key.Type == Integer) || !c.Type.isText() && c.Type != Integer {
		wrong(p.path, "%q is of type %s, and the key of %s of type %s", r.Key, c.Type, target.typ, key.Type)
	}
	if r.Kind == BelongsTo && !c.Nullable && !c.Required {
		wrong(p.path, "%q needs the option required, or to be a pointer: the empty value is no key", r.Key)
	}
	if r.OnDelete == "set null" && !c.Nullable {
		wrong(p.path, "onDelete=set null needs %q to be a pointer", r.Key)
	}
}
