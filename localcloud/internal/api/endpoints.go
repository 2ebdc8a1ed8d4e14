package api

import "slices"

// The permission groups, by Cloudflare's names; an endpoint needs one of its list.
var (
	scriptsRead  = []string{"Workers Scripts Read", "Workers Scripts Write", "Workers Tail Read"}
	scriptsWrite = []string{"Workers Scripts Write"}
	routesRead   = []string{"Workers Routes Read", "Workers Routes Write"}
	routesWrite  = []string{"Workers Routes Write"}
	kvRead       = []string{"Workers KV Storage Read", "Workers KV Storage Write"}
	kvWrite      = []string{"Workers KV Storage Write"}
	d1Read       = []string{"D1 Read", "D1 Write"}
	d1Write      = []string{"D1 Write"}
	zoneRead     = []string{"Zone Zone Read", "Zone Read", "Zone Write"}
	zoneWrite    = []string{"Zone Write", "Zone Zone Edit"}
	dnsRead      = []string{"DNS Read", "DNS Write", "Zone DNS Edit"}
	dnsWrite     = []string{"DNS Write", "Zone DNS Edit"}
	userRead     = []string{"User Details Read", "User Details Write"}
	memberships  = []string{"Memberships Read", "Memberships Write"}
	queuesRead   = []string{"Queues Read", "Queues Write"}
	bucketsRead  = []string{"Workers R2 Storage Read", "Workers R2 Storage Write"}
	analytics    = []string{"Account Analytics Read"}
	tailsRead    = []string{"Workers Tail Read", "Workers Scripts Write"}
)

// Groups is every permission group that some endpoint asks for, sorted.
func Groups() []string {
	var all []string
	for _, e := range Endpoints() {
		all = append(all, e.Permissions...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Upload limits in bytes: a Worker's modules together, and one batch of assets in
// base64.
const (
	maxWorker       = 64 << 20
	maxUpload       = maxWorker + 4<<20
	maxAssetsUpload = 120 << 20
	maxValue        = 25 << 20
)

// Endpoints is the whole API. What is not in it answers 501 and names itself.
func Endpoints() []Endpoint {
	const (
		account   = "/accounts/{account_id}"
		script    = account + "/workers/scripts/{script_name}"
		worker    = account + "/workers/workers/{worker_id}"
		database  = account + "/d1/database/{database_id}"
		namespace = account + "/storage/kv/namespaces/{namespace_id}"
		zone      = "/zones/{zone_id}"
	)
	table := []Endpoint{
		{Method: "GET", Pattern: "/user", Permissions: userRead, handle: (*call).user},
		{Method: "GET", Pattern: "/user/tokens/verify", handle: (*call).verifyToken},
		{Method: "GET", Pattern: account + "/tokens/verify", handle: (*call).verifyToken},
		{Method: "GET", Pattern: "/memberships", Permissions: memberships, handle: (*call).memberships},
		{Method: "GET", Pattern: "/accounts", handle: (*call).accounts},
		{Method: "GET", Pattern: account, handle: (*call).accountDetails},

		{Method: "GET", Pattern: "/zones", Permissions: zoneRead, handle: (*call).zones},
		{Method: "POST", Pattern: "/zones", Permissions: zoneWrite, handle: (*call).addZone},
		{Method: "GET", Pattern: zone, Permissions: zoneRead, handle: (*call).zoneDetails},
		{Method: "PATCH", Pattern: zone, Permissions: zoneWrite, handle: (*call).editZone},
		{Method: "DELETE", Pattern: zone, Permissions: zoneWrite, handle: (*call).deleteZone},
		{Method: "GET", Pattern: zone + "/dns_records", Permissions: dnsRead, handle: (*call).dnsRecords},
		{Method: "POST", Pattern: zone + "/dns_records", Permissions: dnsWrite, handle: (*call).addDNSRecord},
		{Method: "GET", Pattern: zone + "/dns_records/{record_id}", Permissions: dnsRead, handle: (*call).dnsRecordDetails},
		{Method: "PUT", Pattern: zone + "/dns_records/{record_id}", Permissions: dnsWrite, handle: (*call).replaceDNSRecord},
		{Method: "PATCH", Pattern: zone + "/dns_records/{record_id}", Permissions: dnsWrite, handle: (*call).editDNSRecord},
		{Method: "DELETE", Pattern: zone + "/dns_records/{record_id}", Permissions: dnsWrite, handle: (*call).deleteDNSRecord},
		{Method: "GET", Pattern: zone + "/workers/routes", Permissions: routesRead, handle: (*call).zoneRoutes},
		{Method: "POST", Pattern: zone + "/workers/routes", Permissions: routesWrite, handle: (*call).addRoute},
		{Method: "GET", Pattern: zone + "/workers/routes/{route_id}", Permissions: routesRead, handle: (*call).routeDetails},
		{Method: "PUT", Pattern: zone + "/workers/routes/{route_id}", Permissions: routesWrite, handle: (*call).editRoute},
		{Method: "DELETE", Pattern: zone + "/workers/routes/{route_id}", Permissions: routesWrite, handle: (*call).deleteRoute},

		{Method: "GET", Pattern: account + "/workers/scripts", Permissions: scriptsRead, handle: (*call).scripts},
		{Method: "PUT", Pattern: script, Permissions: scriptsWrite, handle: (*call).uploadScript, body: maxUpload},
		{Method: "GET", Pattern: script, Permissions: scriptsRead, handle: (*call).scriptContent},
		{Method: "GET", Pattern: script + "/content/v2", Permissions: scriptsRead, handle: (*call).scriptContent},
		{Method: "DELETE", Pattern: script, Permissions: scriptsWrite, handle: (*call).deleteScript},
		{Method: "GET", Pattern: script + "/settings", Permissions: scriptsRead, handle: (*call).settings},
		{Method: "PATCH", Pattern: script + "/settings", Permissions: scriptsWrite, handle: (*call).editSettings},
		{Method: "GET", Pattern: script + "/script-settings", Permissions: scriptsRead, handle: (*call).scriptSettings},
		{Method: "PATCH", Pattern: script + "/script-settings", Permissions: scriptsWrite, handle: (*call).editScriptSettings},
		{Method: "GET", Pattern: script + "/references", Permissions: scriptsRead, handle: (*call).references},
		{Method: "GET", Pattern: account + "/workers/tails/by-consumer/{script_name}", Permissions: scriptsRead, handle: (*call).tailedBy},
		{Method: "GET", Pattern: account + "/workers/services/{script_name}", Permissions: scriptsRead, handle: (*call).service},
		{Method: "DELETE", Pattern: account + "/workers/services/{script_name}", Permissions: scriptsWrite, handle: (*call).deleteScript},
		{Method: "GET", Pattern: worker, Permissions: scriptsRead, handle: (*call).worker},
		{Method: "PATCH", Pattern: worker + "/versions/latest", Permissions: scriptsWrite, handle: (*call).editLatestVersion},

		{Method: "POST", Pattern: script + "/versions", Permissions: scriptsWrite, handle: (*call).uploadVersion, body: maxUpload},
		{Method: "GET", Pattern: script + "/versions", Permissions: scriptsRead, handle: (*call).versions},
		{Method: "GET", Pattern: script + "/versions/{version_id}", Permissions: scriptsRead, handle: (*call).versionDetails},
		{Method: "POST", Pattern: script + "/deployments", Permissions: scriptsWrite, handle: (*call).deploy},
		{Method: "GET", Pattern: script + "/deployments", Permissions: scriptsRead, handle: (*call).deployments},
		{Method: "GET", Pattern: script + "/deployments/{deployment_id}", Permissions: scriptsRead, handle: (*call).deploymentDetails},
		{Method: "DELETE", Pattern: script + "/deployments/{deployment_id}", Permissions: scriptsWrite, handle: (*call).deleteDeployment},

		{Method: "GET", Pattern: script + "/secrets", Permissions: scriptsRead, handle: (*call).secrets},
		{Method: "PUT", Pattern: script + "/secrets", Permissions: scriptsWrite, handle: (*call).putSecret},
		{Method: "GET", Pattern: script + "/secrets/{secret_name}", Permissions: scriptsRead, handle: (*call).secretDetails},
		{Method: "DELETE", Pattern: script + "/secrets/{secret_name}", Permissions: scriptsWrite, handle: (*call).deleteSecret},
		{Method: "PATCH", Pattern: script + "/secrets-bulk", Permissions: scriptsWrite, handle: (*call).editSecrets},

		{Method: "GET", Pattern: script + "/schedules", Permissions: scriptsRead, handle: (*call).schedules},
		{Method: "PUT", Pattern: script + "/schedules", Permissions: scriptsWrite, handle: (*call).putSchedules},
		{Method: "GET", Pattern: script + "/subdomain", Permissions: scriptsRead, handle: (*call).scriptSubdomain},
		{Method: "POST", Pattern: script + "/subdomain", Permissions: scriptsWrite, handle: (*call).editScriptSubdomain},
		{Method: "DELETE", Pattern: script + "/subdomain", Permissions: scriptsWrite, handle: (*call).removeScriptSubdomain},
		{Method: "GET", Pattern: account + "/workers/subdomain", Permissions: scriptsRead, handle: (*call).subdomain},
		{Method: "PUT", Pattern: account + "/workers/subdomain", Permissions: scriptsWrite, handle: (*call).putSubdomain},
		{Method: "GET", Pattern: account + "/workers/subdomains/{subdomain}", Permissions: scriptsRead, handle: (*call).subdomainIsFree},
		{Method: "GET", Pattern: account + "/workers/account-settings", handle: (*call).accountSettings},
		{Method: "GET", Pattern: account + "/workers/durable_objects/namespaces", Permissions: scriptsRead, handle: (*call).objectNamespaces},

		{Method: "PUT", Pattern: script + "/routes", Permissions: routesWrite, handle: (*call).putScriptRoutes},
		{Method: "GET", Pattern: script + "/routes", Permissions: routesRead, handle: (*call).scriptRoutes},
		{Method: "GET", Pattern: account + "/workers/domains", Permissions: scriptsRead, handle: (*call).domains},
		{Method: "PUT", Pattern: account + "/workers/domains", Permissions: scriptsWrite, handle: (*call).putDomain},
		{Method: "GET", Pattern: account + "/workers/domains/{domain_id}", Permissions: scriptsRead, handle: (*call).domainDetails},
		{Method: "DELETE", Pattern: account + "/workers/domains/{domain_id}", Permissions: scriptsWrite, handle: (*call).deleteDomain},
		{Method: "GET", Pattern: account + "/workers/domains/records/{domain_id}", Permissions: scriptsRead, handle: (*call).domainDetails},
		{Method: "POST", Pattern: script + "/domains/changeset", Permissions: scriptsWrite, handle: (*call).domainChanges},
		{Method: "PUT", Pattern: script + "/domains/records", Permissions: scriptsWrite, handle: (*call).putScriptDomains},

		{Method: "POST", Pattern: script + "/assets-upload-session", Permissions: scriptsWrite, handle: (*call).openAssetsUpload},
		{Method: "POST", Pattern: account + "/workers/assets/upload", handle: (*call).uploadAssets, open: true, body: maxAssetsUpload},

		{Method: "GET", Pattern: account + "/d1/database", Permissions: d1Read, handle: (*call).listDatabases},
		{Method: "POST", Pattern: account + "/d1/database", Permissions: d1Write, handle: (*call).addDatabase},
		{Method: "GET", Pattern: database, Permissions: d1Read, handle: (*call).databaseDetails},
		{Method: "PATCH", Pattern: database, Permissions: d1Write, handle: (*call).editDatabase},
		{Method: "PUT", Pattern: database, Permissions: d1Write, handle: (*call).editDatabase},
		{Method: "DELETE", Pattern: database, Permissions: d1Write, handle: (*call).deleteDatabase},
		{Method: "POST", Pattern: database + "/query", Permissions: d1Read, handle: (*call).queryDatabase},
		{Method: "POST", Pattern: database + "/raw", Permissions: d1Read, handle: (*call).queryDatabaseRaw},

		{Method: "GET", Pattern: account + "/storage/kv/namespaces", Permissions: kvRead, handle: (*call).listNamespaces},
		{Method: "POST", Pattern: account + "/storage/kv/namespaces", Permissions: kvWrite, handle: (*call).addNamespace},
		{Method: "GET", Pattern: namespace, Permissions: kvRead, handle: (*call).namespaceDetails},
		{Method: "PUT", Pattern: namespace, Permissions: kvWrite, handle: (*call).renameNamespace},
		{Method: "DELETE", Pattern: namespace, Permissions: kvWrite, handle: (*call).deleteNamespace},
		{Method: "GET", Pattern: namespace + "/keys", Permissions: kvRead, handle: (*call).keys},
		{Method: "GET", Pattern: namespace + "/values/{key_name}", Permissions: kvRead, handle: (*call).value},
		{Method: "PUT", Pattern: namespace + "/values/{key_name}", Permissions: kvWrite, handle: (*call).putValue, body: maxValue + 1<<20},
		{Method: "DELETE", Pattern: namespace + "/values/{key_name}", Permissions: kvWrite, handle: (*call).deleteValue},
		{Method: "GET", Pattern: namespace + "/metadata/{key_name}", Permissions: kvRead, handle: (*call).valueMetadata},
		{Method: "PUT", Pattern: namespace + "/bulk", Permissions: kvWrite, handle: (*call).putValues, body: 100 << 20},
		{Method: "POST", Pattern: namespace + "/bulk/get", Permissions: kvRead, handle: (*call).values},
		{Method: "POST", Pattern: namespace + "/bulk/delete", Permissions: kvWrite, handle: (*call).deleteValues},
		{Method: "DELETE", Pattern: namespace + "/bulk", Permissions: kvWrite, handle: (*call).deleteValues},
	}
	return append(table, planned()...)
}

// planned are the endpoints whose place is kept: they check the token and say that
// they are not there yet.
func planned() []Endpoint {
	const (
		account  = "/accounts/{account_id}"
		script   = account + "/workers/scripts/{script_name}"
		database = account + "/d1/database/{database_id}"
		bucket   = account + "/r2/buckets/{bucket_name}"
		queue    = account + "/queues/{queue_id}"
	)
	var table []Endpoint
	later := func(what string, groups []string, patterns map[string][]string) {
		for pattern, methods := range patterns {
			for _, m := range methods {
				table = append(table, Endpoint{Method: m, Pattern: pattern, Permissions: groups, Planned: what + " not there yet"})
			}
		}
	}
	later("R2 is", bucketsRead, map[string][]string{
		account + "/r2/buckets":           {"GET", "POST"},
		bucket:                            {"GET", "PATCH", "DELETE"},
		bucket + "/objects":               {"GET", "DELETE"},
		bucket + "/objects/{object_name}": {"GET", "PUT", "DELETE"},
	})
	later("queues are", queuesRead, map[string][]string{
		account + "/queues":                {"GET", "POST"},
		queue:                              {"GET", "PUT", "PATCH", "DELETE"},
		queue + "/consumers":               {"GET", "POST"},
		queue + "/consumers/{consumer_id}": {"GET", "PUT", "DELETE"},
		queue + "/messages":                {"POST"},
		queue + "/messages/batch":          {"POST"},
		queue + "/messages/pull":           {"POST"},
		queue + "/messages/ack":            {"POST"},
		queue + "/purge":                   {"GET", "POST"},
		queue + "/metrics":                 {"GET"},
	})
	later("tails are", tailsRead, map[string][]string{
		script + "/tails":           {"GET", "POST"},
		script + "/tails/{tail_id}": {"DELETE"},
	})
	later("time travel is", d1Read, map[string][]string{
		database + "/time_travel/bookmark": {"GET"},
		database + "/time_travel/restore":  {"POST"},
	})
	later("import and export are", d1Read, map[string][]string{
		database + "/import": {"POST"},
		database + "/export": {"POST"},
	})
	later("GraphQL analytics is", analytics, map[string][]string{"/graphql": {"POST"}})
	return table
}
