// Command clodo ships many Cloudflare Workers, for many domains and customers.
package main

import (
	"os"

	"github.com/tamylaa/clodo/internal/cli"
	"github.com/tamylaa/clodo/internal/term"
)

// version is set by a release build with -ldflags "-X main.version=v1.2.3".
var version string

func main() {
	streams := term.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv}
	os.Exit(cli.Main(os.Args[1:], streams, version))
}
