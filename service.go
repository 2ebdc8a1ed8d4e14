package clodo

import (
	"encoding/json"
	"os"
	"time"

	"github.com/tamylaa/clodo/internal/host"
)

// Service is what a service knows about itself: `clodo deploy` tells it in the
// variables CLODO_SERVICE, CLODO_ENVIRONMENT, CLODO_CUSTOMER, CLODO_DOMAIN and
// CLODO_VERSION. What it was not told is empty: a hostname is never guessed.
type Service struct {
	Name        string // in clodo.yaml
	Environment string // such as "production"; "local" in a program that was started by hand
	Customer    string // whose own Worker it is; "" for the one that all share
	Domain      string // the first of its hostnames
	Version     Version
}

// Version is the version of the Worker that runs; zero in a program that was started
// by hand.
type Version struct {
	ID      string    `json:"id"`
	Tag     string    `json:"tag"`
	Created time.Time `json:"timestamp"`
}

// Environments that have a method of their own.
const (
	production  = "production"
	staging     = "staging"
	development = "development"
	local       = "local"
)

// IsProduction reports that the environment is "production".
func (s Service) IsProduction() bool { return s.Environment == production }

// IsStaging reports that it is "staging".
func (s Service) IsStaging() bool { return s.Environment == staging }

// IsDevelopment reports that it is "development" or "local".
func (s Service) IsDevelopment() bool { return s.Environment == development || s.Environment == local }

// theService is the one that this program is.
func theService() (Service, error) {
	s := Service{
		Name: os.Getenv("CLODO_SERVICE"), Environment: os.Getenv("CLODO_ENVIRONMENT"),
		Customer: os.Getenv("CLODO_CUSTOMER"), Domain: os.Getenv("CLODO_DOMAIN"),
	}
	if s.Environment == "" && !host.OnWorkers {
		s.Environment = local
	}
	if v := os.Getenv("CLODO_VERSION"); v != "" {
		if err := json.Unmarshal([]byte(v), &s.Version); err != nil {
			return s, err
		}
	}
	return s, nil
}
