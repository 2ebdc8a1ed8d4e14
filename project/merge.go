package project

import (
	"slices"

	"github.com/tamylaa/clodo/internal/source"
)

// merge lays over on top of base. Maps merge by key, lists of named things merge by
// name, other lists and plain values are replaced, and an empty value removes. The
// arguments stay as they are; nil means "not there".
func merge(base, over *source.Value) *source.Value {
	switch {
	case over == nil:
		return base
	case over.Kind == source.Null:
		return nil
	case base == nil || base.Kind != over.Kind:
		return withoutEmpty(over)
	case over.Kind == source.Map:
		return mergeMaps(base, over, merge)
	case over.Kind == source.List && named(base) && named(over):
		return mergeNamed(base, over)
	}
	return over
}

// overlay is merge for maps whose values are opaque, such as variables.
func overlay(base, over *source.Value) *source.Value {
	if base == nil || over == nil || base.Kind != source.Map || over.Kind != source.Map {
		return merge(base, over)
	}
	return mergeMaps(base, over, func(_, v *source.Value) *source.Value {
		if v.Kind == source.Null {
			return nil
		}
		return v
	})
}

// withoutEmpty drops the pairs of a map that only say "remove".
func withoutEmpty(v *source.Value) *source.Value {
	if v.Kind != source.Map || !slices.ContainsFunc(v.Pairs, func(p source.Pair) bool { return p.Value.Kind == source.Null }) {
		return v
	}
	out := *v
	out.Pairs = slices.DeleteFunc(slices.Clone(v.Pairs), func(p source.Pair) bool { return p.Value.Kind == source.Null })
	return &out
}

// mergeMaps keeps the order of base and appends what is new.
func mergeMaps(base, over *source.Value, each func(base, over *source.Value) *source.Value) *source.Value {
	out := *over
	out.Pairs = nil
	for _, p := range base.Pairs {
		q := over.Pair(p.Key)
		if q == nil {
			out.Pairs = append(out.Pairs, p)
			continue
		}
		if v := each(p.Value, q.Value); v != nil {
			out.Pairs = append(out.Pairs, source.Pair{Key: q.Key, Pos: q.Pos, Value: v})
		}
	}
	for _, q := range over.Pairs {
		if base.Has(q.Key) {
			continue
		}
		if v := each(nil, q.Value); v != nil {
			out.Pairs = append(out.Pairs, source.Pair{Key: q.Key, Pos: q.Pos, Value: v})
		}
	}
	return &out
}

func mergeNamed(base, over *source.Value) *source.Value {
	out := *over
	out.Items = nil
	find := func(list *source.Value, name string) *source.Value {
		i := slices.IndexFunc(list.Items, func(v *source.Value) bool { return nameOf(v) == name })
		if i < 0 {
			return nil
		}
		return list.Items[i]
	}
	for _, item := range base.Items {
		if o := find(over, nameOf(item)); o != nil {
			item = merge(item, o)
		}
		out.Items = append(out.Items, item)
	}
	for _, o := range over.Items {
		if find(base, nameOf(o)) == nil {
			out.Items = append(out.Items, withoutEmpty(o))
		}
	}
	return &out
}

// named reports whether every item is a map with a name of its own.
func named(list *source.Value) bool {
	seen := map[string]bool{}
	for _, item := range list.Items {
		n := nameOf(item)
		if n == "" || seen[n] {
			return false
		}
		seen[n] = true
	}
	return true
}

// nameOf is what identifies an item in one of wrangler's lists of bindings,
// consumers and containers.
func nameOf(v *source.Value) string {
	for _, key := range []string{"binding", "name", "queue", "service"} {
		if s := v.Get(key).Str(); s != "" {
			return s
		}
	}
	return ""
}

// environmentOf is the part of a wrangler file that holds in an environment. env ""
// is the top level. Without a section for env wrangler takes the whole top level.
// With all, top-level keys that wrangler does not inherit are merged in as well.
func environmentOf(root *source.Value, env string, all bool) *source.Value {
	section := root.Get("env", env)
	if env == "" || section == nil {
		return root
	}
	out := &source.Value{Kind: source.Map, Pos: section.Pos}
	for _, k := range wranglerKeys() {
		if k.name == "env" {
			continue
		}
		top, own := root.Pair(k.name), section.Pair(k.name)
		pick := top
		switch {
		case k.reach == topOnly:
		case k.name == "name":
			pick = own // the top level's name gets a suffix instead, see workerName
		case all && top != nil && own != nil:
			laid := merge
			if k.name == "vars" || k.name == "define" {
				laid = overlay
			}
			if v := laid(top.Value, own.Value); v != nil {
				out.Pairs = append(out.Pairs, source.Pair{Key: own.Key, Pos: own.Pos, Value: v})
			}
			continue
		case all && own == nil:
		case k.reach == ownOnly, own != nil && own.Value.Kind != source.Null:
			pick = own
		}
		if pick != nil && pick.Value.Kind != source.Null {
			out.Pairs = append(out.Pairs, *pick)
		}
	}
	return out
}
