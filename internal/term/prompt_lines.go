package term

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	xterm "golang.org/x/term"
)

// dialogue asks line by line, for screen readers and terminals that cannot move the
// cursor. It reads stdin through one buffer, so that no answer gets lost.
type dialogue struct {
	t  *Terminal
	in *bufio.Reader
}

func (d *dialogue) Choose(ctx context.Context, q Question) ([]string, error) {
	d.say(q)
	for i, o := range q.Options {
		mark := ""
		if o.On {
			mark = " *"
		}
		fmt.Fprintf(d.t.Err(), "  %d. %s%s\n", i+1, o.label(), mark)
	}
	how := "number"
	if q.Many {
		how = "numbers, separated by commas; enter for those with *"
	}
	for {
		line, err := d.line(ctx, how+": ")
		if err != nil {
			return nil, err
		}
		values, problem := pick(q, line)
		if problem == "" {
			return values, nil
		}
		fmt.Fprintln(d.t.Err(), problem)
	}
}

// pick reads the numbers in line; problem says what is wrong with them.
func pick(q Question, line string) (values []string, problem string) {
	if line == "" && q.Many {
		values = chosen(q.Options)
	}
	for field := range strings.FieldsFuncSeq(line, func(r rune) bool { return r == ',' || r == ' ' }) {
		n, err := strconv.Atoi(field)
		if err != nil || n < 1 || n > len(q.Options) {
			return nil, fmt.Sprintf("%q is not a number from 1 to %d", field, len(q.Options))
		}
		values = append(values, q.Options[n-1].Value)
	}
	switch {
	case len(values) == 0:
		return nil, fmt.Sprintf("one number from 1 to %d is needed", len(q.Options))
	case len(values) > 1 && !q.Many:
		return nil, "only one can be chosen"
	}
	return values, ""
}

func (d *dialogue) Confirm(ctx context.Context, q Question) (bool, error) {
	d.say(q)
	for {
		line, err := d.line(ctx, "y or N: ")
		if err != nil {
			return false, err
		}
		switch strings.ToLower(line) {
		case "y", "yes":
			return true, nil
		case "", "n", "no":
			return false, nil
		}
		fmt.Fprintf(d.t.Err(), "%q is neither y nor n\n", line)
	}
}

func (d *dialogue) Text(ctx context.Context, q Question) (string, error) {
	d.say(q)
	if f, ok := d.t.streams.In.(*os.File); ok && q.Hidden {
		if err := d.prompt("(hidden): "); err != nil {
			return "", err
		}
		value, err := xterm.ReadPassword(int(f.Fd()))
		fmt.Fprintln(d.t.Err())
		if errors.Is(err, io.EOF) || ctx.Err() != nil {
			return "", ErrInterrupted
		}
		return string(value), err
	}
	return d.line(ctx, "> ")
}

func (d *dialogue) say(q Question) {
	fmt.Fprintln(d.t.Err(), q.Text)
	if q.Why != "" {
		fmt.Fprintln(d.t.Err(), "  "+q.Why)
	}
}

func (d *dialogue) prompt(text string) error {
	if _, err := io.WriteString(d.t.Err(), text); err != nil {
		return err
	}
	return d.t.err.flush()
}

func (d *dialogue) line(ctx context.Context, prompt string) (string, error) {
	if err := d.prompt(prompt); err != nil {
		return "", err
	}
	if d.in == nil {
		d.in = bufio.NewReader(d.t.streams.In)
	}
	line, err := d.in.ReadString('\n')
	if ctx.Err() != nil || errors.Is(err, io.EOF) && line == "" {
		return "", ErrInterrupted
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the answer: %w", err)
	}
	return strings.TrimSpace(line), nil
}
