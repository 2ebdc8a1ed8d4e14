package bundle

import (
	"slices"
	"strings"
)

// nodeMode says how a Worker may use Node's modules.
type nodeMode string

// The modes, decided by compatibility date and flags.
const (
	nodeNone nodeMode = ""    // not at all
	nodeALS  nodeMode = "als" // node:async_hooks only
	nodeV1   nodeMode = "v1"  // what the runtime has, by names with node:
	nodeV2   nodeMode = "v2"  // what the runtime has, by any name, polyfills for the rest
)

// nodeModules is what the Workers runtime offers of Node at one compatibility date.
type nodeModules struct {
	native map[string]bool // by name without node:
	// Globals that the runtime lacks at this date and that a polyfill would set.
	process, console, performance bool
}

// builtins lists Node's own modules by their names without node:. The last two
// exist only with the prefix.
func builtins() []string {
	return strings.Fields(`_http_agent _http_client _http_common _http_incoming _http_outgoing _http_server
		_stream_duplex _stream_passthrough _stream_readable _stream_transform _stream_wrap _stream_writable
		_tls_common _tls_wrap assert assert/strict async_hooks buffer child_process cluster console constants
		crypto dgram diagnostics_channel dns dns/promises domain events fs fs/promises http http2 https inspector
		inspector/promises module net os path path/posix path/win32 perf_hooks process punycode querystring
		readline readline/promises repl stream stream/consumers stream/promises stream/web string_decoder sys
		timers timers/promises tls trace_events tty url util util/types v8 vm wasi worker_threads zlib sqlite test`)
}

// builtinName is the name of one of Node's modules without its prefix.
func builtinName(path string) (name string, ok bool) {
	name, prefixed := strings.CutPrefix(path, "node:")
	if !prefixed && (name == "sqlite" || name == "test") {
		return "", false
	}
	return name, slices.Contains(builtins(), name)
}

// nodeFeature is a group of modules that the runtime gained at a date, or that a
// flag turns on or off.
type nodeFeature struct {
	date    string // from this compatibility date on
	flag    string // with "enable_" or "disable_" before it
	modules string
}

// nodeFeatures follows the compatibility flags that Cloudflare documents for the
// runtime; modules not named here are there in every v2 Worker.
func nodeFeatures() []nodeFeature {
	return []nodeFeature{
		{"2025-08-15", "nodejs_http_modules", "_http_agent _http_client _http_common _http_incoming _http_outgoing http https"},
		{"2025-09-01", "nodejs_http2_module", "http2"},
		{"2025-09-15", "nodejs_os_module", "os"},
		{"2025-09-15", "nodejs_fs_module", "fs fs/promises"},
		{"2025-12-04", "nodejs_punycode_module", "punycode"},
		{"2025-12-04", "nodejs_cluster_module", "cluster"},
		{"2025-12-04", "nodejs_trace_events_module", "trace_events"},
		{"2025-12-04", "nodejs_domain_module", "domain"},
		{"2025-12-04", "nodejs_wasi_module", "wasi"},
		{"2025-09-21", "nodejs_console_module", "console"},
		{"2025-10-01", "nodejs_vm_module", "vm"},
		{"2026-01-29", "nodejs_inspector_module", "inspector inspector/promises"},
		{"2026-01-29", "nodejs_sqlite_module", "sqlite"},
		{"2026-01-29", "nodejs_dgram_module", "dgram"},
		{"2026-01-29", "nodejs_stream_wrap_module", "_stream_wrap"},
		{"2026-03-17", "nodejs_repl_module", "repl"},
		{"2026-03-17", "nodejs_v8_module", "v8"},
		{"2026-03-17", "nodejs_tty_module", "tty"},
		{"2026-03-17", "nodejs_child_process_module", "child_process"},
		{"2026-03-17", "nodejs_worker_threads_module", "worker_threads"},
		{"2026-03-17", "nodejs_readline_module", "readline readline/promises"},
		{"2026-03-17", "nodejs_perf_hooks_module", "perf_hooks"},
	}
}

// enabled decides a feature by flag before date.
func enabled(date string, flags []string, since, on, off string) bool {
	return (slices.Contains(flags, on) || date >= since) && !slices.Contains(flags, off)
}

// runtimeModules is what the runtime has in v2 at a compatibility date with flags.
func runtimeModules(date string, flags []string) nodeModules {
	m := nodeModules{native: map[string]bool{}}
	for _, name := range strings.Fields(`_stream_duplex _stream_passthrough _stream_readable _stream_transform _stream_writable
		_tls_common _tls_wrap assert assert/strict async_hooks buffer constants crypto diagnostics_channel dns dns/promises
		events net path path/posix path/win32 querystring module stream stream/consumers stream/promises stream/web
		string_decoder sys timers timers/promises tls url util util/types zlib`) {
		m.native[name] = true
	}
	for _, f := range nodeFeatures() {
		if !enabled(date, flags, f.date, "enable_"+f.flag, "disable_"+f.flag) {
			continue
		}
		for _, name := range strings.Fields(f.modules) {
			m.native[name] = true
		}
	}
	if m.native["http"] && enabled(date, flags, "2025-09-01", "enable_nodejs_http_server_modules", "disable_nodejs_http_server_modules") {
		m.native["_http_server"] = true
	}
	// The newer process needs the corrected fetch of the same runtime.
	fetchFixed := enabled(date, flags, "2026-02-19", "fetch_iterable_type_support", "no_fetch_iterable_type_support") &&
		enabled(date, flags, "2026-01-15", "fetch_iterable_type_support_override_adjustment", "no_fetch_iterable_type_support_override_adjustment")
	if fetchFixed && enabled(date, flags, "2025-09-15", "enable_nodejs_process_v2", "disable_nodejs_process_v2") {
		m.native["process"] = true
	}
	m.process, m.console, m.performance = !m.native["process"], !m.native["console"], !m.native["perf_hooks"]
	return m
}

// decideNodeMode reads compatibility date and flags as wrangler and the runtime do:
// Node's modules are on by themselves from 2026-08-04, in v2 from 2024-09-23.
func decideNodeMode(date string, flags []string) nodeMode {
	has := func(f string) bool { return slices.Contains(flags, f) }
	byDate := date >= "2026-08-04"
	on := has("nodejs_compat") || byDate && !has("no_nodejs_compat")
	switch {
	case has("nodejs_compat_v2"), !has("no_nodejs_compat_v2") && (byDate || on && date >= "2024-09-23"):
		return nodeV2
	case on:
		return nodeV1
	case has("nodejs_als"):
		return nodeALS
	}
	return nodeNone
}

// polyfill is the module of package unenv, or of Cloudflare's preset for it, that
// stands in for path in a v2 Worker; "" when there is none. Some npm packages are
// replaced as well, because what they wrap exists in the runtime.
func polyfill(path string) string {
	switch path {
	case "node-fetch", "node-fetch-native":
		return "unenv/npm/node-fetch"
	case "cross-fetch", "fsevents", "inherits":
		return "unenv/npm/" + path
	case "whatwg-url":
		return "unenv/npm/whatwg-url/index"
	case "whatwg-url/webidl2js-wrapper":
		return "unenv/npm/whatwg-url/webidl2js-wrapper"
	case "isomorphic-fetch", "cross-fetch/polyfill", "node-fetch-native/polyfill":
		return "unenv/mock/empty"
	}
	name, ok := builtinName(path)
	switch {
	case !ok || name == "test":
		return ""
	case name == "process" || name == "console":
		return "@cloudflare/unenv-preset/node/" + name
	case strings.HasPrefix(name, "_http_") || name == "_stream_wrap":
		return "unenv/mock/proxy-cjs"
	}
	return "unenv/node/" + name
}

// polyfillPackages lists the npm packages that polyfill replaces.
func polyfillPackages() []string {
	return []string{
		"node-fetch", "node-fetch-native", "cross-fetch", "fsevents", "inherits", "whatwg-url",
		"whatwg-url/webidl2js-wrapper", "isomorphic-fetch", "cross-fetch/polyfill", "node-fetch-native/polyfill",
	}
}
