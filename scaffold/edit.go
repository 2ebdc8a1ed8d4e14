package scaffold

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/source"
)

// addService enters a service in the text of a clodo.yaml; entry is its lines, indented
// from zero. Everything that is there stays as it is, byte by byte. When the text has no
// place for it, the *diag.Error says what to write by hand.
func addService(file string, text []byte, name string, entry []string) ([]byte, error) {
	doc, found := source.Parse(file, text)
	if err := diag.Findings(found); err != nil {
		return nil, err
	}
	lines, end := splitLines(string(text))
	byHand := func(why string) error {
		f := doc.Finding("S105", doc.Root.Get("services").At(), "clodo cannot enter the service into "+file, why,
			"write below services: "+name+": "+strings.Join(flow(entry), ", "))
		return &diag.Error{Finding: f, State: diag.NothingChanged, Exit: diag.ExitConfig}
	}
	if doc.Root.Kind != source.Map {
		return nil, byHand("it is not a map of settings")
	}
	indent := 2
	services := doc.Root.Pair("services")
	switch {
	case services == nil:
		lines = append(lines, "", "services:")
		lines = append(lines, indented(name, entry, indent)...)
	case len(services.Value.Map()) == 0:
		at := services.Pos.Line - 1
		if services.Value.Kind != source.Null {
			before, after, ok := cutAt(lines[at], services.Value.Pos, "{}")
			if !ok {
				return nil, byHand("services is written in a form that clodo does not edit")
			}
			lines[at] = strings.TrimRight(before, " ") + strings.TrimRight(after, " ")
		}
		lines = slices.Insert(lines, at+1, indented(name, entry, indent)...)
	default:
		last := services.Value.Pairs[len(services.Value.Pairs)-1]
		indent = last.Pos.Column - 1
		if last.Pos.Line == services.Pos.Line || strings.TrimSpace(lines[last.Pos.Line-1][:indent]) != "" {
			return nil, byHand("services is written in one line")
		}
		after := endOfBlock(lines, last.Pos.Line, indent)
		added := indented(name, entry, indent)
		if len(services.Value.Pairs) == 1 || strings.TrimSpace(lines[last.Pos.Line-2]) == "" {
			added = append([]string{""}, added...)
		}
		lines = slices.Insert(lines, after, added...)
	}
	out := []byte(strings.Join(lines, end) + end)
	if !onlyAdded(file, doc, out, name, entry) {
		return nil, byHand("its form is one that clodo does not edit")
	}
	return out, nil
}

// endOfBlock is how many lines there are up to the end of what the key on line key
// (from 1) holds: its own line and those that are indented more.
func endOfBlock(lines []string, key, indent int) int {
	end := key
	for i := key; i < len(lines); i++ {
		text := strings.TrimLeft(lines[i], " ")
		switch {
		case text == "":
		case len(lines[i])-len(text) > indent:
			end = i + 1
		default:
			return end
		}
	}
	return end
}

// onlyAdded reports whether the new text says the same as before, and the service.
func onlyAdded(file string, before *source.Document, text []byte, name string, entry []string) bool {
	after, found := source.Parse(file, text)
	alone, wrong := source.Parse(file, []byte(strings.Join(entry, "\n")+"\n"))
	if after.Root == nil || alone.Root == nil || len(found)+len(wrong) > 0 {
		return false
	}
	want, _ := before.Root.Any().(map[string]any)
	services, _ := want["services"].(map[string]any)
	if services == nil {
		services = map[string]any{}
	}
	services[name] = alone.Root.Any()
	want["services"] = services
	return reflect.DeepEqual(want, after.Root.Any())
}

func indented(name string, entry []string, indent int) []string {
	pad := strings.Repeat(" ", indent)
	out := []string{pad + name + ":"}
	for _, line := range entry {
		out = append(out, pad+"  "+line)
	}
	return out
}

// flow is the entry for a message: only its first level.
func flow(entry []string) []string {
	var out []string
	for _, line := range entry {
		if !strings.HasPrefix(line, " ") {
			out = append(out, strings.TrimSpace(line))
		}
	}
	return out
}

// splitLines takes a text apart; end is how its lines end.
func splitLines(text string) (lines []string, end string) {
	end = "\n"
	if strings.Contains(text, "\r\n") {
		end = "\r\n"
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		lines = append(lines, strings.TrimSuffix(line, "\r"))
	}
	return lines, end
}

// cutAt takes what out of a line, where it has to stand at pos.
func cutAt(line string, pos diag.Position, what string) (before, after string, ok bool) {
	runes := []rune(line)
	if pos.Column < 1 || pos.Column > len(runes) {
		return "", "", false
	}
	after, ok = strings.CutPrefix(string(runes[pos.Column-1:]), what)
	return string(runes[:pos.Column-1]), after, ok
}

// entryOf is what clodo.yaml says of a service.
func entryOf(path string, t Template, domains map[string][]string, order []string) []string {
	lines := []string{"path: " + path, "inherit: all"}
	if len(domains) > 0 {
		lines = append(lines, "domains:")
		for _, env := range order {
			if hosts := domains[env]; len(hosts) > 0 {
				lines = append(lines, fmt.Sprintf("  %s: [%s]", env, strings.Join(hosts, ", ")))
			}
		}
	}
	if t.Entry.Database != "" {
		lines = append(lines, "database: { binding: "+t.Entry.Database+" }")
	}
	if len(t.Entry.Secrets) > 0 {
		lines = append(lines, "secrets:")
		for _, s := range t.Entry.Secrets {
			how := "source: prompt"
			if s.Generate != "" {
				how = "generate: " + s.Generate
			}
			lines = append(lines, "  "+s.Name+": { "+how+" }")
		}
	}
	if t.Entry.Health != "" {
		lines = append(lines, "checks:", "  health: { path: "+t.Entry.Health+", status: 200 }")
	}
	return lines
}
