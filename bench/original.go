package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// originalName is the npm package that clodo began as.
const originalName = "@tamyla/clodo-framework 4.0.12"

// original compares with the npm package of the same name, each in its own language:
// this process and one of Node.js are asked in turn.
func (l *lab) original(ctx context.Context) error {
	l.say("original: %s", originalName)
	o, err := l.startOriginal(ctx)
	if err != nil {
		return err
	}
	for _, measure := range []func(context.Context, *original) error{l.originalRoutes, l.originalValidation, l.originalData} {
		if err := measure(ctx, o); err != nil {
			return errors.Join(err, o.stop())
		}
	}
	return o.stop()
}

// original is Node.js with the package, which it measures when it is told to.
type original struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
	said bytes.Buffer
}

func (l *lab) startOriginal(ctx context.Context) (*original, error) {
	files := filepath.Join(l.root, "bench", "testdata", "original")
	tree, err := installLocked(ctx, "clodo-framework@4.0.12", files)
	if err != nil {
		return nil, err
	}
	node, err := newerNode(ctx)
	if err != nil {
		return nil, err
	}
	o := &original{cmd: exec.CommandContext(ctx, node, "--no-warnings", filepath.Join(files, "harness.mjs"), tree)}
	o.cmd.Dir, o.cmd.Env, o.cmd.Stderr, o.cmd.WaitDelay = l.dir, environment(), &o.said, 2*time.Second
	in, err := o.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := o.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	o.in, o.out = in, bufio.NewReader(out)
	return o, o.cmd.Start()
}

func (o *original) stop() error {
	return errors.Join(o.in.Close(), o.cmd.Wait())
}

// originalAnswer is what the harness says of a command.
type originalAnswer struct {
	NS     float64 `json:"ns"`     // of a call
	Broken string  `json:"broken"` // why there is none
}

// tell gives the harness a command.
func (o *original) tell(command map[string]any) (answer originalAnswer, err error) {
	line, err := json.Marshal(command)
	if err == nil {
		_, err = o.in.Write(append(line, '\n'))
	}
	if err == nil {
		line, err = o.out.ReadBytes('\n')
	}
	if err == nil {
		err = json.Unmarshal(line, &answer)
	}
	if err != nil {
		return answer, fmt.Errorf("ask the process with %s: %w\n%s", originalName, err, o.said.String())
	}
	return answer, nil
}

// duel is one thing that both do.
type duel struct {
	result        // what and unit: ns or µs
	kind   string // in the harness
	with   map[string]any
	calls  int // how many different ones ours has
	ours   func(i int) bool
}

// fight measures both in turn. A peer that does not work is not asked again.
func (l *lab) fight(ctx context.Context, o *original, d duel) error {
	row, scale := d.result, map[string]float64{"ns": 1, "µs": 1000}[d.unit]
	row.peer = originalName
	if _, err := o.tell(map[string]any{"make": row.what, "kind": d.kind, "with": d.with}); err != nil {
		return err
	}
	for range l.rounds {
		ours, err := perCall(ctx, d.calls, d.ours)
		if err != nil {
			return fmt.Errorf("%s: %w", row.what, err)
		}
		row.ours = append(row.ours, ours/scale)
		if row.broken != "" {
			continue
		}
		theirs, err := o.tell(map[string]any{"measure": row.what, "ms": routeTime.Milliseconds()})
		if err != nil {
			return err
		}
		row.broken = inAFewWords(theirs.Broken)
		row.theirs = append(row.theirs, theirs.NS/scale)
	}
	l.add(row)
	return nil
}

// inAFewWords is the first part of a message, as a cell of a table has it.
func inAFewWords(message string) string {
	words, _, _ := strings.Cut(message, ";")
	return strings.NewReplacer("|", "/", "\n", " ").Replace(words)
}
