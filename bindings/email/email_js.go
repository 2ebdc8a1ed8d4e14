package email

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/tamylaa/clodo/bindings/internal/wire"
	"github.com/tamylaa/clodo/internal/host"
)

func (s *Sender) raw(ctx context.Context, from, to string, raw []byte, into any) error {
	args, err := json.Marshal(map[string]string{"from": from, "to": to})
	if err != nil {
		return err
	}
	a, err := host.Call(ctx, kind, s.binding, "raw", args, bytes.NewReader(raw))
	if err != nil {
		return err
	}
	return wire.Decode(kind, s.binding, a.Data, into)
}
