//go:build !js

package data

import (
	"encoding/json"

	"github.com/tamylaa/clodo/internal/host"
)

// announce tells a model, and those that its relations lead to, to who asks for the
// models of the program: `clodo db migrate --create`.
func announce(s *Schema) {
	if !host.Describing() {
		return
	}
	for _, s := range reachable([]*Schema{s}) {
		line, err := json.Marshal(s)
		if err == nil {
			err = host.Describe(line)
		}
		if err != nil {
			panic("data: tell the model " + s.Name + ": " + err.Error())
		}
	}
}
