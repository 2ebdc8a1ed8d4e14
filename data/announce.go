//go:build !js

package data

import (
	"encoding/json"
	"os"
)

// announceTo is the environment variable with the name of a file to which a program
// writes its models, a line of JSON for each, when it defines them. This is how
// `clodo db migrate --create` learns them.
const announceTo = "CLODO_MODELS"

func announce(s *Schema) {
	path := os.Getenv(announceTo)
	if path == "" {
		return
	}
	line, err := json.Marshal(s)
	if err == nil {
		var f *os.File
		if f, err = os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600); err == nil {
			if _, err = f.Write(append(line, '\n')); err == nil {
				err = f.Close()
			}
		}
	}
	if err != nil {
		panic("data: tell the model " + s.Name + ": " + err.Error())
	}
}
