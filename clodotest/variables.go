package clodotest

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
)

// variables guards the environment of the process, which all its tests have in common.
type variables struct {
	mu   sync.Mutex
	held map[string]*held
}

// held is a variable that tests under way have set.
type held struct {
	value  string
	users  int
	before string // what it was
	was    bool   // it was set
}

// processEnvironment is that of this process.
var processEnvironment = &variables{held: map[string]*held{}}

// contextPrefix begins the names of what a service is told about itself. Two services in
// one test have different ones, and read them when they start.
const contextPrefix = "CLODO_"

// hold sets variables for one test. It fails when another one that is under way needs
// another value, and then holds none. release takes them back when nobody needs them any
// more.
func (v *variables) hold(all map[string]string) (release func() error, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for name, value := range all {
		if h := v.held[name]; h != nil && h.value != value && !strings.HasPrefix(name, contextPrefix) {
			return nil, fmt.Errorf("the variable %s is needed with two values by tests that run at a time, and a process has one: let one of them not be parallel", name)
		}
	}
	for name, value := range all {
		h := v.held[name]
		if h == nil {
			h = &held{}
			h.before, h.was = os.LookupEnv(name)
			v.held[name] = h
		}
		h.users, h.value = h.users+1, value
		err = errors.Join(err, os.Setenv(name, value))
	}
	if err != nil {
		return nil, errors.Join(err, v.letGo(all))
	}
	return func() error {
		v.mu.Lock()
		defer v.mu.Unlock()
		return v.letGo(all)
	}, nil
}

// holdVariables gives the process the service's variables until the test ends.
func (s *service) holdVariables(t testing.TB) error {
	release, err := processEnvironment.hold(s.vars)
	if err != nil {
		return err
	}
	t.Cleanup(func() {
		if err := release(); err != nil {
			t.Errorf("clodotest: %v", err)
		}
	})
	return nil
}

// letGo is for who holds mu.
func (v *variables) letGo(all map[string]string) (err error) {
	for name := range all {
		h := v.held[name]
		if h.users--; h.users > 0 {
			continue
		}
		delete(v.held, name)
		if h.was {
			err = errors.Join(err, os.Setenv(name, h.before))
			continue
		}
		err = errors.Join(err, os.Unsetenv(name))
	}
	return err
}
