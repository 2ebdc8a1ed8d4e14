package clodo

import "net/http"

// Compress does nothing on Workers: Cloudflare compresses what it sends to clients, as
// the zone's settings say, by better algorithms and for nobody's CPU time.
func Compress(next http.Handler) http.Handler { return next }
