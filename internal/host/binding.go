package host

// Error is what a binding answered instead of a result.
type Error struct {
	Kind    string // "d1", "kv"
	Binding string // its name in the Worker's configuration; "" when the operation needs none
	Op      string // "" natively
	Message string // in the words of the binding, on Workers those of the JavaScript error
}

func (e *Error) Error() string {
	text := e.Kind
	if e.Binding != "" {
		text += " " + e.Binding
	}
	return text + ": " + e.Message
}
