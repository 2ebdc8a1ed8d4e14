//go:build !js

package host

import (
	"fmt"
	"os"
)

// ModelsVariable names an environment variable. Where it holds the name of a file, the
// process is only asked what models it has: it writes them there, a line of JSON for
// each when it is defined, and [Serve] ends at once.
const ModelsVariable = "CLODO_MODELS"

// ServedLine is what [Serve] writes there: everything that is defined before was told.
const ServedLine = "served"

// Describing reports whether the process is asked what it has instead of serving.
func Describing() bool { return os.Getenv(ModelsVariable) != "" }

// Describe adds a line to what the process has.
func Describe(line []byte) error {
	f, err := os.OpenFile(os.Getenv(ModelsVariable), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("telling the models: %w", err)
	}
	_, err = f.Write(append(line, '\n'))
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("telling the models: %w", err)
	}
	return nil
}
