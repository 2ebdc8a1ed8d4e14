package term

import (
	"context"
	"errors"
	"fmt"

	"charm.land/huh/v2"
)

// forms asks with lists and fields that are redrawn. It must not be used without a
// terminal: the library would then answer with the first option.
type forms struct{ t *Terminal }

func (f forms) Choose(ctx context.Context, q Question) ([]string, error) {
	options := make([]huh.Option[string], 0, len(q.Options))
	for _, o := range q.Options {
		options = append(options, huh.NewOption(o.label(), o.Value).Selected(o.On))
	}
	height := min(len(options), listHeight) + questionHeight(q)
	if !q.Many {
		var one string
		err := f.run(ctx, huh.NewSelect[string]().Title(q.Text).Description(q.Why).Options(options...).Height(height).Value(&one))
		return []string{one}, err
	}
	many := chosen(q.Options)
	err := f.run(ctx, huh.NewMultiSelect[string]().Title(q.Text).Description(q.Why).Options(options...).Height(height).
		Validate(func(v []string) error {
			if len(v) == 0 {
				return errors.New("choose at least one with the space bar")
			}
			return nil
		}).Value(&many))
	return many, err
}

// listHeight is how many options are shown at once; longer lists scroll.
const listHeight = 15

// questionHeight is the lines above the options.
func questionHeight(q Question) int {
	if q.Why == "" {
		return 1
	}
	return 2
}

func (f forms) Confirm(ctx context.Context, q Question) (bool, error) {
	var yes bool
	err := f.run(ctx, huh.NewConfirm().Title(q.Text).Description(q.Why).Value(&yes))
	return yes, err
}

func (f forms) Text(ctx context.Context, q Question) (string, error) {
	var text string
	field := huh.NewInput().Title(q.Text).Description(q.Why).Value(&text)
	if q.Hidden {
		field = field.EchoMode(huh.EchoModePassword)
	}
	err := f.run(ctx, field)
	return text, err
}

func (f forms) run(ctx context.Context, field huh.Field) error {
	if err := f.t.err.flush(); err != nil {
		return err
	}
	// The form draws straight on the terminal: it shows only the question and what
	// is typed, and needs the real stream for its size.
	err := huh.NewForm(huh.NewGroup(field)).WithInput(f.t.streams.In).WithOutput(f.t.streams.Err).RunWithContext(ctx)
	switch {
	case errors.Is(err, huh.ErrUserAborted), ctx.Err() != nil:
		return ErrInterrupted
	case err != nil:
		return fmt.Errorf("ask on the terminal: %w", err)
	}
	return nil
}
