// Package bindingtest compares the bindings that a Worker gets from the local cloud
// with those of Miniflare, in which wrangler runs Workers: one Worker does the same
// with D1, KV, R2, queues and the Cache API on both, and what it sees there differs only
// where a table says so, and why. It holds tests only.
package bindingtest
