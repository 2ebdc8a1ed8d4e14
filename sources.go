//go:build !js

package clodo

import "embed"

// Sources are the files of this module that a service is compiled and tested with. The
// clodo command carries them, and puts them into a portfolio where the module cannot be
// downloaded. Services have no use for them, and do not link them.
//
//go:embed *.go go.mod go.sum LICENSE
//go:embed bindings data feature services
//go:embed diag internal/goprogram internal/host internal/inprocess internal/jsonwire internal/lazyregexp internal/npm internal/source internal/sqlite internal/workerd
//go:embed clodotest localcloud migrate project secret
var Sources embed.FS
