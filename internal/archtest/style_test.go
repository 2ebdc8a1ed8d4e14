package archtest

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"
	"testing"
)

func TestMainIsTiny(t *testing.T) {
	t.Parallel()
	if n := strings.Count(read(t, "cmd/clodo/main.go"), "\n"); n >= 25 {
		t.Errorf("cmd/clodo/main.go has %d lines; it only wires streams and signals, in fewer than 25", n)
	}
}

func TestFilesAreShort(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		limit := 600
		if s.test {
			limit = 900
		}
		if n := s.set.File(s.file.Pos()).LineCount(); n > limit {
			t.Errorf("%s has %d lines, more than %d: a file is one concept", s.path, n, limit)
		}
	}
}

// Hidden state makes two operators in one process disturb each other.
func TestNoHiddenState(t *testing.T) {
	t.Parallel()
	byPkg := map[string][]source{}
	for _, s := range sources(t) {
		if !s.test {
			byPkg[s.pkg] = append(byPkg[s.pkg], s)
		}
	}
	for _, pkg := range byPkg {
		vars := map[string]*ast.ValueSpec{}
		for _, s := range pkg {
			for _, d := range s.file.Decls {
				switch d := d.(type) {
				case *ast.FuncDecl:
					if d.Name.Name == "init" && d.Recv == nil {
						t.Errorf("%s: init runs before main and cannot fail; call it from where it is needed", s.at(d.Pos()))
					}
				case *ast.GenDecl:
					checkVars(t, s, d, vars)
				}
			}
		}
		for _, s := range pkg {
			checkWrites(t, s, vars)
		}
	}
}

// checkVars collects the package's variables and refuses those that are born
// without a value or as something that exists to be changed.
func checkVars(t *testing.T, s source, d *ast.GenDecl, vars map[string]*ast.ValueSpec) {
	t.Helper()
	if d.Tok != token.VAR {
		return
	}
	for _, spec := range d.Specs {
		v := spec.(*ast.ValueSpec)
		doc := text(d.Doc) + text(v.Doc)
		outside := strings.Contains(doc, "//go:embed ") || strings.Contains(doc, "-ldflags") // the build gives the value
		for _, name := range v.Names {
			if name.Name == "_" {
				continue
			}
			vars[name.Name] = v
			if len(v.Values) == 0 && !outside {
				t.Errorf("%s: variable %s of the package has no value, so something must change it", s.at(name.Pos()), name.Name)
			}
		}
		for _, value := range v.Values {
			if call, ok := value.(*ast.CallExpr); ok {
				if f, ok := call.Fun.(*ast.Ident); ok && (f.Name == "make" || f.Name == "new") {
					t.Errorf("%s: a variable of the package starts empty, so something must change it", s.at(value.Pos()))
				}
			}
		}
	}
}

// checkWrites refuses every write to a variable of the package.
func checkWrites(t *testing.T, s source, vars map[string]*ast.ValueSpec) {
	t.Helper()
	written := func(e ast.Expr) {
		if name := ofPackage(e, vars); name != "" {
			t.Errorf("%s: changes %s, a variable of the package", s.at(e.Pos()), name)
		}
	}
	ast.Inspect(s.file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if n.Tok != token.DEFINE {
				for _, e := range n.Lhs {
					written(e)
				}
			}
		case *ast.IncDecStmt:
			written(n.X)
		case *ast.UnaryExpr:
			if n.Op == token.AND {
				written(n.X)
			}
		case *ast.CallExpr:
			if f, ok := n.Fun.(*ast.Ident); ok && (f.Name == "delete" || f.Name == "clear") && f.Obj == nil && len(n.Args) > 0 {
				written(n.Args[0])
			}
		}
		return true
	})
}

// ofPackage is the name of the package's variable that e is, or is a part of.
func ofPackage(e ast.Expr, vars map[string]*ast.ValueSpec) string {
	switch e := e.(type) {
	case *ast.Ident:
		spec, ok := vars[e.Name]
		// Obj is nil when the name is declared in another file of the package.
		if ok && (e.Obj == nil || e.Obj.Decl == spec) {
			return e.Name
		}
	case *ast.IndexExpr:
		return ofPackage(e.X, vars)
	case *ast.SelectorExpr:
		return ofPackage(e.X, vars)
	case *ast.ParenExpr:
		return ofPackage(e.X, vars)
	}
	return ""
}

func text(g *ast.CommentGroup) string {
	if g == nil {
		return ""
	}
	var b strings.Builder
	for _, c := range g.List {
		b.WriteString(c.Text + "\n")
	}
	return b.String()
}

// One place prints and one place ends the process; everything else returns.
func TestOnlyTheFacesPrint(t *testing.T) {
	t.Parallel()
	mayPrint := []string{"internal/cli", "internal/term", "cmd/clodo", "bench", "operator/demo/services/stock"}
	for _, s := range sources(t) {
		if s.test || forTests(s.pkg) || slices.Contains(mayPrint, s.pkg) {
			continue
		}
		imports := s.imports(t)
		ast.Inspect(s.file, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			x, ok := sel.X.(*ast.Ident)
			if !ok || x.Obj != nil {
				return true
			}
			name := x.Name + "." + sel.Sel.Name
			banned := []string{"os.Stdout", "os.Stderr", "os.Exit", "fmt.Print", "fmt.Println", "fmt.Printf", "log.Print", "log.Printf", "log.Println", "log.Fatal", "log.Fatalf"}
			if _, std := imports[x.Name]; std && slices.Contains(banned, name) {
				t.Errorf("%s: uses %s; only the command line prints, and only main ends the process", s.at(sel.Pos()), name)
			}
			return true
		})
	}
}
