package localcloud

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tamylaa/clodo/localcloud/internal/store"
)

// BenchmarkReads is how many authenticated calls a second the API answers, client
// included, with 50 Workers and 20 databases: go test ./localcloud -run - -bench Reads.
func BenchmarkReads(b *testing.B) {
	c, err := Start(b.Context(), local(Options{Dir: b.TempDir(), RateLimit: RateLimit{Calls: Unlimited}, Seed: Seed{Zones: []string{"a.example", "b.example", "c.example"}}}))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = c.Close(b.Context()) })
	base, account := c.Info().API, c.Info().AccountID
	at := time.Now()
	err = c.storage.store.Write(b.Context(), func(tx *store.Tx) error {
		for n := range 50 {
			name := fmt.Sprintf("worker-%d", n)
			v := store.Version{ID: randomHex(), Account: account, Script: name, Number: 1, CreatedOn: at, MainModule: "index.js", CompatibilityDate: "2026-01-01"}
			if err := tx.PutScript(store.Script{Account: account, Name: name, Tag: randomHex(), CreatedOn: at, ModifiedOn: at}); err != nil {
				return err
			}
			if err := tx.AddVersion(v); err != nil {
				return err
			}
		}
		for n := range 20 {
			if err := tx.PutDatabase(store.Database{ID: randomHex(), Account: account, Name: fmt.Sprintf("db-%d", n), CreatedOn: at}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	for name, path := range map[string]string{
		"settings of a Worker": "/accounts/" + account + "/workers/scripts/worker-7/settings",
		"databases":            "/accounts/" + account + "/d1/database",
		"a zone by name":       "/zones?name=b.example",
	} {
		b.Run(strings.ReplaceAll(name, " ", "_"), func(b *testing.B) {
			client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
			defer client.CloseIdleConnections()
			b.SetParallelism(8)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					req, err := http.NewRequestWithContext(b.Context(), "GET", base+path, nil)
					if err != nil {
						b.Error(err)
						return
					}
					req.Header.Set("Authorization", "Bearer "+c.token)
					res, err := client.Do(req)
					if err != nil {
						b.Error(err)
						return
					}
					_, _ = io.Copy(io.Discard, res.Body)
					res.Body.Close()
					if res.StatusCode != 200 {
						b.Errorf("status %d", res.StatusCode)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
		})
	}
}
