package clodo

import (
	"context"
	"io"
	"log/slog"
)

// LogHandler writes records as JSON, a line each, with the id of the request and of its
// trace, where [RequestID] has given the context one:
//
//	slog.SetDefault(slog.New(clodo.LogHandler(os.Stderr, nil)))
//
// Natively the lines go to w. On Workers they go to the console, by its method for the
// record's level, error, warn, log or debug, so that Cloudflare shows and counts them as
// such.
func LogHandler(w io.Writer, o *slog.HandlerOptions) slog.Handler {
	return &logHandler{Handler: lineHandler(w, o)}
}

// logHandler adds to records what their context knows.
type logHandler struct {
	slog.Handler
	grouped bool // what is added now would be in a group
}

func (h *logHandler) Handle(ctx context.Context, r slog.Record) error {
	const requestID = "request_id"
	id, trace := RequestIDOf(ctx), TraceParent(ctx)
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == requestID {
			id = "" // who logs has said it
		}
		return true
	})
	if !h.grouped && (id != "" || trace != "") {
		r = r.Clone()
		if id != "" {
			r.AddAttrs(slog.String(requestID, id))
		}
		if trace != "" {
			r.AddAttrs(slog.String("trace_id", trace[3:35]))
		}
	}
	return h.Handler.Handle(ctx, r)
}

func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &logHandler{h.Handler.WithAttrs(attrs), h.grouped}
}

func (h *logHandler) WithGroup(name string) slog.Handler {
	return &logHandler{h.Handler.WithGroup(name), h.grouped || name != ""}
}
