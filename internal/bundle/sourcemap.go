package bundle

import (
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// relocateMap names the file that a source map belongs to. Its sources are already
// relative to the project's folder.
func relocateMap(text []byte, file string) ([]byte, error) {
	m := map[string]any{}
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, fmt.Errorf("reading the source map of %q: %w", file, err)
	}
	m["file"] = file
	out, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("writing the source map of %q: %w", file, err)
	}
	return out, nil
}

// attachSourceMaps adds the source maps that unbundled JavaScript names in its last
// comment. One that cannot be read is an error only if all must be there.
func (b *build) attachSourceMaps(r *Result, all bool) error {
	for i, m := range r.Modules {
		if m.ContentType != TypeESModule && m.ContentType != TypeCommonJS {
			continue
		}
		url := sourceMapURL(string(m.Bytes))
		if url == "" || strings.HasPrefix(url, "data:") {
			continue
		}
		dir := path.Dir(m.Name)
		file := filepath.Join(b.moduleRoot(), filepath.FromSlash(path.Join(dir, url)))
		if i == 0 {
			file = filepath.Join(filepath.Dir(b.entry), filepath.FromSlash(url))
		}
		text, err := os.ReadFile(file)
		if err != nil {
			err = fmt.Errorf("reading the source map that %q names: %w", m.Name, err)
		} else {
			text, err = relocateMap(text, m.Name)
		}
		if err != nil && all {
			return err
		}
		if err != nil {
			continue
		}
		r.SourceMaps = append(r.SourceMaps, Module{Name: m.Name + ".map", ContentType: TypeSourceMap, Bytes: text})
	}
	return nil
}

// sourceMapURL is what the comment at the end of a script names, "" without one.
func sourceMapURL(code string) string {
	lines := strings.Split(code, "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		line := strings.TrimSpace(lines[i])
		if url, ok := strings.CutPrefix(line, "//# sourceMappingURL="); ok {
			return strings.TrimSpace(url)
		}
		if line != "" && !strings.HasPrefix(line, "//#") && !strings.HasPrefix(line, "//@") {
			return ""
		}
	}
	return ""
}
