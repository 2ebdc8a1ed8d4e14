package vectorize

import (
	"context"

	"github.com/tamylaa/clodo/bindings/internal/wire"
)

func (i *Index) do(ctx context.Context, op string, args, into any) error {
	return wire.JSON(ctx, kind, i.binding, op, args, into)
}
