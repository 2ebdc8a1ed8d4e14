package feature

import (
	"context"
	"log/slog"
	"slices"
)

// Value is a value of a flag, for [Override]. Handles make it.
type Value struct {
	flag  string
	value any
}

// As is the flag with this value.
func (f *BoolFlag) As(on bool) Value { return Value{f.name, on} }

// As is the flag with this value.
func (f *ValueFlag[T]) As(v T) Value { return Value{f.name, f.plain(v)} }

type overrideKey struct{}

// Override gives flags values in ctx that beat everything else, also what they require
// and conflict with: in a test, or for a request that shows what is not there yet. The
// middleware keeps to them. A value that the flag cannot have is passed over, and the
// log says so.
//
//	r = r.WithContext(feature.Override(r.Context(), Premium.As(true)))
func Override(ctx context.Context, values ...Value) context.Context {
	all := slices.Concat(overridesOf(ctx), values)
	ctx = context.WithValue(ctx, overrideKey{}, all)
	if e, ok := ctx.Value(contextKey{}).(*Evaluation); ok {
		with := *e
		with.set = e.set.override(all)
		ctx = NewContext(ctx, &with)
	}
	return ctx
}

func overridesOf(ctx context.Context) []Value {
	values, _ := ctx.Value(overrideKey{}).([]Value)
	return values
}

// override is s with values; the last one of a flag counts.
func (s *set) override(values []Value) *set {
	fixed := map[int]any{}
	for _, v := range values {
		i, ok := s.defs.index[v.flag]
		if !ok {
			slog.Error("a feature flag is overridden that is not declared", "flag", v.flag)
			continue
		}
		conformed, err := s.defs.flags[i].Conform(v.value)
		if err != nil {
			slog.Error("a feature flag is overridden with a value that it cannot have", "flag", v.flag, "error", err)
			continue
		}
		fixed[i] = conformed
	}
	return s.defs.resolve(s.domain, s.customer, s.changes, fixed)
}
