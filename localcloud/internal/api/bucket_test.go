package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// with is the same client that sends a header too.
func (c *client) with(name, value string) *client {
	d := *c
	d.header = http.Header{name: {value}}
	return &d
}

type bucketJSON struct {
	Name, Location, Jurisdiction string
	Class                        string `json:"storage_class"`
}

func TestBucketsAreMadeListedChangedAndDeleted(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	var got bucketJSON
	c.call("POST", "/A/r2/buckets", j{"name": "photos", "locationHint": "WEUR"}).ok(&got)
	if diff := cmp.Diff(bucketJSON{"photos", "WEUR", "default", "Standard"}, got); diff != "" {
		t.Errorf("made (-want +got):\n%s", diff)
	}
	c.call("POST", "/A/r2/buckets", j{"name": "photos"}).refused(409, 10004)
	c.call("POST", "/A/r2/buckets", j{"name": "archive", "storageClass": "InfrequentAccess"}).ok(nil)
	c.with("Cf-R2-Jurisdiction", "eu").call("POST", "/A/r2/buckets", j{"name": "photos"}).ok(&got)
	if got.Jurisdiction != "eu" {
		t.Errorf("made in the EU: %+v", got)
	}
	for what, body := range map[string]j{
		"a short name":                {"name": "ab"},
		"a long name":                 {"name": strings.Repeat("a", 64)},
		"an upper-case name":          {"name": "Photos"},
		"a name that begins with '-'": {"name": "-photos"},
		"a name with a slash":         {"name": "a/../b"},
		"no name":                     {},
	} {
		if a := c.call("POST", "/A/r2/buckets", body); a.status != 400 || a.Errors[0].Code != 10005 {
			t.Errorf("%s: %d %s", what, a.status, a.body)
		}
	}
	c.call("POST", "/A/r2/buckets", j{"name": "other", "storageClass": "Cheap"}).refused(400, 10029)
	c.call("POST", "/A/r2/buckets", j{"name": "other", "locationHint": "mars"}).refused(400, 10029)
	c.with("Cf-R2-Jurisdiction", "moon").call("GET", "/A/r2/buckets", nil).refused(400, 10029)

	c.with("Cf-R2-Storage-Class", "InfrequentAccess").call("PATCH", "/A/r2/buckets/photos", nil).ok(nil)
	c.with("Cf-R2-Storage-Class", "Cheap").call("PATCH", "/A/r2/buckets/photos", nil).refused(400, 10029)
	c.call("GET", "/A/r2/buckets/photos", nil).ok(&got)
	if got.Class != "InfrequentAccess" {
		t.Errorf("changed: %+v", got)
	}
	c.call("PUT", "/A/r2/buckets/photos/objects/a", []byte("x")).ok(nil)
	c.call("DELETE", "/A/r2/buckets/photos", nil).refused(409, 10008)
	c.call("DELETE", "/A/r2/buckets/photos/objects/a", nil).ok(nil)
	c.call("DELETE", "/A/r2/buckets/photos", nil).ok(nil)
	c.call("DELETE", "/A/r2/buckets/photos", nil).refused(404, 10006)
	c.call("GET", "/A/r2/buckets/photos", nil).refused(404, 10006)
	c.with("Cf-R2-Jurisdiction", "eu").call("GET", "/A/r2/buckets/photos", nil).ok(nil)
}

func TestTheListOfBucketsHasPages(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	for i := range 5 {
		c.call("POST", "/A/r2/buckets", j{"name": fmt.Sprint("bucket-", i)}).ok(nil)
	}
	c.call("POST", "/A/r2/buckets", j{"name": "other"}).ok(nil)
	for query, want := range map[string]string{
		"?per_page=2&name_contains=bucket":                "bucket-0 bucket-1 | bucket-2 bucket-3 | bucket-4",
		"?per_page=3":                                     "bucket-0 bucket-1 bucket-2 | bucket-3 bucket-4 other",
		"?per_page=4&order=name&direction=desc":           "other bucket-4 bucket-3 bucket-2 | bucket-1 bucket-0",
		"?start_after=bucket-3":                           "bucket-4 other",
		"?start_after=bucket-1&direction=desc&per_page=9": "bucket-0",
		"?name_contains=nothing":                          "",
	} {
		var pages []string
		cursor := ""
		for {
			var found struct{ Buckets []bucketJSON }
			a := c.call("GET", "/A/r2/buckets"+query+cursor, nil).ok(&found)
			var names []string
			for _, b := range found.Buckets {
				names = append(names, b.Name)
			}
			pages = append(pages, strings.Join(names, " "))
			next, _ := a.Info["cursor"].(string)
			if next == "" {
				break
			}
			cursor = "&cursor=" + next
		}
		if got := strings.Join(pages, " | "); got != want {
			t.Errorf("%s: got %q, want %q", query, got, want)
		}
	}
	c.call("GET", "/A/r2/buckets?cursor=!", nil).refused(400, 10029)
}

func TestObjectsArePutAndReadThroughTheAPI(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.call("POST", "/A/r2/buckets", j{"name": "files"}).ok(nil)
	at := "/A/r2/buckets/files/objects"
	c.send("PUT", at+"/a/b%20c/%C3%BC.txt", "text/plain", strings.NewReader("hello")).ok(nil)
	c.call("PUT", at+"/folder/", []byte{}).ok(nil)
	var put struct{ Key, Size, ETag string }
	c.call("PUT", at+"/a%2Fd", []byte("data")).ok(&put)
	if put.Key != "a/d" || put.Size != "4" || put.ETag != "8d777f385d3dfec8815d20f7496026dc" {
		t.Errorf("put: %+v", put)
	}
	a := c.call("GET", at+"/a/b%20c/ü.txt", nil).ok(nil)
	if string(a.body) != "hello" || a.header.Get("Content-Type") != "text/plain" || a.header.Get("ETag") != `"5d41402abc4b2a76b9719d911017c592"` {
		t.Errorf("get: %q %v", a.body, a.header)
	}
	if a := c.with("If-None-Match", a.header.Get("ETag")).call("GET", at+"/a/b%20c/ü.txt", nil); a.status != 304 || len(a.body) != 0 {
		t.Errorf("a known object: %d %q", a.status, a.body)
	}
	if a := c.with("If-Modified-Since", a.header.Get("Last-Modified")).call("GET", at+"/a/b%20c/ü.txt", nil); a.status != 304 {
		t.Errorf("an object that was not changed: %d", a.status)
	}
	var listed []struct{ Key string }
	a = c.call("GET", at+"?delimiter=%2F", nil).ok(&listed)
	if diff := cmp.Diff([]any{"a/", "folder/"}, a.Info["delimited"]); diff != "" || len(listed) != 0 {
		t.Errorf("listed %v (-want +got):\n%s", listed, diff)
	}
	a = c.call("GET", at+"?prefix=a/&per_page=1", nil).ok(&listed)
	if len(listed) != 1 || listed[0].Key != "a/b c/ü.txt" || a.Info["is_truncated"] != true {
		t.Errorf("the first page: %v %v", listed, a.Info)
	}
	c.call("GET", at+"?prefix=a/&per_page=1&cursor="+a.Info["cursor"].(string), nil).ok(&listed)
	if len(listed) != 1 || listed[0].Key != "a/d" {
		t.Errorf("the second page: %v", listed)
	}
	c.call("GET", at+"/nothing", nil).refused(404, 10007)
	c.call("PUT", at+"/"+strings.Repeat("k", 1025), []byte("x")).refused(400, 10020)
	c.with("Cf-R2-Storage-Class", "Cheap").call("PUT", at+"/k", []byte("x")).refused(400, 10029)
	c.with("Expires", "soon").call("PUT", at+"/k", []byte("x")).refused(400, 10029)
	c.call("PUT", "/A/r2/buckets/nothing/objects/k", []byte("x")).refused(404, 10006)
	c.call("GET", "/A/r2/buckets/nothing/objects", nil).refused(404, 10006)
	c.call("GET", at+"?per_page=1001", nil).refused(400, 10004)
	c.call("DELETE", at, []string{"a/d", "none"}).ok(nil)
	c.call("DELETE", at, j{}).refused(400, 10026)
	c.call("DELETE", at+"?prefix=a/", nil).refused(501, 7003)
	c.call("GET", at+"/a/d", nil).refused(404, 10007)
}

func TestABindingToABucketThatDoesNotExistIsRefused(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.call("POST", "/A/r2/buckets", j{"name": "files"}).ok(nil)
	c.deployed(j{"bindings": []j{{"type": "r2_bucket", "name": "FILES", "bucket_name": "files"}}})
	for _, missing := range []j{{"bucket_name": "nothing"}, {"bucket_name": "files", "jurisdiction": "eu"}} {
		missing["type"], missing["name"] = "r2_bucket", "FILES"
		c.call("PUT", "/S", upload(meta(j{"bindings": []j{missing}}), "index.js", hello)).refused(400, 10085)
	}
	c.call("PUT", "/S", upload(meta(j{"bindings": []j{{"type": "r2_bucket", "name": "FILES"}}}), "index.js", hello)).refused(400, 10021)
}

func TestABucketHasRules(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.call("POST", "/A/r2/buckets", j{"name": "files"}).ok(nil)
	at := "/A/r2/buckets/files"
	var got struct{ Rules []j }
	c.call("GET", at+"/lifecycle", nil).ok(&got)
	if len(got.Rules) != 1 || got.Rules[0]["id"] != "Default Multipart Abort Rule" {
		t.Errorf("a new bucket has %v", got.Rules)
	}
	expire := j{"id": "old", "enabled": true, "conditions": j{}, "deleteObjectsTransition": j{"condition": j{"type": "Age", "maxAge": 86400}}}
	c.call("PUT", at+"/lifecycle", j{"rules": []j{expire}}).ok(nil)
	got.Rules = nil
	c.call("GET", at+"/lifecycle", nil).ok(&got)
	expire["conditions"] = map[string]any{"prefix": ""}
	if diff := cmp.Diff(fmt.Sprint([]j{expire}), fmt.Sprint(got.Rules)); diff != "" {
		t.Errorf("lifecycle (-want +got):\n%s", diff)
	}
	c.call("PUT", at+"/lifecycle", j{"rules": []j{{"id": "", "enabled": true}}}).refused(400, 10029)
	c.call("PUT", at+"/lifecycle", j{"rules": "none"}).refused(400, 10026)
	c.call("PUT", at+"/lifecycle", j{}).ok(nil)
	c.call("GET", at+"/lifecycle", nil).ok(&got)
	if len(got.Rules) != 0 {
		t.Errorf("after all were removed there are %v", got.Rules)
	}

	c.call("PUT", at+"/objects/safe", []byte("x")).ok(nil)
	c.call("PUT", at+"/lock", j{"rules": []j{{"id": "keep", "enabled": true, "prefix": "sa", "condition": j{"type": "Indefinite"}}}}).ok(nil)
	c.call("GET", at+"/lock", nil).ok(&got)
	if len(got.Rules) != 1 {
		t.Errorf("locks: %v", got.Rules)
	}
	c.call("DELETE", at+"/objects/safe", nil).refused(403, 10069)
	c.call("PUT", at+"/lock", j{"rules": []j{{"id": "keep", "condition": j{"type": "Maybe"}}}}).refused(400, 10029)

	c.call("GET", at+"/cors", nil).refused(404, 10059)
	c.call("PUT", at+"/cors", j{"rules": []j{{"allowed": j{"methods": []string{"GET"}, "origins": []string{"*"}}, "maxAgeSeconds": 60}}}).ok(nil)
	c.call("PUT", at+"/cors", j{"rules": []j{{"allowed": j{}}}}).refused(400, 10029)
	c.call("GET", at+"/cors", nil).ok(&got)
	if len(got.Rules) != 1 || got.Rules[0]["maxAgeSeconds"] != 60.0 {
		t.Errorf("CORS: %v", got.Rules)
	}
	c.call("DELETE", at+"/cors", nil).ok(nil)
	c.call("GET", at+"/cors", nil).refused(404, 10059)
	for _, path := range []string{"/lifecycle", "/lock", "/cors"} {
		c.call("GET", "/A/r2/buckets/none"+path, nil).refused(404, 10006)
		c.call("PUT", "/A/r2/buckets/none"+path, j{}).refused(404, 10006)
	}
	for _, path := range []string{"/domains/managed", "/domains/custom", "/sippy", "/event_notifications"} {
		c.call("GET", at+path, nil).refused(501, 7003)
	}
}
