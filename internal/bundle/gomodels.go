package bundle

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/tamylaa/clodo/data"
	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/goprogram"
	"github.com/tamylaa/clodo/internal/host"
	"github.com/tamylaa/clodo/internal/sdk"
	"github.com/tamylaa/clodo/project"
	"github.com/tamylaa/clodo/secret"
)

// modelsTime is how long a program may take until it serves.
const modelsTime = 20 * time.Second

// Models are the models that the service of t, which is a Go program, defines before it
// serves. The program is compiled for this machine and run up to there, with the
// Worker's variables, the environment variables of env as NAME=VALUE, and without any
// binding. A warning says that it ended before.
func Models(ctx context.Context, t *project.Target, root string, env []string) ([]*data.Schema, []diag.Finding, error) {
	w := &t.Worker
	b := &build{worker: w, root: root, entry: w.Entry()}
	if err := b.checkEntry(); err != nil {
		return nil, nil, err
	}
	if !strings.EqualFold(filepath.Ext(b.entry), ".go") {
		return nil, nil, b.fail(diag.Finding{
			Code: "M114", Message: fmt.Sprintf("%q has no models", t.Service), Pos: w.Main.Pos,
			Why: "Models are Go structs, and \"" + w.Main.V + "\" is no Go program.", Fix: "write the migration by hand",
		})
	}
	dir := filepath.Dir(b.entry)
	if _, err := sdk.Restore(dir); err != nil {
		return nil, nil, fmt.Errorf("putting the sources of package clodo in their place: %w", err)
	}
	out, err := os.MkdirTemp("", "clodo-models-")
	if err != nil {
		return nil, nil, fmt.Errorf("making a folder for the program: %w", err)
	}
	defer func() { _ = os.RemoveAll(out) }() // only space is lost
	program, told := filepath.Join(out, "program.exe"), filepath.Join(out, "models")
	if err := goprogram.CompileNative(ctx, dir, program, ownGroup); err != nil {
		return nil, nil, b.notCompiled(dir, err)
	}
	said, runErr := b.describe(ctx, modelsTime, env, program, dir, told)
	if ctx.Err() != nil {
		return nil, nil, ctx.Err()
	}
	models, served, err := readModels(told)
	if err != nil {
		return nil, nil, err
	}
	ended := diag.Finding{Code: "M114", Pos: w.Main.Pos, Why: lastOf(said, lastLines)}
	switch {
	case errors.Is(runErr, context.DeadlineExceeded):
		ended.Message = fmt.Sprintf("the program of %q neither served nor ended within %v", t.Service, modelsTime)
		ended.Fix = "end main in clodo.Serve, and wait for nothing before it"
		return nil, nil, b.fail(ended)
	case !served && len(models) == 0:
		ended.Message = fmt.Sprintf("the program of %q ended before it defined a model or served", t.Service)
		ended.Fix = "make it start: run `go run .` in \"" + b.relative(dir) + "\""
		return nil, nil, b.fail(ended)
	case len(models) == 0:
		ended.Message, ended.Why = fmt.Sprintf("%q defines no models", t.Service), "Its program served without having called data.Define."
		ended.Fix = "define models in variables of a package, such as `var users = data.Define(data.Options[User]{})`"
		return nil, nil, b.fail(ended)
	case !served:
		ended.Severity = diag.SeverityWarning
		ended.Message = fmt.Sprintf("the program of %q ended before it served; models that it would have defined later are not known", t.Service)
		ended.Fix = "define models in variables of a package"
		return models, []diag.Finding{ended}, nil
	}
	return models, nil, nil
}

// describe runs a program that tells its models, and returns what it printed. After
// limit the program is ended, with whatever it has started.
func (b *build) describe(ctx context.Context, limit time.Duration, env []string, program, dir, told string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, program)
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = dir, &said, &said, grace
	cmd.Env = os.Environ()
	for _, v := range b.worker.Bindings {
		if v.Kind == "plain_text" {
			cmd.Env = append(cmd.Env, v.Name+"="+v.Text)
		}
	}
	cmd.Env = append(append(cmd.Env, env...), host.BindingsVariable+"=", "GOTRACEBACK=none", host.ModelsVariable+"="+told)
	ownGroup(cmd)
	err := cmd.Run() // with which code it ended says nothing: it was not to serve
	output := said.String()
	for _, variable := range env { // a program may print its secrets, clodo does not
		if _, value, _ := strings.Cut(variable, "="); len(value) > 3 {
			output = strings.ReplaceAll(output, value, secret.Hidden)
		}
	}
	if err != nil && ctx.Err() != nil {
		return output, ctx.Err()
	}
	return output, nil
}

// readModels reads what a program told.
func readModels(path string) (models []*data.Schema, served bool, err error) {
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, false, fmt.Errorf("reading the models: %w", err)
	}
	seen := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		switch {
		case line == host.ServedLine:
			served = true
		case !seen[line]:
			seen[line] = true
			s := &data.Schema{}
			if err := json.Unmarshal([]byte(line), s); err != nil {
				return nil, false, fmt.Errorf("reading the models: %w", err)
			}
			models = append(models, s)
		}
	}
	return models, served, nil
}
