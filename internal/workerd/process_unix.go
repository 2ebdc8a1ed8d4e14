//go:build unix

package workerd

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// readiness reads workerd's control pipe, one line of JSON per listening socket.
type readiness struct {
	sockets int
	pipe    *os.File
}

func (p *Process) prepare(l Launch, config string) (*readiness, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("making a pipe for workerd: %w", err)
	}
	argv := append(p.command(l, config), "--control-fd", "3")
	for _, s := range l.Config.Sockets {
		argv = append(argv, "--socket-addr", s.Name+"="+loopback(0))
	}
	p.cmd = exec.Command(argv[0], argv[1:]...)
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	p.cmd.ExtraFiles = []*os.File{write}
	p.cmd.SysProcAttr = guard()
	return &readiness{sockets: len(l.Config.Sockets), pipe: read}, nil
}

func (r *readiness) abandon() { _ = r.pipe.Close() }

// wait returns the addresses by socket name; fewer than asked for when workerd
// ended before it listened.
func (r *readiness) wait(<-chan struct{}) map[string]string {
	defer func() { _ = r.pipe.Close() }() // workerd writes nothing more to it
	addresses := map[string]string{}
	lines := bufio.NewScanner(r.pipe)
	for len(addresses) < r.sockets && lines.Scan() {
		var event struct {
			Event  string
			Socket string
			Port   int
		}
		if json.Unmarshal(lines.Bytes(), &event) == nil && event.Event == "listen" {
			addresses[event.Socket] = loopback(event.Port)
		}
	}
	return addresses
}

func terminate(p *os.Process) bool { return p.Signal(syscall.SIGTERM) == nil }
