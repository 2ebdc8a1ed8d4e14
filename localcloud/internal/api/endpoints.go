package api

import "slices"

// The permission groups, by Cloudflare's names; an endpoint needs one of its list. A
// test compares them with Cloudflare's document.
var (
	scriptsRead  = []string{"Workers Scripts Read", "Workers Scripts Write", "Workers Tail Read"}
	workersRead  = []string{"Workers Scripts Read", "Workers Scripts Write"}
	scriptsWrite = []string{"Workers Scripts Write"}
	routesRead   = []string{"Workers Routes Read", "Workers Routes Write"}
	routesWrite  = []string{"Workers Routes Write"}
	kvRead       = []string{"Workers KV Storage Read", "Workers KV Storage Write"}
	kvWrite      = []string{"Workers KV Storage Write"}
	d1Read       = []string{"D1 Read", "D1 Write"}
	d1Write      = []string{"D1 Write"}
	zoneRead     = []string{"Zone Zone Read", "Zone Read", "Zone Write"}
	zoneWrite    = []string{"Zone Write", "Zone Zone Edit"}
	zoneMake     = []string{"Zone Write", "Zone Zone Edit", "DNS Write", "Zone DNS Edit"}
	dnsRead      = []string{"DNS Read", "DNS Write", "Zone DNS Edit"}
	dnsWrite     = []string{"DNS Write", "Zone DNS Edit"}
	tokensRead   = []string{"API Tokens Read", "API Tokens Write"}
	tokensWrite  = []string{"API Tokens Write"}
	ownTokens    = []string{"Account API Tokens Read", "Account API Tokens Write"}
	ownTokensSet = []string{"Account API Tokens Write"}
	userRead     = []string{"User Details Read", "User Details Write"}
	memberships  = []string{"Memberships Read", "Memberships Write"}
	queuesRead   = []string{"Queues Read", "Queues Write", "Workers Scripts Read", "Workers Scripts Write"}
	queuesWrite  = []string{"Queues Write", "Workers Scripts Write"}
	bucketsRead  = []string{"Workers R2 Storage Read", "Workers R2 Storage Write"}
	bucketsWrite = []string{"Workers R2 Storage Write"}
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

// The paths that patterns begin with.
const (
	accountPath   = "/accounts/{account_id}"
	scriptPath    = accountPath + "/workers/scripts/{script_name}"
	workerPath    = accountPath + "/workers/workers/{worker_id}"
	databasePath  = accountPath + "/d1/database/{database_id}"
	namespacePath = accountPath + "/storage/kv/namespaces/{namespace_id}"
	queuePath     = accountPath + "/queues/{queue_id}"
	zonePath      = "/zones/{zone_id}"
)

// Endpoints is the whole API: each noun's part stands in the file of its handlers.
// What is not in it answers 501 and names itself.
func Endpoints() []Endpoint {
	return slices.Concat(
		identityEndpoints(),
		tokenEndpoints(),
		zoneEndpoints(),
		dnsEndpoints(),
		purgeEndpoints(),
		routeEndpoints(),
		scriptEndpoints(),
		workerEndpoints(),
		workerVersionEndpoints(),
		settingsEndpoints(),
		versionEndpoints(),
		deploymentEndpoints(),
		secretEndpoints(),
		dispatchEndpoints(),
		triggerEndpoints(),
		tailEndpoints(),
		analyticsEndpoints(),
		telemetryEndpoints(),
		datasetEndpoints(),
		domainEndpoints(),
		assetEndpoints(),
		databaseEndpoints(),
		travelEndpoints(),
		transferEndpoints(),
		vectorizeEndpoints(),
		secretStoreEndpoints(),
		aiEndpoints(),
		namespaceEndpoints(),
		bucketEndpoints(),
		objectEndpoints(),
		bucketRuleEndpoints(),
		queueEndpoints(),
		consumerEndpoints(),
		messageEndpoints(),
	)
}
