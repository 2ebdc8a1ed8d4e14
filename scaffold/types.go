package scaffold

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/diag"
)

// Types lists the types of services, those first that most people want.
func Types() []string {
	return []string{
		"data-service", "auth-service", "content-service", "api-gateway", "worker",
		"static-site", "queue-processor", "cron-worker", "edge-proxy", "ai-worker",
	}
}

// Aliases are other words for a type, as other tools and people say it.
func Aliases() map[string]string {
	return map[string]string{
		"generic":     "worker",
		"minimal":     "worker",
		"api-service": "data-service",
		"rest-api":    "data-service",
		"gateway":     "api-gateway",
		"content":     "content-service",
		"auth":        "auth-service",
		"pages":       "static-site",
	}
}

// languageAliases are other words for a language.
func languageAliases() map[string]string {
	return map[string]string{"golang": "go", "typescript": "ts", "javascript": "ts", "js": "ts"}
}

// Find is the template that two words mean; an empty language means DefaultLanguage.
// What cannot be found is told as a *diag.Error with diag.ExitUsage.
func Find(typ, language string) (Template, error) {
	all, err := Templates()
	if err != nil {
		return Template{}, err
	}
	return find(all, typ, language)
}

func find(all []Template, typ, language string) (Template, error) {
	if name, ok := Aliases()[typ]; ok {
		typ = name
	}
	if language == "" {
		language = DefaultLanguage
	}
	if name, ok := languageAliases()[language]; ok {
		language = name
	}
	var types, languages []string
	for _, t := range all {
		if t.Type == typ && t.Language == language {
			return t, nil
		}
		types, languages = append(types, t.Type), append(languages, t.Language)
	}
	if !slices.Contains(languages, language) {
		return Template{}, refuse("S102", fmt.Sprintf("there are no templates in %q", language), "", "--lang go or --lang ts")
	}
	if !slices.Contains(types, typ) {
		fix := "one of: " + strings.Join(Types(), ", ")
		words := slices.Clone(types)
		for alias := range Aliases() {
			words = append(words, alias)
		}
		slices.Sort(words)
		if near := diag.Nearest(typ, words); near != "" {
			fix = "did you mean --type " + near + "?  (" + fix + ")"
		}
		return Template{}, refuse("S102", fmt.Sprintf("there is no type of service called %q", typ), "", fix)
	}
	return Template{}, refuse("S102", fmt.Sprintf("there is no template for a %s in %q", typ, language), "", "choose another --lang or --type: clodo service types")
}

// refuse is something asked for that cannot be; nothing was written.
func refuse(code, message, why, fix string) *diag.Error {
	return &diag.Error{
		Finding: diag.Finding{Code: code, Severity: diag.SeverityError, Message: message, Why: why, Fix: fix},
		State:   diag.NothingChanged, Exit: diag.ExitUsage,
	}
}
