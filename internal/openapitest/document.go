package openapitest

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// sdk is the module that carries Cloudflare's OpenAPI document; go.mod pins it.
const sdk = "github.com/cloudflare/cloudflare-go/v7"

// reduction is part of the cache's key: raise it when reduce.go changes what comes out.
const reduction = "5"

//go:embed paths.txt
var pathsText string

//go:embed overlay.json
var overlayJSON []byte

//go:embed undocumented.json
var undocumentedJSON []byte

// document is the reduced and corrected OpenAPI document. Making it takes some seconds,
// so the result is kept in the user's cache folder.
func document() ([]byte, error) {
	m, err := findModule()
	if err != nil {
		return nil, err
	}
	h := sha256.New()
	for _, part := range []string{reduction, pathsText, string(overlayJSON), string(undocumentedJSON)} {
		fmt.Fprintf(h, "%d\n%s", len(part), part)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	file := filepath.Join(cache, "clodo-test", "openapi", fmt.Sprintf("%s-%x.json", m.Version, h.Sum(nil)[:8]))
	if b, err := os.ReadFile(file); err == nil {
		return b, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the cached OpenAPI document: %w", err)
	}
	full, err := embedded(m.Dir)
	if err != nil {
		return nil, err
	}
	b, err := reduced(full)
	if err != nil {
		return nil, fmt.Errorf("reduce Cloudflare's OpenAPI document: %w", err)
	}
	return b, keep(file, b)
}

// keep writes b to file in one piece, since other tests may be reading it.
func keep(file string, b []byte) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return fmt.Errorf("keep the OpenAPI document: %w", err)
	}
	tmp, err := os.CreateTemp(filepath.Dir(file), "*.tmp")
	if err != nil {
		return fmt.Errorf("keep the OpenAPI document: %w", err)
	}
	_, err = tmp.Write(b)
	err = errors.Join(err, tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), file)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("keep the OpenAPI document: %w", err), os.Remove(tmp.Name()))
	}
	return nil
}

// module is what the go command says about one.
type module struct {
	Version string
	Dir     string
	Error   string
}

// findModule asks the go command where the SDK's module is, and to fetch it if need be.
func findModule() (module, error) {
	m, err := askGo("list", "-m", "-json", sdk)
	if err == nil && m.Dir == "" {
		m, err = askGo("mod", "download", "-json", sdk+"@"+m.Version)
	}
	return m, err
}

func askGo(args ...string) (module, error) {
	var m module
	out, err := exec.Command("go", args...).Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, bytes.TrimSpace(exit.Stderr))
		}
		return m, fmt.Errorf("run go %s: %w", strings.Join(args, " "), err)
	}
	if err := json.Unmarshal(out, &m); err != nil || m.Version == "" {
		return m, fmt.Errorf("read the answer of go %s: %w", strings.Join(args, " "), errors.Join(err, errors.New(m.Error)))
	}
	return m, nil
}

// embedded takes the document out of the SDK's mock server script, which holds it as
// gzip in base64.
func embedded(dir string) ([]byte, error) {
	script, err := os.ReadFile(filepath.Join(dir, "scripts", "mock"))
	if err != nil {
		return nil, fmt.Errorf("open the script that holds the OpenAPI document: %w", err)
	}
	found := regexp.MustCompile(`EMBEDDED_SPEC="([^"]*)"`).FindSubmatch(script)
	if found == nil {
		return nil, fmt.Errorf("%s of this version holds no OpenAPI document", sdk)
	}
	z, err := gzip.NewReader(base64.NewDecoder(base64.StdEncoding, bytes.NewReader(found[1])))
	if err != nil {
		return nil, fmt.Errorf("unpack the OpenAPI document: %w", err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		return nil, fmt.Errorf("unpack the OpenAPI document: %w", err)
	}
	return b, nil
}
