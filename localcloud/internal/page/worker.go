package page

import (
	"cmp"
	"encoding/json"
	"net/http"

	"github.com/tamylaa/clodo/localcloud/internal/store"
	"github.com/tamylaa/clodo/localcloud/internal/traffic"
)

// shownVersions is how many of a Worker's versions its page lists.
const shownVersions = 20

type workerView struct {
	workerRow
	Versions    []versionRow
	Deployments []store.Deployment
	Bindings    []bindingRow // of the version that was uploaded last
	Latest      []recordRow
}

type versionRow struct {
	store.Version
	Share *float64 // of the traffic; nil when it is not deployed
	Size  int64    // of its modules
}

// bindingRow tells what a binding leads to, and never what a secret is.
type bindingRow struct{ Name, Kind, Target, Link string }

func (p *Page) worker(r *http.Request) (content, error) {
	account, name := r.PathValue("account"), r.PathValue("script")
	var v workerView
	err := p.Store.Read(r.Context(), func(tx *store.Tx) error {
		s, err := tx.Script(account, name)
		if err != nil {
			return err
		}
		if v.workerRow, err = p.workerOf(tx, s); err != nil {
			return err
		}
		versions, err := tx.Versions(account, name)
		if err != nil {
			return err
		}
		for _, one := range versions[:min(shownVersions, len(versions))] {
			v.Versions = append(v.Versions, versionOf(one, v.Shares))
		}
		if len(versions) > 0 {
			all, err := tx.Queues(account)
			if err != nil {
				return err
			}
			queues := map[string]string{}
			for _, q := range all {
				queues[q.Name] = path("queues", q.ID)
			}
			v.Bindings = bindingsOf(account, versions[0].Bindings, queues)
		}
		v.Deployments, err = tx.Deployments(account, name)
		v.Deployments = v.Deployments[:min(shownVersions, len(v.Deployments))]
		return err
	})
	if err != nil {
		return content{}, err
	}
	v.Latest, err = p.recent(r, traffic.Filter{Account: account, Scripts: []string{name}, Limit: shownLatest})
	return content{name, v}, err
}

func versionOf(v store.Version, shares []store.Share) versionRow {
	row := versionRow{Version: v}
	for _, m := range v.Modules {
		row.Size += m.Size
	}
	for _, s := range shares {
		if s.Version == v.ID {
			row.Share = &s.Percentage
		}
	}
	return row
}

// bindingsOf tells where bindings lead; queues are the pages of queues by name, for
// their bindings do not have the ids.
func bindingsOf(account string, all []json.RawMessage, queues map[string]string) []bindingRow {
	var rows []bindingRow
	for _, raw := range all {
		var b struct {
			Name, Type, Text, Service, Dataset, Namespace string
			JSON                                          json.RawMessage
			ID, DatabaseID                                string
			NamespaceID                                   string `json:"namespace_id"`
			BucketName                                    string `json:"bucket_name"`
			Jurisdiction                                  string
			QueueName                                     string `json:"queue_name"`
			ClassName                                     string `json:"class_name"`
			ScriptName                                    string `json:"script_name"`
		}
		if json.Unmarshal(raw, &b) != nil {
			continue
		}
		row := bindingRow{Name: b.Name, Kind: b.Type}
		switch b.Type {
		case "plain_text":
			row.Target = b.Text
		case "json":
			row.Target = string(b.JSON)
		case "d1":
			row.Target, row.Link = b.ID, path("databases", b.ID)
		case "kv_namespace":
			row.Target, row.Link = b.NamespaceID, path("kv", b.NamespaceID)
		case "r2_bucket":
			row.Target, row.Link = b.BucketName, path("r2", account, cmp.Or(b.Jurisdiction, "default"), b.BucketName)
		case "queue":
			row.Target, row.Link = b.QueueName, queues[b.QueueName]
		case "service":
			row.Target, row.Link = b.Service, path("workers", account, b.Service)
		case "durable_object_namespace":
			row.Target = b.ClassName
			if b.ScriptName != "" {
				row.Target += " of " + b.ScriptName
			}
		case "analytics_engine":
			row.Target = b.Dataset
		case "dispatch_namespace":
			row.Target = b.Namespace
		}
		rows = append(rows, row)
	}
	return rows
}
