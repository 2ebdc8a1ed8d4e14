package workerd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Launch is how to start a process. Dir is where the configuration lies while
// workerd reads it (it may hold secrets, so it is deleted as soon as it was read);
// module files have to be on the same volume.
type Launch struct {
	Binary string
	Dir    string
	Config Config
	Log    func(line string) // every line of workerd's output, may be nil
	// CPU is how long the start may compute, or take where the system does not tell
	// what it computes; 0 is no limit.
	CPU time.Duration
}

// ErrCPU is a start that has used its CPU time.
var ErrCPU = errors.New("workerd used the CPU time that its start may use")

// Process is a running workerd. Its sockets listen on loopback ports of their own,
// so two generations never compete for a connection.
//
// workerd does not outlive this program: it is told to stop when this program
// stops, and on Linux the kernel kills it when this program is killed. On other
// systems a kill -9 of this program leaves workerd behind.
type Process struct {
	addresses map[string]string
	cmd       *exec.Cmd
	output    *output
	done      chan struct{}
}

// StartError is a configuration that workerd does not run. Text is its output.
type StartError struct{ Text string }

func (e *StartError) Error() string { return "workerd stopped at its start: " + e.Text }

// Start starts workerd and returns when all its sockets listen. Cancelling ctx
// during the start ends it; later only Stop and Kill do.
func Start(ctx context.Context, l Launch) (*Process, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("starting workerd: %w", err)
	}
	config, err := writeConfig(l)
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.Remove(config) }() // read by now; what stays is removed with the state folder
	p := &Process{output: &output{log: l.Log}, done: make(chan struct{})}
	ready, err := p.prepare(l, config)
	if err != nil {
		return nil, err
	}
	started := make(chan error)
	go p.run(started)
	if err := <-started; err != nil {
		ready.abandon()
		return nil, fmt.Errorf("starting workerd: %w", err)
	}
	ports := make(chan map[string]string, 1)
	go func() { ports <- ready.wait(p.done) }()
	if err := p.listening(ctx, ports, l.CPU); err != nil {
		p.Kill()
		<-p.done
		return nil, fmt.Errorf("starting workerd: %w", err)
	}
	if len(p.addresses) < len(l.Config.Sockets) {
		p.Kill()
		<-p.done
		return nil, &StartError{Text: p.output.tail()}
	}
	return p, nil
}

// listening waits for the addresses of the sockets, which are fewer when the process ends.
func (p *Process) listening(ctx context.Context, ports <-chan map[string]string, limit time.Duration) error {
	began := time.Now()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case p.addresses = <-ports:
			return ctx.Err() // an end that came first is one, whatever was seen first
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
		used, known := p.CPUTime()
		if !known {
			used = time.Since(began)
		}
		if limit > 0 && used > limit {
			return ErrCPU
		}
	}
}

// run owns the thread that starts the process: Linux sends the parent-death signal
// when that thread ends, so it has to live as long as the process.
func (p *Process) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := p.cmd.Start()
	for _, f := range p.cmd.ExtraFiles {
		_ = f.Close() // the child has its own copy
	}
	started <- err
	if err != nil {
		return
	}
	_ = p.cmd.Wait() // how it ended does not matter: whoever needs it reads Output
	close(p.done)
}

func writeConfig(l Launch) (string, error) {
	if err := os.MkdirAll(l.Dir, 0o700); err != nil {
		return "", fmt.Errorf("making workerd's folder: %w", err)
	}
	dir, err := filepath.Abs(l.Dir)
	if err != nil {
		return "", fmt.Errorf("finding workerd's folder: %w", err)
	}
	text, err := l.Config.Text(dir)
	if err != nil {
		return "", err
	}
	f, err := os.CreateTemp(dir, "workerd-*.capnp") // mode 0600
	if err != nil {
		return "", fmt.Errorf("writing workerd's configuration: %w", err)
	}
	_, err = io.WriteString(f, text)
	if err := errors.Join(err, f.Close()); err != nil {
		_ = os.Remove(f.Name())
		return "", fmt.Errorf("writing workerd's configuration: %w", err)
	}
	return f.Name(), nil
}

// command is workerd's command line without what tells that it is ready.
func (p *Process) command(l Launch, config string) []string {
	return []string{l.Binary, "serve", "--experimental", config}
}

// Address is the host:port of a socket of the configuration.
func (p *Process) Address(socket string) string { return p.addresses[socket] }

// PID is the process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Output is the last lines that workerd printed.
func (p *Process) Output() string { return p.output.tail() }

// Stop asks workerd to finish its requests and end, waits for that, and kills it
// when ctx ends first.
func (p *Process) Stop(ctx context.Context) {
	if !terminate(p.cmd.Process) {
		p.Kill()
	}
	select {
	case <-p.done:
	case <-ctx.Done():
		p.Kill()
		<-p.done
	}
}

// Kill ends workerd at once.
func (p *Process) Kill() { _ = p.cmd.Process.Kill() } // an error means that it has ended

// output keeps the end of what workerd printed and hands lines on.
type output struct {
	log     func(string)
	mu      sync.Mutex
	partial string
	lines   []string
}

const outputLines = 100

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.partial += string(b)
	for {
		line, rest, ok := strings.Cut(o.partial, "\n")
		if !ok {
			return len(b), nil
		}
		o.partial = rest
		if o.lines = append(o.lines, line); len(o.lines) > outputLines {
			o.lines = o.lines[1:]
		}
		if o.log != nil {
			o.log(line)
		}
	}
}

func (o *output) tail() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.TrimSpace(strings.Join(o.lines, "\n") + "\n" + o.partial)
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
