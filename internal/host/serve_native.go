//go:build !js

package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// AddressVariable names the environment variable that says where a service listens
// natively, as HOST:PORT.
const AddressVariable = "CLODO_ADDRESS"

// defaultAddress is where it listens without the variable.
const defaultAddress = "127.0.0.1:8787"

// Serve answers requests with h, and events with events, which may be nil, until the
// process is asked to end, and then for as long as those under way and what they have
// begun take, up to 10 seconds. A process that is asked for its models does not serve.
func Serve(h, events http.Handler) error {
	if Describing() {
		return Describe([]byte(ServedLine))
	}
	address := os.Getenv(AddressVariable)
	if address == "" {
		address = defaultAddress
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("listening on %s, which %s can change: %w", address, AddressVariable, err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var tasks sync.WaitGroup
	server := &http.Server{
		Handler: withEvents(h, events), ReadHeaderTimeout: 30 * time.Second,
		BaseContext: func(net.Listener) context.Context { return WithTasks(context.Background(), &tasks) },
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	slog.Info("listening", "address", "http://"+listener.Addr().String())
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err = server.Shutdown(ending)
	if served := <-served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return errors.Join(err, finish(ending, &tasks))
}

// finish waits for tasks until ctx ends.
func finish(ctx context.Context, tasks *sync.WaitGroup) error {
	done := make(chan struct{})
	go func() {
		tasks.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("what was begun beside requests is not done: %w", ctx.Err())
	}
}
