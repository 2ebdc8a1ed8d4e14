package clodo

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"sync"

	"github.com/tamylaa/clodo/internal/host"
)

func lineHandler(_ io.Writer, o *slog.HandlerOptions) slog.Handler {
	c := &console{}
	return &consoleHandler{slog.NewJSONHandler(c, o), c}
}

// console is where lines go.
type console struct {
	mu     sync.Mutex // held while a record becomes a line
	method int
}

func (c *console) Write(line []byte) (int, error) {
	host.Console(c.method, bytes.TrimSuffix(line, []byte("\n")))
	return len(line), nil
}

// consoleHandler chooses the method of the console by a record's level.
type consoleHandler struct {
	slog.Handler
	console *console
}

func (h *consoleHandler) Handle(ctx context.Context, r slog.Record) error {
	h.console.mu.Lock()
	defer h.console.mu.Unlock()
	switch {
	case r.Level >= slog.LevelError:
		h.console.method = host.ConsoleError
	case r.Level >= slog.LevelWarn:
		h.console.method = host.ConsoleWarn
	case r.Level >= slog.LevelInfo:
		h.console.method = host.ConsoleLog
	default:
		h.console.method = host.ConsoleDebug
	}
	return h.Handler.Handle(ctx, r)
}

func (h *consoleHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &consoleHandler{h.Handler.WithAttrs(attrs), h.console}
}

func (h *consoleHandler) WithGroup(name string) slog.Handler {
	return &consoleHandler{h.Handler.WithGroup(name), h.console}
}
