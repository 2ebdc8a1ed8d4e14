// Package paritytest deploys the same projects with Cloudflare's own wrangler and with
// clodo and compares what both upload: metadata, modules and assets. It has tests only.
package paritytest
