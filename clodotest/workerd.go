package clodotest

import (
	"errors"
	"testing"
)

// workerd runs the service on the Workers runtime.
func (s *service) workerd(testing.TB, Options) (*App, error) {
	return nil, errors.New("the real runtime is not reached yet; the native one is")
}
