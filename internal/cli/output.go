package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/term"
)

// finish shows the answer and the error of the command at path and gives the exit
// code: the worse of what the answer and the error ask for.
func (a *app) finish(path string, err error) diag.Exit {
	problems := diag.Errors(err)
	exit := diag.WorstExit(a.reply.Exit, diag.ExitOf(err))
	shown := a.replied || err != nil // help has answered already
	switch {
	case !shown, a.reply.Own && err == nil:
	case a.term.Machine():
		a.writeDocument(path, exit, problems)
	default:
		a.writeText(problems)
	}
	a.annotate(problems)
	a.summarize(path, exit)
	return exit
}

// writeText shows warnings, then the answer, then what went wrong.
func (a *app) writeText(problems []*diag.Error) {
	talk, render := a.term.Err(), a.findingRenderer()
	told := allDetails(problems)
	var extra []diag.Finding
	for _, f := range a.reply.Findings {
		if !slices.Contains(told, f) && !a.term.Quiet() {
			extra = append(extra, f)
		}
	}
	_ = render.Render(talk, extra) // a stderr that is gone leaves nobody to tell
	if a.reply.Text != nil {
		a.reply.Text(a.term.Out())
	}
	for i, p := range problems {
		if i > 0 || len(extra) > 0 {
			fmt.Fprintln(talk)
		}
		_ = render.Render(talk, p.Details())
		if len(p.Findings) > 1 {
			fmt.Fprintf(talk, "\n%s. ", diag.Summary(p.Findings))
		}
		if p.State != "" {
			fmt.Fprintln(talk, p.State)
		} else if len(p.Findings) > 1 {
			fmt.Fprintln(talk)
		}
	}
}

func (a *app) findingRenderer() diag.Renderer {
	s := a.term.ErrStyle()
	return diag.Renderer{Error: s.Red, Warning: s.Yellow, Note: s.Cyan, Message: s.Bold, Place: s.Dim, Mark: s.Red}
}

func allDetails(problems []*diag.Error) []diag.Finding {
	var all []diag.Finding
	for _, p := range problems {
		all = append(all, p.Details()...)
	}
	return all
}

// message is a finding in a JSON document.
type message struct {
	Code      string `json:"code"`
	Message   string `json:"message"`
	Why       string `json:"why,omitempty"`
	Fix       string `json:"fix,omitempty"`
	State     string `json:"state,omitempty"`
	Retryable bool   `json:"retryable"`
	File      string `json:"file,omitempty"`
	Line      int    `json:"line,omitempty"`
	Column    int    `json:"column,omitempty"`
}

func newMessage(f diag.Finding, state string, retryable bool) message {
	return message{f.Code, f.Message, f.Why, f.Fix, state, retryable, f.Pos.File, f.Pos.Line, f.Pos.Column}
}

// schemaOf names the form of a command's document: "clodo secret set" gives
// clodo.secret-set/v1. The number grows when a field changes its meaning or goes.
func schemaOf(path string) string {
	name := strings.Join(strings.Fields(path)[1:], "-")
	if name == "" {
		name = "error"
	}
	return "clodo." + name + "/v1"
}

// writeDocument is the one JSON document of a command: head, the fields of the
// answer, warnings and errors. Success and failure have the same form.
func (a *app) writeDocument(path string, exit diag.Exit, problems []*diag.Error) {
	warnings, errs := []message{}, []message{}
	for _, p := range problems {
		for _, f := range p.Details() {
			if f.Severity == diag.SeverityError || f.Severity == "" {
				errs = append(errs, newMessage(f, p.State, p.Retryable))
			} else {
				warnings = append(warnings, newMessage(f, "", false))
			}
		}
	}
	told := allDetails(problems)
	for _, f := range a.reply.Findings {
		if f.Severity != diag.SeverityError && !slices.Contains(told, f) {
			warnings = append(warnings, newMessage(f, "", false))
		}
	}
	var doc bytes.Buffer
	doc.WriteString("{")
	if a.term.Format() == term.NDJSON {
		doc.WriteString(`"type":"result",`)
	}
	field := func(name string, value any) {
		doc.WriteString(fmt.Sprintf("%q:", name))
		doc.Write(encode(value))
	}
	field("schema", schemaOf(path))
	doc.WriteString(",")
	field("ok", len(problems) == 0 && (exit == diag.ExitOK || exit == diag.ExitChanges))
	doc.WriteString(",")
	field("exit", exit)
	if a.reply.Result != nil {
		if inner := bytes.TrimSpace(encode(a.reply.Result)); len(inner) > 2 {
			doc.WriteString(",")
			doc.Write(inner[1 : len(inner)-1])
		}
	}
	doc.WriteString(",")
	field("warnings", warnings)
	doc.WriteString(",")
	field("errors", errs)
	doc.WriteString("}")

	out := doc.Bytes()
	if a.term.Format() == term.JSON {
		var pretty bytes.Buffer
		if err := json.Indent(&pretty, out, "", "  "); err != nil {
			panic(fmt.Errorf("the document of %s is no JSON: %w", path, err))
		}
		out = pretty.Bytes()
	}
	_, _ = a.term.Out().Write(append(out, '\n'))
}

// encode is the JSON form of v, which holds no type without one.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(fmt.Errorf("%T has no JSON form: %w", v, err))
	}
	return bytes.TrimSpace(b.Bytes())
}

func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}
