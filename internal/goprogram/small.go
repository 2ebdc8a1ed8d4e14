package goprogram

// small are flags of go build that make a program some 70 KB smaller, of 2 MB compressed.
// The packages are of the standard library, come with net/http, and are hardly run
// through by a request: in them calls are not inlined. The exceptions are what signs
// and hashes.
func small() []string {
	var flags []string
	for _, p := range []string{
		"crypto/...", "vendor/...", "math/big", "encoding/asn1", "encoding/base64", "encoding/hex", "mime/...", "net", "net/netip",
		"fmt", "log", "log/slog/...", "net/url", "path/...", "os", "syscall", "syscall/js", "time", "context",
		"internal/bisect", "internal/godebug", "internal/poll", "internal/reflectlite", "internal/fmtsort",
	} {
		flags = append(flags, "-gcflags="+p+"=-l")
	}
	for _, p := range []string{"crypto/internal/fips140/edwards25519/...", "crypto/internal/fips140/sha256", "crypto/internal/fips140/sha512"} {
		flags = append(flags, "-gcflags="+p+"=")
	}
	return flags
}
