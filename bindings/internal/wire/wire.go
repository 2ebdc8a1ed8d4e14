// Package wire is what the packages of bindings share: how an operation is asked for.
package wire

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/tamylaa/clodo/internal/host"
)

// Error is what a binding answered instead of a result.
type Error = host.Error

// JSON does an operation that takes and gives JSON: op of the shim's bindings/KIND.js, or
// natively a POST to the path op. into may be nil.
func JSON(ctx context.Context, kind, binding, op string, args, into any) error {
	b, err := json.Marshal(args)
	if err != nil {
		return fmt.Errorf("%s %s: %w", kind, binding, err)
	}
	answer, err := post(ctx, kind, binding, op, b)
	if err != nil || into == nil {
		return err
	}
	return Decode(kind, binding, answer, into)
}

// Decode reads the JSON of an answer.
func Decode(kind, binding string, answer []byte, into any) error {
	if err := json.Unmarshal(answer, into); err != nil {
		return fmt.Errorf("%s %s: the answer is not understood: %w", kind, binding, err)
	}
	return nil
}
