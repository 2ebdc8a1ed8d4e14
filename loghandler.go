package clodo

import (
	"context"
	"io"
	"log/slog"
	"slices"
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
	to := lineHandler(w, o)
	return &logHandler{Handler: to, top: to}
}

// logHandler adds to records what their context knows, at the top: before the first group.
type logHandler struct {
	slog.Handler
	top   slog.Handler                      // without the groups, and what is in them
	below []func(slog.Handler) slog.Handler // puts those onto it
}

func (h *logHandler) Handle(ctx context.Context, r slog.Record) error {
	const requestID = "request_id"
	id, trace := RequestIDOf(ctx), TraceParent(ctx)
	if len(h.below) == 0 {
		r.Attrs(func(a slog.Attr) bool {
			if a.Key == requestID {
				id = "" // who logs has said it
			}
			return true
		})
	}
	var known []slog.Attr
	if id != "" {
		known = append(known, slog.String(requestID, id))
	}
	if trace != "" {
		known = append(known, slog.String("trace_id", trace[3:35]))
	}
	switch {
	case len(known) == 0:
		return h.Handler.Handle(ctx, r)
	case len(h.below) == 0:
		r = r.Clone()
		r.AddAttrs(known...)
		return h.Handler.Handle(ctx, r)
	}
	to := h.top.WithAttrs(known)
	for _, put := range h.below {
		to = put(to)
	}
	return to.Handle(ctx, r)
}

func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(h.below) == 0 {
		to := h.Handler.WithAttrs(attrs)
		return &logHandler{Handler: to, top: to}
	}
	return h.put(func(to slog.Handler) slog.Handler { return to.WithAttrs(attrs) })
}

func (h *logHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return h.put(func(to slog.Handler) slog.Handler { return to.WithGroup(name) })
}

func (h *logHandler) put(below func(slog.Handler) slog.Handler) *logHandler {
	return &logHandler{Handler: below(h.Handler), top: h.top, below: append(slices.Clip(h.below), below)}
}
