package localcloud

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/tamylaa/clodo/internal/npmtest"
)

func TestWranglerShowsTheAnalyticsOfADatabase(t *testing.T) {
	t.Parallel()
	for _, version := range []string{npmtest.WranglerOld, npmtest.WranglerCurrent} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			p := newProject(t, version)
			p.run("shop", "d1", "create", "shop")
			p.run("", "d1", "execute", "shop", "--remote", "--yes", "--command", "CREATE TABLE items(name TEXT); INSERT INTO items VALUES ('a'), ('b'), ('c'); SELECT name FROM items")
			var insights []struct {
				Query        string
				TotalWritten int `json:"totalRowsWritten"`
				Times        int `json:"numberOfTimesRun"`
			}
			for deadline := time.Now().Add(30 * time.Second); len(insights) < 3; {
				out := p.run("", "d1", "insights", "shop", "--json", "--sort-by", "writes")
				if from := strings.Index("\n"+out, "\n["); from < 0 || json.NewDecoder(strings.NewReader(out[from:])).Decode(&insights) != nil {
					t.Fatalf("wrangler d1 insights printed\n%s", out)
				}
				if time.Now().After(deadline) {
					t.Fatalf("insights of %+v", insights)
				}
			}
			if first := insights[0]; first.Query != "INSERT INTO items VALUES ('a'), ('b'), ('c')" || first.TotalWritten != 3 || first.Times != 1 {
				t.Errorf("the statement that wrote most is %+v", first)
			}
			out := p.run("", "d1", "info", "shop", "--json")
			var info struct {
				Written int `json:"rows_written_24h"`
				Writes  int `json:"write_queries_24h"`
			}
			if from := strings.IndexByte(out, '{'); from < 0 || json.NewDecoder(strings.NewReader(out[from:])).Decode(&info) != nil || info.Written != 5 || info.Writes != 2 {
				t.Errorf("%+v of\n%s", info, out)
			}
		})
	}
}
