package docstest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tamylaa/clodo/internal/goprogram"
	"github.com/tamylaa/clodo/internal/gotest"
	"github.com/tamylaa/clodo/internal/npmtest"
)

const longest = 90 * time.Second // one command

func TestDocs(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the pages show a POSIX shell")
	}
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	pages := map[string][]step{}
	for _, name := range markdown(t, root) {
		b, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		steps, err := parse(string(b))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, s := range steps {
			if s.command != "" {
				pages[name] = steps
			}
		}
	}
	if len(pages) == 0 {
		t.Fatal("no page has a console block")
	}
	bin := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "./cmd/clodo")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build clodo: %v\n%s", err, out)
	}
	// The standard library for Workers is compiled once, and not within a command's time.
	if _, err := goprogram.Compile(t.Context(), filepath.Join(root, "operator", "demo", "services", "stock"), nil); err != nil {
		t.Fatalf("build a service: %v", err)
	}
	workerd := npmtest.Workerd(t)
	for name, steps := range pages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			newShell(t, bin, workerd).run(name, steps)
		})
	}
}

// markdown lists README.md and every page below docs.
func markdown(t *testing.T, root string) []string {
	t.Helper()
	pages := []string{"README.md"}
	err := filepath.WalkDir(filepath.Join(root, "docs"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".md" {
			rel, err := filepath.Rel(root, path)
			pages = append(pages, rel)
			return err
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return pages
}

// shell runs the commands of one page. The folder and exported variables carry over
// from one command to the next, as they do for a reader.
type shell struct {
	t          *testing.T
	dir, env   string // files that hold the folder and the variables
	home, work string
	base       []string
	background []*exec.Cmd
}

func newShell(t *testing.T, bin, workerd string) *shell {
	t.Helper()
	top := t.TempDir()
	s := &shell{t: t, dir: filepath.Join(top, "cwd"), env: filepath.Join(top, "env"), home: filepath.Join(top, "home"), work: filepath.Join(top, "work")}
	for _, dir := range []string{s.home, s.work} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{s.dir: s.work + "\n", s.env: ""} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s.base = []string{
		"PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH"), "HOME=" + s.home,
		"TMPDIR=" + top, "TERM=dumb", "LANG=C.UTF-8", "CLODO_WORKERD=" + workerd,
	}
	for name, value := range gotest.Environment(t) {
		s.base = append(s.base, name+"="+value)
	}
	t.Cleanup(s.stop)
	return s
}

// stop ends what the page started: commands with "&" and clouds in the background.
func (s *shell) stop() {
	for _, cmd := range s.background {
		_ = cmd.Process.Signal(os.Interrupt) // it may have ended by itself
		kill := time.AfterFunc(15*time.Second, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait() // interrupted on purpose
		kill.Stop()
	}
	_ = filepath.WalkDir(s.work, func(path string, d fs.DirEntry, err error) error { // best effort: the folder goes away
		if err == nil && d.IsDir() && d.Name() == ".clodo" {
			ctx, cancel := context.WithTimeout(context.Background(), longest)
			defer cancel()
			if out, err := s.shell(ctx, "clodo -C '"+filepath.Dir(path)+"' cloud stop").CombinedOutput(); err != nil {
				s.t.Logf("stop the cloud of %s: %v\n%s", path, err, out)
			}
			return filepath.SkipDir
		}
		return nil
	})
}

func (s *shell) shell(ctx context.Context, script string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "sh", "-c", script)
	cmd.Env, cmd.Dir, cmd.WaitDelay = s.base, s.work, time.Second
	return cmd
}

func (s *shell) run(page string, steps []step) {
	for _, step := range steps {
		at := fmt.Sprintf("%s:%d", page, step.line)
		var err error
		switch {
		case step.file != "":
			err = s.write(step)
		case step.background:
			err = s.start(step)
		default:
			err = s.do(step)
		}
		if err != nil {
			s.t.Fatalf("%s: %s\n%v", at, step.command, err)
		}
	}
}

// prelude goes to where the last command left off.
func (s *shell) prelude() string {
	return fmt.Sprintf(". '%s'; cd \"$(cat '%s')\"\n", s.env, s.dir)
}

func (s *shell) write(st step) error {
	dir, err := os.ReadFile(s.dir)
	if err != nil {
		return err
	}
	name := filepath.Join(strings.TrimSpace(string(dir)), filepath.FromSlash(st.file))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(name, []byte(st.content), 0o644)
}

func (s *shell) do(st step) error {
	ctx, cancel := context.WithTimeout(s.t.Context(), longest)
	defer cancel()
	epilogue := fmt.Sprintf("\ncode=$?; export -p >'%s'; pwd >'%s'; exit $code", s.env, s.dir)
	out, err := s.shell(ctx, s.prelude()+st.command+epilogue).CombinedOutput()
	code := 0
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		code = exit.ExitCode()
	case errors.Is(err, exec.ErrWaitDelay): // something in the background keeps the pipe open
	case err != nil:
		return err
	}
	if code != st.exit {
		return fmt.Errorf("ended with %d, want %d; it printed:\n%s", code, st.exit, out)
	}
	return compare(st, string(out))
}

func compare(st step, got string) error {
	if got != "" && !strings.HasSuffix(got, "\n") {
		got += "\n"
	}
	if st.pattern().MatchString(got) {
		return nil
	}
	for n := range st.want {
		upTo := step{want: st.want[:n+1], background: true}
		if !upTo.pattern().MatchString(got) {
			return fmt.Errorf("the page shows %q next, and this was printed:\n%s", st.want[n], got)
		}
	}
	return fmt.Errorf("the page ends before the output does:\n%s", got)
}

// start runs a command beside the page and waits until it printed what the page shows.
func (s *shell) start(st step) error {
	cmd := s.shell(context.WithoutCancel(s.t.Context()), s.prelude()+"exec "+st.command)
	var out buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return err
	}
	s.background = append(s.background, cmd)
	deadline := time.Now().Add(longest)
	for pattern := st.pattern(); !pattern.MatchString(out.String()); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			return fmt.Errorf("waited %s: %w", longest, compare(st, out.String()))
		}
	}
	return nil
}

// buffer may be read while a command writes to it.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
