package runtime

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
)

// The headers by which a client takes part in the choice of a version.
const (
	overridesHeader = "Cloudflare-Workers-Version-Overrides"
	keyAffinity     = "Cloudflare-Workers-Version-Key"
)

// choose picks the version of a request: the one that an override names, if it is in
// the deployment; else by the percentages, always the same one for the same key.
func choose(w *Worker, h http.Header) *Version {
	if id := override(h.Values(overridesHeader), w.Script); id != "" {
		for _, s := range w.Versions {
			if strings.EqualFold(s.Version.ID, id) {
				return s.Version
			}
		}
	}
	if len(w.Versions) == 1 {
		return w.Versions[0].Version
	}
	if key := h.Get(keyAffinity); key != "" {
		sum := sha256.Sum256([]byte(w.Account + "/" + w.Script + "/" + key))
		return pick(w.Versions, float64(binary.BigEndian.Uint64(sum[:])>>11)/(1<<53))
	}
	return pick(w.Versions, rand.Float64())
}

// pick is the version at a point of the range 0 to 1. The newest version has the
// beginning: as its share grows, who has it keeps it.
func pick(shares []Share, point float64) *Version {
	sorted := slices.SortedFunc(slices.Values(shares), func(a, b Share) int {
		return cmp.Or(b.Version.CreatedOn.Compare(a.Version.CreatedOn), cmp.Compare(a.Version.ID, b.Version.ID))
	})
	edge := 0.0
	last := sorted[0].Version
	for _, s := range sorted {
		if s.Percentage <= 0 {
			continue
		}
		last = s.Version
		if edge += s.Percentage / 100; point < edge {
			break
		}
	}
	return last
}

// override reads a structured-field dictionary, SCRIPT="VERSION", and returns the
// version for script, or "". As in any such dictionary the last of a name counts.
func override(values []string, script string) string {
	found := ""
	for _, value := range values {
		for member := range strings.SplitSeq(value, ",") {
			name, quoted, ok := strings.Cut(strings.TrimSpace(member), "=")
			if !ok || !strings.EqualFold(strings.TrimSpace(name), script) {
				continue
			}
			quoted, _, _ = strings.Cut(quoted, ";") // parameters
			quoted = strings.TrimSpace(quoted)
			if len(quoted) >= 2 && quoted[0] == '"' && quoted[len(quoted)-1] == '"' {
				found = quoted[1 : len(quoted)-1]
			}
		}
	}
	return found
}
