// Package docstest runs the documentation: every ```console block of README.md and
// docs/ is a session in a shell, whose output has to be what the page shows.
//
// Lines that begin with "$ " are commands, the lines after one are all that it prints,
// on both streams, as on a terminal. "…" stands for anything within a line, and alone
// on a line for any number of lines. "# exit 3" behind a command is the exit code it
// has to have, and a command that ends in "&" runs until the page is done. A block
// whose info string has title="name" is a file that is written there. The blocks of a
// page share one empty folder and run in order.
package docstest

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// step is one command of a page or one file that it shows.
type step struct {
	line       int // of the page
	command    string
	background bool
	exit       int
	want       []string
	file       string // then content, and no command
	content    string
}

var (
	exitPattern  = regexp.MustCompile(`\s+# exit (\d+)$`)
	titlePattern = regexp.MustCompile(`\btitle="([^"]+)"`)
)

// parse finds the steps of a page.
func parse(page string) ([]step, error) {
	var steps []step
	var fence, file string
	console, start := false, 0
	var body []string
	for i, line := range strings.Split(page, "\n") {
		ticks := line[:len(line)-len(strings.TrimLeft(line, "`"))]
		switch {
		case fence == "" && len(ticks) >= 3:
			info := line[len(ticks):]
			fence, start, body, file = ticks, i+1, nil, ""
			console = info == "console" || strings.HasPrefix(info, "console ")
			if m := titlePattern.FindStringSubmatch(info); m != nil {
				file = m[1]
			}
		case fence != "" && line == fence:
			if console {
				s, err := session(start, body)
				if err != nil {
					return nil, err
				}
				steps = append(steps, s...)
			} else if file != "" {
				steps = append(steps, step{line: start, file: file, content: strings.Join(body, "\n") + "\n"})
			}
			fence = ""
		case fence != "":
			body = append(body, line)
		}
	}
	if fence != "" {
		return nil, fmt.Errorf("line %d: the block does not end", start)
	}
	return steps, nil
}

// session splits a console block into commands and what they print.
func session(start int, body []string) ([]step, error) {
	var steps []step
	for i, line := range body {
		command, ok := strings.CutPrefix(line, "$ ")
		if !ok {
			if len(steps) == 0 {
				return nil, fmt.Errorf("line %d: a console block begins with a command", start+1)
			}
			last := &steps[len(steps)-1]
			last.want = append(last.want, line)
			continue
		}
		s := step{line: start + 1 + i}
		if m := exitPattern.FindStringSubmatch(command); m != nil {
			s.exit, _ = strconv.Atoi(m[1]) // only digits matched
			command = strings.TrimSuffix(command, m[0])
		}
		command, s.background = strings.CutSuffix(command, " &")
		s.command = command
		steps = append(steps, s)
	}
	return steps, nil
}

// pattern is what the whole output of the step has to match.
func (s step) pattern() *regexp.Regexp {
	var b strings.Builder
	b.WriteString(`\A`)
	for _, line := range s.want {
		if strings.TrimSpace(line) == "…" {
			b.WriteString(`(?:.*\n)*?`)
			continue
		}
		b.WriteString(strings.ReplaceAll(regexp.QuoteMeta(strings.TrimRight(line, " ")), "…", ".*"))
		b.WriteString(`[ \t]*\n`)
	}
	if !s.background {
		b.WriteString(`\z`)
	}
	return regexp.MustCompile(b.String())
}
