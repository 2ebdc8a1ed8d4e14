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
	"syscall"
	"time"
)

// AddressVariable names the environment variable that says where a service listens
// natively, as HOST:PORT.
const AddressVariable = "CLODO_ADDRESS"

// defaultAddress is where it listens without the variable.
const defaultAddress = "127.0.0.1:8787"

// Serve answers requests with h until the process is asked to end, and then for as long
// as those under way take, up to 10 seconds.
func Serve(h http.Handler) error {
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
	server := &http.Server{Handler: h, ReadHeaderTimeout: 30 * time.Second}
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
	return err
}
