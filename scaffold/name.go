package scaffold

import (
	"fmt"
	"strings"
)

// The limits of a service's name: Worker names and hostnames are made of it.
const (
	shortestName = 3
	longestName  = 50
)

// reservedNames cannot be names of services, and why.
func reservedNames() map[string]string {
	reserved := map[string]string{
		"clodo":    "it is the name of this tool",
		"internal": "Go gives folders of this name a meaning",
		"vendor":   "Go gives folders of this name a meaning",
		"testdata": "Go gives folders of this name a meaning",
		"health":   "it is the path of the health check",
		"shared":   "targets without a customer are called so",
	}
	for _, word := range []string{"true", "false", "null", "yes"} {
		reserved[word] = "YAML takes it for a value"
	}
	for _, word := range []string{"con", "prn", "aux", "nul", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8", "com9", "lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9"} {
		reserved[word] = "Windows has no folders of this name"
	}
	return reserved
}

// CheckName says which rule the name of a service breaks, as a *diag.Error; nil is a
// good name.
func CheckName(name string) error {
	rule := brokenRule(name)
	if rule == "" {
		return nil
	}
	fix := "3 to 50 lower-case letters, digits and single hyphens"
	if better := betterName(name); better != "" {
		fix += ", such as " + better
	}
	return refuse("S101", fmt.Sprintf("%q cannot be the name of a service", name), rule, fix)
}

func brokenRule(name string) string {
	outside := strings.IndexFunc(name, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' })
	switch {
	case outside >= 0:
		r := []rune(name[outside:])[0]
		if r >= 'A' && r <= 'Z' {
			return fmt.Sprintf("it has the capital letter %q", r)
		}
		return fmt.Sprintf("it has %q, which is neither a lower-case letter nor a digit nor a hyphen", r)
	case len(name) < shortestName:
		return fmt.Sprintf("it has %d characters, fewer than %d", len(name), shortestName)
	case len(name) > longestName:
		return fmt.Sprintf("it has %d characters, more than %d", len(name), longestName)
	case strings.HasPrefix(name, "-"):
		return "it begins with a hyphen"
	case strings.HasSuffix(name, "-"):
		return "it ends with a hyphen"
	case strings.Contains(name, "--"):
		return "it has two hyphens in a row, which separate a Worker from its customer"
	}
	if why, ok := reservedNames()[name]; ok {
		return "it is reserved: " + why
	}
	return ""
}

// betterName is a good name that resembles name, or "".
func betterName(name string) string {
	better := slug(name, longestName)
	if _, ok := reservedNames()[better]; ok {
		better += "-service"
	}
	if brokenRule(better) != "" {
		return ""
	}
	return better
}

// slug is text as lower-case words with hyphens between them.
func slug(text string, longest int) string {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	s := strings.Join(words, "-")
	return strings.TrimRight(s[:min(len(s), longest)], "-")
}
