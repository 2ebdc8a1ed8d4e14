//go:build !js

package clodo

import (
	"io"
	"log/slog"
)

func lineHandler(w io.Writer, o *slog.HandlerOptions) slog.Handler { return slog.NewJSONHandler(w, o) }
