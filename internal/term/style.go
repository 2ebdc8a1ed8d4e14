package term

import "io"

// Style writes colour codes, or nothing. It knows eight colours, bold and dim: the
// shades are the user's own.
type Style struct{ on bool }

// OutStyle is the style of stdout.
func (t *Terminal) OutStyle() Style { return t.style(t.streams.Out) }

// ErrStyle is the style of stderr.
func (t *Terminal) ErrStyle() Style { return t.style(t.streams.Err) }

func (t *Terminal) style(stream io.Writer) Style {
	env := func(name string) bool { v := t.streams.Getenv(name); return v != "" && v != "0" }
	switch {
	case t.settings.NoColor, t.streams.Getenv("NO_COLOR") != "":
		return Style{}
	case env("CLICOLOR_FORCE"), env("FORCE_COLOR"):
		return Style{on: true}
	case t.streams.Getenv("TERM") == "dumb":
		return Style{}
	}
	return Style{on: isTerminal(stream)}
}

// On reports whether colours are written.
func (s Style) On() bool { return s.on }

func (s Style) paint(code, text string) string {
	if !s.on || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// Bold is for what must be found first.
func (s Style) Bold(text string) string { return s.paint("1", text) }

// Dim is for what may be skipped.
func (s Style) Dim(text string) string { return s.paint("2", text) }

// Red is for failures.
func (s Style) Red(text string) string { return s.paint("31", text) }

// Green is for what is done.
func (s Style) Green(text string) string { return s.paint("32", text) }

// Yellow is for warnings and undo.
func (s Style) Yellow(text string) string { return s.paint("33", text) }

// Cyan is for what is going on.
func (s Style) Cyan(text string) string { return s.paint("36", text) }
