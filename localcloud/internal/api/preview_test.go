package api_test

import "testing"

func TestAVersionHasAPreviewWhileItsWorkerHas(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.deployed()
	uploaded := func(annotations j) (id string, preview bool) {
		var v struct {
			ID       string
			Metadata struct {
				HasPreview bool `json:"hasPreview"`
			}
		}
		c.call("POST", "/S/versions", upload(meta(j{"annotations": annotations}), "index.js", hello)).ok(&v)
		return v.ID, v.Metadata.HasPreview
	}
	if id, preview := uploaded(nil); preview {
		t.Errorf("version %s is said to have a preview, its Worker has none", id)
	}
	c.call("POST", "/S/subdomain", j{"enabled": false, "previews_enabled": true}).ok(nil)
	if w, _ := c.stage.worker("web"); w.Previews != "web.shop.workers.dev" || w.WorkersDev != "" {
		t.Errorf("it answers at %q, and previews at %q", w.WorkersDev, w.Previews)
	}
	first, preview := uploaded(j{"workers/alias": "branch"})
	if !preview {
		t.Errorf("version %s is said to have no preview", first)
	}
	second, _ := uploaded(j{"workers/alias": "branch"})
	for name, want := range map[string]string{first[:8]: first, second[:8]: second, "branch": second, first[:7]: "", "Branch": "", "": "", first: ""} {
		v, err := c.api.Previewed(t.Context(), account, "web", name)
		check(t, err)
		got := ""
		if v != nil {
			got = v.ID
		}
		if got != want {
			t.Errorf("%q is version %q, want %q", name, got, want)
		}
	}
	for _, stranger := range [][2]string{{account, "other"}, {"other", "web"}} {
		if v, err := c.api.Previewed(t.Context(), stranger[0], stranger[1], "branch"); v != nil || err != nil {
			t.Errorf("%v: %+v, %v", stranger, v, err)
		}
	}
	c.call("PUT", "/S", upload(meta(j{"migrations": j{"new_tag": "v1", "new_sqlite_classes": []string{"Counter"}}}), "index.js", hello+"\nexport class Counter {}")).ok(nil)
	var details struct {
		Metadata struct {
			HasPreview bool `json:"hasPreview"`
		}
	}
	c.call("GET", "/S/versions/"+first, nil).ok(&details)
	if details.Metadata.HasPreview {
		t.Error("a version of a Worker with durable objects is said to have a preview")
	}
}
