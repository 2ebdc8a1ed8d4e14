package ai

import (
	"context"
	"encoding/json"
	"io"
	"net/http"

	"github.com/tamylaa/clodo/bindings/internal/wire"
	"github.com/tamylaa/clodo/internal/host"
)

func (m *Models) run(ctx context.Context, model string, inputs []byte) (status int, answer io.ReadCloser, err error) {
	args, err := json.Marshal(struct {
		Model   string          `json:"model"`
		Gateway string          `json:"gateway,omitempty"`
		Inputs  json.RawMessage `json:"inputs"`
	}{model, m.gateway, inputs})
	if err != nil {
		return 0, nil, err
	}
	a, err := host.Call(ctx, kind, m.binding, "run", args, nil)
	if err != nil {
		return 0, nil, err
	}
	if a.Body == nil {
		a.Body = http.NoBody
	}
	return status, a.Body, wire.Decode(kind, m.binding, a.Data, &status)
}
