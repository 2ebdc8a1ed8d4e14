package paritytest

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/internal/npmtest"
)

// difference is something in which clodo's uploads differ from wrangler's on purpose.
type difference struct {
	what, why string
	version   string                        // of wrangler, "" for all
	level     func(wrangler, clodo *upload) // makes both the same in this
}

// differences are all there are.
func differences() []difference {
	both := func(level func(*upload)) func(w, c *upload) {
		return func(w, c *upload) {
			level(w)
			level(c)
		}
	}
	return []difference{
		{
			what: "clodo annotates each version",
			why:  "the tag finds an upload whose answer was lost, and tells whether a target is already as planned",
			level: func(_, c *upload) {
				a, _ := c.Metadata["annotations"].(map[string]any)
				if tag, _ := a["workers/tag"].(string); strings.HasPrefix(tag, "clodo/1 ") {
					delete(c.Metadata, "annotations")
				}
			},
		},
		{
			what:    "wrangler sends code_update_strategy with a PUT also when the file says nothing",
			why:     "it is about when running durable objects get new code; clodo leaves Cloudflare's own default, as older wranglers do",
			version: npmtest.WranglerCurrent,
			level: func(w, c *upload) {
				if _, asked := c.Metadata["code_update_strategy"]; !asked {
					delete(w.Metadata, "code_update_strategy")
				}
			},
		},
		{
			what:    "wrangler sends package_dependencies, the npm packages of the project",
			why:     "Cloudflare does not need it to run the Worker, and nobody asked for it to be told",
			version: npmtest.WranglerCurrent,
			level:   func(w, _ *upload) { delete(w.Metadata, "package_dependencies") },
		},
		{
			what:  "clodo's parts are the main module and then the others by name, wrangler's as its build came across them",
			why:   "their order means nothing, and the same project is to make the same upload",
			level: both(func(u *upload) { slices.Sort(u.Order) }),
		},
		{
			what: "the bindings of a service worker's parts are in the order of the parts",
			why:  "their order means nothing",
			level: both(func(u *upload) {
				if list, _ := u.Metadata["bindings"].([]any); u.Metadata["body_part"] != nil {
					slices.SortFunc(list, func(a, b any) int { return strings.Compare(indented(a), indented(b)) })
				}
			}),
		},
		{
			what: "wrangler's file names of a service worker's parts are paths",
			why:  "parts are found by their names; those are the same",
			level: func(w, _ *upload) {
				for name, p := range w.Parts {
					if w.Metadata["body_part"] != nil {
						p.FileName = name
						w.Parts[name] = p
					}
				}
			},
		},
		{
			what: "wrangler's source maps name its temporary folder for modules that are not JavaScript",
			why:  "it is another one each time",
			level: func(w, _ *upload) {
				for name, p := range w.Parts {
					if isMap(name) {
						p.Text = temporary.ReplaceAllString(p.Text, "")
						w.Parts[name] = p
					}
				}
			},
		},
		{
			what: "the JSON of source maps has its keys in another order, and no empty sourceRoot",
			why:  "it is the same source map",
			level: both(func(u *upload) {
				for name, p := range u.Parts {
					var m map[string]any
					if isMap(name) && json.Unmarshal([]byte(p.Text), &m) == nil {
						if m["sourceRoot"] == "" {
							delete(m, "sourceRoot")
						}
						p.Text = indented(m)
						u.Parts[name] = p
					}
				}
			}),
		},
		{
			what:    "clodo says that secrets are kept",
			why:     "so does the current wrangler; the older one leaves it to the API",
			version: npmtest.WranglerOld,
			level: func(w, c *upload) {
				if w.Metadata["keep_bindings"] == nil {
					delete(c.Metadata, "keep_bindings")
				}
			},
		},
		{
			what:    "clodo uploads source maps unless upload_source_maps is false",
			why:     "so does the current wrangler; the older one only when it is true",
			version: npmtest.WranglerOld,
			level: func(w, c *upload) {
				if slices.ContainsFunc(w.Order, isMap) {
					return
				}
				c.Order = slices.DeleteFunc(c.Order, isMap)
				for name := range c.Parts {
					if isMap(name) {
						delete(c.Parts, name)
					}
				}
			},
		},
	}
}

var temporary = regexp.MustCompile(`\.wrangler/tmp/deploy-\w+/`)

func isMap(name string) bool { return strings.HasSuffix(name, ".map") }

func indented(v any) string {
	raw, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		panic(err) // it came from JSON
	}
	return string(raw)
}
