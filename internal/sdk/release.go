package sdk

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"runtime/debug"

	"github.com/tamylaa/clodo"
	"github.com/tamylaa/clodo/internal/lazyregexp"
)

// Release is a version of the module that anybody can download; the zero Release is none.
type Release struct {
	Version string // such as v1.2.3
	Sum     string // of its zip, as go.sum has it
}

// releaseVersion is a version that somebody gave, other than those that the go command
// makes up for a commit.
var releaseVersion = lazyregexp.New(`^v\d+\.\d+\.\d+(-(alpha|beta|rc)\.\d+)?$`)

// ThisRelease is the one that this program was downloaded and built as, by go install.
// A program built from a checkout is none, whatever it calls itself.
func ThisRelease() Release {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return Release{}
	}
	return releaseOf(info.Main)
}

func releaseOf(main debug.Module) Release {
	if main.Path != Module || main.Replace != nil || main.Sum == "" || !releaseVersion.MatchString(main.Version) {
		return Release{}
	}
	return Release{main.Version, main.Sum}
}

// sums are the lines of go.sum about a release. That of its go.mod follows from the file,
// which this program carries.
func (r Release) sums() ([]string, error) {
	goMod, err := clodo.Sources.ReadFile("go.mod")
	if err != nil {
		return nil, err
	}
	return []string{Module + " " + r.Version + " " + r.Sum + "\n", Module + " " + r.Version + "/go.mod " + sumOf(goMod) + "\n"}, nil
}

// sumOf is the checksum of a go.mod by the go command's first algorithm: of the line that
// sha256sum prints about it.
func sumOf(goMod []byte) string {
	line := fmt.Appendf(nil, "%x  go.mod\n", sha256.Sum256(goMod))
	sum := sha256.Sum256(line)
	return "h1:" + base64.StdEncoding.EncodeToString(sum[:])
}
