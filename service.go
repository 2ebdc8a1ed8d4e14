package clodo

import (
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/tamylaa/clodo/internal/host"
	"github.com/tamylaa/clodo/internal/jsonwire"
)

// Service is what a service knows about itself: `clodo deploy` tells it in the
// variables CLODO_SERVICE, CLODO_ENVIRONMENT, CLODO_CUSTOMER, CLODO_DOMAIN, CLODO_VERSION
// and CLODO_ENABLED. What it was not told is empty: a hostname is never guessed.
type Service struct {
	Name        string // in clodo.yaml
	Environment string // such as "production"; "local" in a program that was started by hand
	Customer    string // whose own Worker it is; "" for the one that all share
	Domain      string // the first of its hostnames
	Version     Version

	// Features are the names of the flags of clodo.yaml that are on at Domain for whoever is
	// in no share and no rule, as they were when this version was deployed. What is on for a
	// request, with what was changed since, package feature knows.
	Features []string
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
	if on := enabled(); on != "" {
		s.Features = strings.Split(on, ",")
	}
	if v := os.Getenv("CLODO_VERSION"); v != "" {
		version, err := parseVersion(v)
		if err != nil {
			return s, err
		}
		s.Version = version
	}
	return s, nil
}

// parseVersion reads by hand, as all services do it and encoding/json's decoder would be
// a twentieth of those that need it for nothing else.
func parseVersion(text string) (Version, error) {
	var v Version
	var created string
	r := jsonwire.NewReader([]byte(text))
	for ok := r.Begin('{'); ok; ok = r.More('}') {
		key := r.Key()
		if r.Null() {
			continue
		}
		switch key {
		case "id":
			v.ID = r.String()
		case "tag":
			v.Tag = r.String()
		case "timestamp":
			created = r.String()
		default:
			r.Skip()
		}
	}
	r.End()
	if r.Err() != nil || created == "" {
		return v, r.Err()
	}
	var err error
	v.Created, err = time.Parse(time.RFC3339, created)
	return v, err
}

// enabled is what deploy told of flags that are on; what is longer than a variable may be
// goes on in another.
func enabled() string {
	const name = "CLODO_ENABLED"
	text := os.Getenv(name)
	for i := 2; text != ""; i++ {
		more := os.Getenv(name + "_" + strconv.Itoa(i))
		if more == "" {
			break
		}
		text += more
	}
	return text
}
