package clodo

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"sync"
	"syscall/js"
)

func lineHandler(_ io.Writer, o *slog.HandlerOptions) slog.Handler {
	c := &console{}
	return &consoleHandler{slog.NewJSONHandler(c, o), c}
}

// console is where lines go.
type console struct {
	mu     sync.Mutex // held while a record becomes a line
	method string
}

func (c *console) Write(line []byte) (int, error) {
	js.Global().Get("console").Call(c.method, strings.TrimSuffix(string(line), "\n"))
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
		h.console.method = "error"
	case r.Level >= slog.LevelWarn:
		h.console.method = "warn"
	case r.Level >= slog.LevelInfo:
		h.console.method = "log"
	default:
		h.console.method = "debug"
	}
	return h.Handler.Handle(ctx, r)
}

func (h *consoleHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &consoleHandler{h.Handler.WithAttrs(attrs), h.console}
}

func (h *consoleHandler) WithGroup(name string) slog.Handler {
	return &consoleHandler{h.Handler.WithGroup(name), h.console}
}
