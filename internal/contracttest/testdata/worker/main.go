// The cases of package contracttest as a Worker.
package main

import (
	"log"

	"github.com/tamylaa/clodo"
	"github.com/tamylaa/clodo/internal/contracttest"
)

func main() { log.Fatal(clodo.Serve(contracttest.Handler())) }
