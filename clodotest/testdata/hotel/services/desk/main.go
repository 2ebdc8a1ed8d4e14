// The service of package desk as a program.
package main

import (
	"log"

	"github.com/tamylaa/clodo/clodotest/internal/desk"
)

func main() {
	app, err := desk.New()
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(app.Serve())
}
