package api_test

import (
	"bytes"
	"testing"
)

func TestDNSRecordsThatExcludeEachOther(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	records := "/Z/dns_records"
	record := func(kind, name, content string) j {
		return j{"type": kind, "name": name, "content": content, "ttl": 1}
	}
	for _, r := range []j{record("A", "a", "192.0.2.1"), record("A", "a", "192.0.2.2"), record("AAAA", "a", "2001:db8::1"), record("CNAME", "c", "other.example"), record("TXT", "c", "beside it")} {
		c.call("POST", records, r).ok(nil)
	}
	c.deployed()
	c.call("PUT", "/A/workers/domains", j{"hostname": "w.shop.example", "service": "web", "zone_id": zoneID}).ok(nil)
	c.call("POST", records, record("TXT", "w", "beside a custom domain")).ok(nil)
	for name, test := range map[string]struct {
		record j
		code   int
	}{
		"an address beside that of a custom domain": {record("A", "w", "192.0.2.1"), 81062},
		"a CNAME beside that of a custom domain":    {record("CNAME", "w", "other.example"), 81062},
		"the address of a custom domain":            {record("AAAA", "w", "100::"), 81062},

		"the same again":                  {record("A", "a.shop.example", "192.0.2.1"), 81058},
		"a CNAME beside an address":       {record("CNAME", "a", "other.example"), 81053},
		"an address beside a CNAME":       {record("AAAA", "c", "2001:db8::1"), 81053},
		"a second CNAME":                  {record("CNAME", "c", "third.example"), 81053},
		"a type that there is not":        {record("Q", "x", "192.0.2.1"), 1004},
		"an address that is none":         {record("A", "x", "192.0.2"), 9005},
		"an IPv6 address as A":            {record("A", "x", "2001:db8::1"), 9005},
		"an IPv4 address as AAAA":         {record("AAAA", "x", "192.0.2.1"), 9005},
		"a time to live of a few seconds": {j{"type": "A", "name": "x", "content": "192.0.2.1", "ttl": 5}, 1004},
	} {
		if got := c.call("POST", records, test.record); got.status != 400 || got.Errors[0].Code != test.code {
			t.Errorf("%s: %d %s, want code %d", name, got.status, got.body, test.code)
		}
	}
}

func TestABatchOfDNSRecordsIsDoneOrNot(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	ids := map[string]string{}
	for _, name := range []string{"a", "b", "c"} {
		var made struct{ ID string }
		c.call("POST", "/Z/dns_records", j{"type": "A", "name": name, "content": "192.0.2.1", "ttl": 1}).ok(&made)
		ids[name] = made.ID
	}
	contents := func() map[string]string {
		var all []struct{ Name, Content string }
		c.call("GET", "/Z/dns_records", nil).ok(&all)
		out := map[string]string{}
		for _, r := range all {
			out[r.Name] = r.Content
		}
		return out
	}
	batch := j{
		"deletes": []j{{"id": ids["a"]}},
		"patches": []j{{"id": ids["b"], "content": "192.0.2.2"}},
		"puts":    []j{{"id": ids["c"], "type": "A", "name": "c", "content": "192.0.2.3", "ttl": 1}},
		"posts":   []j{{"type": "CNAME", "name": "a", "content": "b.shop.example", "ttl": 1}}, // free since the delete
	}
	var done struct{ Deletes, Patches, Puts, Posts []struct{ Name string } }
	c.call("POST", "/Z/dns_records/batch", batch).ok(&done)
	got := contents()
	if len(done.Deletes) != 1 || len(done.Posts) != 1 || got["a.shop.example"] != "b.shop.example" || got["b.shop.example"] != "192.0.2.2" || got["c.shop.example"] != "192.0.2.3" {
		t.Errorf("done %+v, then %v", done, got)
	}
	c.call("POST", "/Z/dns_records/batch", j{"deletes": []j{{"id": ids["b"]}}, "posts": []j{{"type": "A", "name": "c", "content": "192.0.2.3", "ttl": 1}}}).refused(400, 81058)
	c.call("POST", "/Z/dns_records/batch", j{"deletes": []j{{"id": "nobody"}}}).refused(404, 81044)
	if _, there := contents()["b.shop.example"]; !there {
		t.Error("half of a refused batch was done")
	}
}

// Terraform's provider takes an empty comment for one that somebody wrote.
func TestARecordWithoutACommentHasNone(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	plain := j{"type": "A", "name": "a", "content": "192.0.2.1", "ttl": 1}
	var made struct{ ID string }
	if a := c.call("POST", "/Z/dns_records", plain).ok(&made); bytes.Contains(a.body, []byte("comment")) {
		t.Errorf("a record without a comment is %s", a.body)
	}
	plain["comment"] = "mine"
	if a := c.call("PUT", "/Z/dns_records/"+made.ID, plain).ok(nil); !bytes.Contains(a.body, []byte(`"comment":"mine"`)) {
		t.Errorf("a record with a comment is %s", a.body)
	}
}
