package wire

import (
	"context"

	"github.com/tamylaa/clodo/internal/host"
)

func post(ctx context.Context, kind, binding, op string, args []byte) ([]byte, error) {
	a, err := host.Call(ctx, kind, binding, op, args, nil)
	return a.Data, err
}
