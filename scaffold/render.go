package scaffold

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/internal/lazyregexp"
)

// placeholder is what a template leaves open: {{name}}. Values are names and
// hostnames that were checked, so that none needs quoting wherever it stands.
var placeholder = lazyregexp.New(`\{\{([a-z_]+)\}\}`)

// values are what the placeholders of a service's files stand for.
func values(name, module, portfolio string) map[string]string {
	return map[string]string{
		"name":               name,
		"module":             module,            // path of the Go module that the service belongs to
		"portfolio":          portfolio,         // its name in clodo.yaml
		"title":              title(name),       // "data-api" is "Data api"
		"database":           name,              // name of its D1 database in the wrangler file
		"compatibility_date": CompatibilityDate, //
	}
}

// title is a name as the heading of a page.
func title(name string) string {
	words := strings.ReplaceAll(name, "-", " ")
	return strings.ToUpper(words[:1]) + words[1:]
}

// render puts values in the place of their placeholders. One without a value is an
// error: no file may hold a placeholder.
func render(text string, values map[string]string) (string, error) {
	var unknown string
	out := placeholder.ReplaceAllStringFunc(text, func(m string) string {
		value, ok := values[m[2:len(m)-2]]
		if !ok && unknown == "" {
			unknown = m
		}
		return value
	})
	if unknown != "" {
		return "", fmt.Errorf("nothing is known for %s; there are: %s", unknown, strings.Join(slices.Sorted(maps.Keys(values)), ", "))
	}
	return out, nil
}
