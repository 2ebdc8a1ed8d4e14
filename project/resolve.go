package project

import "github.com/tamylaa/clodo/internal/source"

// layers is what a service is made of before an environment and a customer are
// chosen: the wrangler file and the service's own part of clodo.yaml.
type layers struct {
	wrangler *source.Value // the whole wrangler file
	service  *source.Value // the service in clodo.yaml, nil without one
}
