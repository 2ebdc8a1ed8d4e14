package workerd

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"time"
)

// readiness polls ports that were free a moment ago: a control pipe cannot be
// inherited here.
type readiness struct{ addresses map[string]string }

func (p *Process) prepare(l Launch, config string) (*readiness, error) {
	r := &readiness{addresses: map[string]string{}}
	argv := p.command(l, config)
	for _, s := range l.Config.Sockets {
		free, err := net.Listen("tcp", loopback(0))
		if err != nil {
			return nil, fmt.Errorf("finding a port for workerd: %w", err)
		}
		r.addresses[s.Name] = free.Addr().String()
		if err := free.Close(); err != nil {
			return nil, fmt.Errorf("finding a port for workerd: %w", err)
		}
		argv = append(argv, "--socket-addr", s.Name+"="+r.addresses[s.Name])
	}
	p.cmd = exec.Command(argv[0], argv[1:]...)
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	return r, nil
}

func (r *readiness) abandon() {}

func (r *readiness) wait(done <-chan struct{}) map[string]string {
	up := map[string]string{}
	for name, address := range r.addresses {
		for up[name] == "" {
			if conn, err := net.DialTimeout("tcp", address, time.Second); err == nil {
				_ = conn.Close()
				up[name] = address
				continue
			}
			select {
			case <-done:
				return up
			case <-time.After(10 * time.Millisecond):
			}
		}
	}
	return up
}

// terminate reports that Windows has no signal to ask with.
func terminate(*os.Process) bool { return false }
