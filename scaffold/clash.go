package scaffold

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/project"
)

// inTheWay is what there is where a service is to be made.
type inTheWay struct {
	new       *Creation
	declared  *project.Service // what clodo.yaml has under the name; nil: nothing
	blocked   []string         // why files cannot be put in their places at all
	strangers []string         // files in the folder that are none of the new service's
}

// refuse is the error that keeps what is there, nil when nothing is lost. What force
// cannot overwrite is told alone, each with its own way out; the rest in one message.
func (w inTheWay) refuse(force bool) error {
	var found []diag.Finding
	tell := func(f diag.Finding) {
		f.Code, f.Severity = "S103", diag.SeverityError
		found = append(found, f)
	}
	for _, what := range w.blocked {
		tell(diag.Finding{Message: what, Fix: "move it away, or choose another name"})
	}
	switch s := w.declared; {
	case s != nil && s.Dir != w.new.Path:
		tell(diag.Finding{Message: fmt.Sprintf("clodo.yaml has a service %q in %s", s.Name, s.Dir), Fix: "choose another name", Pos: s.Pos})
	case !force && len(found) == 0:
		if f := w.told(); f.Message != "" {
			tell(f)
		}
	}
	if len(found) == 0 {
		return nil
	}
	return &diag.Error{Finding: found[0], Findings: found, State: diag.NothingChanged, Exit: diag.ExitConfig}
}

// told is what somebody has to know who may take --force: how much of the folder is not
// as it would be made, and what force does to it. It is empty when nothing is in the way.
func (w inTheWay) told() (f diag.Finding) {
	var missing, others []string
	for _, file := range w.new.Files {
		name := strings.TrimPrefix(file.Path, w.new.Path+"/")
		switch file.Action {
		case Create:
			missing = append(missing, name)
		case Overwrite:
			others = append(others, name)
		}
	}
	there := len(missing) < len(w.new.Files) || len(w.strangers) > 0
	if w.declared == nil && len(others)+len(w.strangers) == 0 {
		return diag.Finding{}
	}
	var strangers, why, force []string
	for _, name := range w.strangers {
		strangers = append(strangers, strings.TrimPrefix(name, w.new.Path+"/"))
	}
	if n := len(others); n > 0 {
		why, force = append(why, "different: "+some(others)), append(force, fmt.Sprintf("overwrites %d", n))
	}
	if n := len(strangers); n > 0 {
		why, force = append(why, "not part of it: "+some(strangers)), append(force, fmt.Sprintf("leaves %d as they are", n))
	}
	if n := len(missing); n > 0 && w.declared != nil {
		why, force = append(why, "missing: "+some(missing)), append(force, fmt.Sprintf("makes %d", n))
	}
	what := "a new " + w.new.Type
	f.Message = fmt.Sprintf("%s/ is there already, and differs from %s in %s", w.new.Path, what, files(len(others)+len(strangers)))
	if w.declared != nil {
		f.Pos = w.declared.Pos
		f.Message = fmt.Sprintf("the service %q is there already, and %s/ differs from %s in %s", w.new.Service, w.new.Path, what, files(len(others)+len(strangers)+len(missing)))
	}
	f.Why, f.Fix = strings.Join(why, "; "), "choose another name, or --force, which "+strings.Join(force, " and ")
	switch {
	case !there:
		f.Message, f.Why = fmt.Sprintf("clodo.yaml has a service %q already, whose folder %s/ is empty", w.new.Service, w.new.Path), ""
	case len(force) == 0:
		f.Message, f.Fix = fmt.Sprintf("the service %q is there already, as it would be made", w.new.Service), "choose another name"
	}
	return f
}

// strangersIn lists what lies in a folder beside the files that are to be there.
func strangersIn(root *os.Root, dir string, files []File) ([]string, error) {
	var found []string
	err := fs.WalkDir(root.FS(), dir, func(name string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || d.IsDir() {
			return err
		}
		if !slices.ContainsFunc(files, func(f File) bool { return f.Path == name }) {
			found = append(found, name)
		}
		return nil
	})
	return found, err
}

// some is the first names of a list, and how many more there are.
func some(names []string) string {
	const most = 4
	if len(names) <= most+1 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

func files(n int) string {
	if n == 1 {
		return "1 file"
	}
	return fmt.Sprintf("%d files", n)
}
