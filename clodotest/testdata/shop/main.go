// The service of package shop as a program.
package main

import (
	"log"

	"github.com/tamylaa/clodo/clodotest/internal/shop"
)

func main() {
	app, err := shop.New()
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(app.Serve())
}
