package localcloud

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tamylaa/clodo/internal/npmtest"
)

func TestWranglerManagesBucketsAndObjects(t *testing.T) {
	t.Parallel()
	for _, version := range []string{npmtest.WranglerOld, npmtest.WranglerCurrent} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			p := newProject(t, version)
			p.write("wrangler.jsonc", `{"name": "web", "main": "src/index.js", "compatibility_date": "2026-11-01", "r2_buckets": [{"binding": "FILES", "bucket_name": "files"}]}`)
			p.write("src/index.js", `export default { async fetch(request, env) {
				const key = decodeURIComponent(new URL(request.url).pathname.slice(1));
				const o = await env.FILES.get(key);
				return o ? new Response(o.body, { headers: { "content-type": o.httpMetadata.contentType } }) : new Response("none", { status: 404 });
			} }`)
			p.run("Created bucket 'files'", "r2", "bucket", "create", "files", "--location", "weur")
			p.run("files", "r2", "bucket", "list")
			p.run("Updated bucket files to InfrequentAccess", "r2", "bucket", "update", "storage-class", "files", "-s", "InfrequentAccess")
			p.run("web", "deploy")

			p.write("a b.txt", "from wrangler")
			p.run("Upload complete", "r2", "object", "put", "files/dir/ü b.txt", "--file", "a b.txt", "--content-type", "text/x-note", "--remote")
			p.serves("web.localhost", "/dir/%C3%BC%20b.txt", "from wrangler")
			p.run("object_count:           1", "r2", "bucket", "info", "files")
			p.run("Download complete", "r2", "object", "get", "files/dir/ü b.txt", "--file", "got.txt", "--remote")
			if b, err := os.ReadFile(filepath.Join(p.dir, "got.txt")); err != nil || string(b) != "from wrangler" {
				t.Errorf("what was downloaded: %q, %v", b, err)
			}
			if out, err := p.try("", "r2", "object", "get", "files/none", "--remote"); err == nil || !strings.Contains(out, "The specified key does not exist.") {
				t.Errorf("an object that does not exist: %v\n%s", err, out)
			}
			if out, err := p.try("", "r2", "bucket", "delete", "files"); err == nil || !strings.Contains(out, "10008") {
				t.Errorf("a bucket that is not empty: %v\n%s", err, out)
			}
			p.run("Added lifecycle rule 'old'", "r2", "bucket", "lifecycle", "add", "files", "old", "logs/", "--expire-days", "30", "-y")
			p.run("Expire objects after 30 days", "r2", "bucket", "lifecycle", "list", "files")
			p.write("cors.json", `{"rules": [{"allowed": {"origins": ["*"], "methods": ["GET"]}}]}`)
			p.run("", "r2", "bucket", "cors", "set", "files", "--file", "cors.json", "-y")
			p.run("GET", "r2", "bucket", "cors", "list", "files")
			p.run("Added lock rule 'keep'", "r2", "bucket", "lock", "add", "files", "keep", "dir/", "--retention-indefinite", "-y")
			if out, err := p.try("", "r2", "object", "delete", "files/dir/ü b.txt", "--remote"); err == nil || !strings.Contains(out, "403") {
				t.Errorf("a locked object: %v\n%s", err, out)
			}
			p.run("Lock rule 'keep' removed", "r2", "bucket", "lock", "remove", "files", "--name", "keep")
			p.run("Delete complete", "r2", "object", "delete", "files/dir/ü b.txt", "--remote")
			if code, body := p.get("web.localhost", "/dir/%C3%BC%20b.txt"); code != 404 {
				t.Errorf("after the delete: %d %s", code, body)
			}
			p.run("Deleted bucket files", "r2", "bucket", "delete", "files")
		})
	}
}
