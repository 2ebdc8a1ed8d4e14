package feature

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
)

// Flag is a handle of any type.
type Flag interface {
	// Name is what clodo.yaml calls it.
	Name() string
	// fits says why the handle cannot stand for a declaration.
	fits(Declaration) error
}

// handle finds its flag by name once in each set of definitions that it meets.
type handle struct {
	name  string
	types []Type
	place atomic.Pointer[place]
}

type place struct {
	defs  *definitions
	index int // of nothing, which is after the last flag, when it is not declared so
}

// Name is what clodo.yaml calls the flag.
func (h *handle) Name() string { return h.name }

func (h *handle) fits(d Declaration) error {
	if !slices.Contains(h.types, d.kind()) {
		return fmt.Errorf("flag %q is declared as %s and used as %s", h.name, d.kind(), h.types[0])
	}
	return nil
}

// in is where the flag is in e.
func (h *handle) in(e *Evaluation) *place {
	if p := h.place.Load(); p != nil && p.defs == e.set.defs {
		return p
	}
	return h.find(e.set.defs)
}

func (h *handle) find(defs *definitions) *place {
	i, ok := defs.index[h.name]
	if !ok || h.fits(defs.flags[i].Declaration) != nil {
		i = len(defs.flags)
		warnUnknown(h, defs)
	}
	p := &place{defs, i}
	h.place.Store(p)
	return p
}

// BoolFlag is the handle of a flag that is on or off. Make it with [Bool].
type BoolFlag struct{ handle }

// Bool is the handle of a boolean flag, usually in a variable of the program's package.
func Bool(name string) *BoolFlag {
	f := &BoolFlag{}
	f.name, f.types = name, []Type{TypeBoolean}
	return f
}

// Enabled reports whether the flag is on for the request of ctx. Of a flag that is not
// declared, or not as a boolean, it is false, and the log says so once.
func (f *BoolFlag) Enabled(ctx context.Context) bool { return f.In(From(ctx)) }

// In reports whether the flag is on in e.
func (f *BoolFlag) In(e *Evaluation) bool {
	p := f.place.Load() // as f.in and e.on, which are not inlined and would cost as much again
	if p == nil || p.defs != e.set.defs {
		p = f.find(e.set.defs)
	}
	if s := e.set.states[p.index]; s != open {
		return s == fixedOn
	}
	return e.on(p.index)
}

// ValueFlag is the handle of a flag with a value of type T. Make it with [String],
// [Integer], [Number] or [Enum].
type ValueFlag[T any] struct {
	handle
	as    func(any) T
	plain func(T) any // the other way
	known []string    // values that the program knows, nil: any
}

// String is the handle of a flag of type string or enum.
func String(name string) *ValueFlag[string] {
	return value(name, func(v any) string { s, _ := v.(string); return s }, TypeString, TypeEnum)
}

// Integer is the handle of a flag of type integer.
func Integer(name string) *ValueFlag[int64] {
	return value(name, func(v any) int64 { n, _ := v.(int64); return n }, TypeInteger)
}

// Number is the handle of a flag of type number.
func Number(name string) *ValueFlag[float64] {
	return value(name, func(v any) float64 { n, _ := v.(float64); return n }, TypeNumber)
}

// Enum is the handle of a flag of type enum whose values the program knows. [Open]
// refuses a declaration that has others.
func Enum[T ~string](name string, values ...T) *ValueFlag[T] {
	f := value(name, func(v any) T { s, _ := v.(string); return T(s) }, TypeEnum)
	f.plain = func(v T) any { return string(v) }
	f.known = []string{}
	for _, v := range values {
		f.known = append(f.known, string(v))
	}
	return f
}

func value[T any](name string, as func(any) T, types ...Type) *ValueFlag[T] {
	f := &ValueFlag[T]{as: as, plain: func(v T) any { return v }}
	f.name, f.types = name, types
	return f
}

func (f *ValueFlag[T]) fits(d Declaration) error {
	if err := f.handle.fits(d); err != nil || f.known == nil {
		return err
	}
	for _, v := range d.Values {
		if !slices.Contains(f.known, v) {
			return fmt.Errorf("flag %q can be %q, and the program knows only %s", f.name, v, strings.Join(f.known, ", "))
		}
	}
	return nil
}

// Value is the flag's value for the request of ctx. Of a flag that is not declared, or
// as another type, it is T's zero value, and the log says so once.
func (f *ValueFlag[T]) Value(ctx context.Context) T { return f.In(From(ctx)) }

// In is the flag's value in e.
func (f *ValueFlag[T]) In(e *Evaluation) T {
	return f.as(e.value(f.in(e).index))
}
