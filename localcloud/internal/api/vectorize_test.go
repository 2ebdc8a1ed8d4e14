package api_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestVectorIndexesAreMadeSearchedAndDeleted(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	const base = "/A/vectorize/v2/indexes"
	config := func(dimensions int, metric string) j { return j{"dimensions": dimensions, "metric": metric} }
	c.call("POST", base, j{"name": "words", "description": "of books", "config": config(3, "cosine")}).ok(nil)
	c.call("POST", base, j{"name": "words", "config": config(3, "cosine")}).refused(409, 3002)
	c.call("POST", base, j{"name": "wide", "config": config(1537, "cosine")}).refused(400, 3004)
	c.call("POST", base, j{"name": "odd", "config": config(3, "manhattan")}).refused(400, 3005)
	c.call("POST", base, j{"name": "model", "config": j{"preset": "@cf/baai/bge-base-en-v1.5"}}).ok(nil)
	c.call("POST", base, j{"name": "nomodel", "config": j{"preset": "gpt"}}).refused(400, 3004)
	var made struct {
		Config struct {
			Dimensions int
			Metric     string
		}
	}
	c.call("GET", base+"/model", nil).ok(&made)
	if made.Config.Dimensions != 768 || made.Config.Metric != "cosine" {
		t.Errorf("the preset made %+v", made)
	}
	c.call("DELETE", base+"/model", nil).ok(nil)
	c.call("GET", base+"/model", nil).refused(404, 3000)
	var all []j
	c.call("GET", base, nil).ok(&all)
	if len(all) != 1 {
		t.Errorf("%d indexes, want 1", len(all))
	}

	const words = base + "/words"
	c.call("POST", words+"/metadata_index/create", j{"propertyName": "kind", "indexType": "string"}).ok(nil)
	c.call("POST", words+"/metadata_index/create", j{"propertyName": "kind", "indexType": "string"}).refused(409, 40019)
	c.call("POST", words+"/metadata_index/create", j{"propertyName": "gone", "indexType": "number"}).ok(nil)
	c.call("POST", words+"/metadata_index/delete", j{"propertyName": "gone"}).ok(nil)
	var properties struct{ MetadataIndexes []map[string]string }
	c.call("GET", words+"/metadata_index/list", nil).ok(&properties)
	if diff := cmp.Diff([]map[string]string{{"propertyName": "kind", "indexType": "string"}}, properties.MetadataIndexes); diff != "" {
		t.Errorf("metadata indexes (-want +got):\n%s", diff)
	}

	lines := `{"id":"cat","values":[1,0,0],"metadata":{"kind":"animal"}}` + "\n" + `{"id":"dog","values":[0.9,0.1,0],"metadata":{"kind":"animal"},"namespace":"n"}` + "\n"
	c.send("POST", words+"/insert", "application/x-ndjson", strings.NewReader(lines)).ok(nil)
	c.send("POST", words+"/insert", "application/x-ndjson", strings.NewReader("not json")).refused(400, 40009)
	f := upload(j{})
	f.part("vectors", "vectors.ndjson", "application/x-ndjson", `{"id":"car","values":[0,0,1],"metadata":{"kind":"thing"}}`)
	c.send("POST", words+"/upsert?unparsable-behavior=discard", f.w.FormDataContentType(), bytes.NewReader(f.close(t))).ok(nil)
	c.send("POST", words+"/upsert", upload(j{}).w.FormDataContentType(), strings.NewReader("--x")).refused(400, 10026)
	var found struct {
		Count   int
		Matches []struct {
			ID       string
			Score    float64
			Metadata map[string]string
		}
	}
	c.call("POST", words+"/query", j{"vector": []float64{1, 0, 0}, "topK": 2, "returnMetadata": "all", "filter": j{"kind": "animal"}}).ok(&found)
	if found.Count != 2 || found.Matches[0].ID != "cat" || found.Matches[0].Score != 1 || found.Matches[1].Metadata["kind"] != "animal" {
		t.Errorf("found %+v", found)
	}
	c.call("POST", words+"/query", j{"vector": []float64{1, 0}}).refused(400, 40006)
	var got []j
	c.call("POST", words+"/get_by_ids", j{"ids": []string{"dog"}}).ok(&got)
	if len(got) != 1 || got[0]["namespace"] != "n" {
		t.Errorf("by ids: %v", got)
	}
	c.call("POST", words+"/delete_by_ids", j{"ids": []string{"dog"}}).ok(nil)
	c.call("POST", words+"/delete_by_ids", j{"ids": []string{}}).refused(400, 40011)
	c.call("GET", words+"/info", nil).ok(nil)
	var page struct {
		TotalCount int
		NextCursor string
		Vectors    []struct{ ID string }
	}
	c.call("GET", words+"/list?count=1", nil).ok(&page)
	first := page.Vectors[0].ID
	c.call("GET", words+"/list?count=1&cursor="+page.NextCursor, nil).ok(&page)
	if page.TotalCount != 2 || first != "car" || page.Vectors[0].ID != "cat" {
		t.Errorf("pages of %d: %s, then %v", page.TotalCount, first, page.Vectors)
	}
	c.call("GET", words+"/list?cursor=***", nil).refused(400, 10004)

	bind := func(name string) *form {
		return upload(meta(j{"bindings": []j{{"name": "V", "type": "vectorize", "index_name": name}}}), "index.js", hello)
	}
	c.call("PUT", "/S", bind("words")).ok(nil)
	c.call("PUT", "/S", bind("others")).refused(404, 3000)
}
