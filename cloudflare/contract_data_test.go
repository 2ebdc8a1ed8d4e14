package cloudflare_test

import (
	"bytes"
	"context"
	"encoding/json"
	"iter"
	"time"

	"github.com/tamylaa/clodo/cloudflare"
)

// sqlSum is the md5 of "SELECT 1;", by which the API names an import's file.
const sqlSum = "71568061b2970a4b7c5160fe75356e10"

func dataContracts() []contract {
	databaseJSON := `{"uuid":"` + uuid + `","name":"shop","version":"production","created_at":"` + when + `","num_tables":2,"file_size":4096,"read_replication":{"mode":"disabled"}}`
	database := cloudflare.Database{ID: uuid, Name: "shop", Version: "production", CreatedAt: created, NumTables: 2, FileSize: 4096, ReadReplication: cloudflare.ReadReplication{Mode: "disabled"}}
	databases := accounts + "/d1/database"
	one := databases + "/" + uuid
	const bookmark = "00000085-0000024c-00004c6d-8e61117bf38d7adb71b934ebbf891683"
	const meta = `"meta":{"duration":0.5,"changes":1,"last_row_id":9007199254740993,"changed_db":true,"size_after":4096,"rows_read":1,"rows_written":1}`
	wantMeta := cloudflare.QueryMeta{Duration: 0.5, Changes: 1, LastRowID: 9007199254740993, ChangedDB: true, SizeAfter: 4096, RowsRead: 1, RowsWritten: 1}
	raw := cloudflare.RawRows{Success: true, Meta: wantMeta}
	raw.Results.Columns = []string{"id", "id"}
	raw.Results.Rows = [][]any{{json.Number("9007199254740993"), nil}}
	statement := cloudflare.Statement{SQL: "SELECT ?1", Params: []any{1, nil, "x"}}
	return []contract{
		{"Databases", list(func(ctx context.Context, c *cloudflare.Client) iter.Seq2[cloudflare.Database, error] {
			return c.Databases(ctx, acc, "shop")
		}), []exchange{{want: "GET " + databases + "?name=shop&page=1&per_page=1000", result: `[{"uuid":"` + uuid + `","name":"shop"}]`}}, []cloudflare.Database{{ID: uuid, Name: "shop"}}},
		{"CreateDatabase", value(func(ctx context.Context, c *cloudflare.Client) (cloudflare.Database, error) {
			return c.CreateDatabase(ctx, acc, cloudflare.NewDatabase{Name: "shop", LocationHint: "weur"})
		}), []exchange{{want: "POST " + databases, wantBody: `{"name":"shop","primary_location_hint":"weur"}`, result: databaseJSON}}, database},
		{"Database", value(func(ctx context.Context, c *cloudflare.Client) (cloudflare.Database, error) {
			return c.Database(ctx, acc, uuid)
		}), []exchange{{want: "GET " + one, result: databaseJSON}}, database},
		{"DeleteDatabase", nothing(func(ctx context.Context, c *cloudflare.Client) error { return c.DeleteDatabase(ctx, acc, uuid) }), []exchange{{want: "DELETE " + one, result: `null`}}, nil},
		{"Query", value(func(ctx context.Context, c *cloudflare.Client) ([]cloudflare.Rows, error) {
			return c.Query(ctx, acc, uuid, cloudflare.Query{Statement: statement})
		}), []exchange{{want: "POST " + one + "/query", wantBody: `{"sql":"SELECT ?1","params":[1,null,"x"]}`, result: `[{"success":true,"results":[{"id":9007199254740993}],` + meta + `}]`}}, []cloudflare.Rows{{Success: true, Results: []map[string]any{{"id": json.Number("9007199254740993")}}, Meta: wantMeta}}},
		{"QueryRaw", value(func(ctx context.Context, c *cloudflare.Client) ([]cloudflare.RawRows, error) {
			return c.QueryRaw(ctx, acc, uuid, cloudflare.Query{Batch: []cloudflare.Statement{{SQL: "SELECT 1"}}})
		}), []exchange{{want: "POST " + one + "/raw", wantBody: `{"batch":[{"sql":"SELECT 1"}]}`, result: `[{"success":true,"results":{"columns":["id","id"],"rows":[[9007199254740993,null]]},` + meta + `}]`}}, []cloudflare.RawRows{raw}},
		{"Import", value(func(ctx context.Context, c *cloudflare.Client) (cloudflare.Imported, error) {
			return c.Import(ctx, acc, uuid, []byte("SELECT 1;"))
		}), []exchange{
			{want: "POST " + one + "/import", wantBody: `{"action":"init","etag":"` + sqlSum + `"}`, result: `{"success":true,"filename":"f.sql","upload_url":"SERVER/upload?signature=x"}`},
			{want: "PUT /upload?signature=x", etag: sqlSum, bare: " "},
			{want: "POST " + one + "/import", wantBody: `{"action":"ingest","etag":"` + sqlSum + `","filename":"f.sql"}`, result: `{"success":true,"type":"import","status":"complete","at_bookmark":"` + bookmark + `","result":{"final_bookmark":"` + bookmark + `","num_queries":1,` + meta + `}}`},
		}, cloudflare.Imported{FinalBookmark: bookmark, NumQueries: 1, Meta: wantMeta}},
		{"Export", value(func(ctx context.Context, c *cloudflare.Client) (string, error) {
			var b bytes.Buffer
			err := c.Export(ctx, acc, uuid, cloudflare.ExportOptions{NoData: true}, &b)
			return b.String(), err
		}), []exchange{
			{want: "POST " + one + "/export", wantBody: `{"output_format":"polling","dump_options":{"no_data":true}}`, result: `{"success":true,"type":"export","status":"complete","at_bookmark":"` + bookmark + `","result":{"filename":"f.sql","signed_url":"SERVER/download?signature=x"}}`},
			{want: "GET /download?signature=x", bare: "CREATE TABLE t(x);"},
		}, "CREATE TABLE t(x);"},
		{"Bookmark", value(func(ctx context.Context, c *cloudflare.Client) (string, error) {
			return c.Bookmark(ctx, acc, uuid, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
		}), []exchange{{want: "GET " + one + "/time_travel/bookmark?timestamp=2026-01-02T03%3A04%3A05Z", result: `{"bookmark":"` + bookmark + `"}`}}, bookmark},
		{"Restore", value(func(ctx context.Context, c *cloudflare.Client) (cloudflare.Restored, error) {
			return c.Restore(ctx, acc, uuid, bookmark)
		}), []exchange{{want: "POST " + one + "/time_travel/restore?bookmark=" + bookmark, result: `{"bookmark":"` + bookmark + `","previous_bookmark":"p","message":"m"}`}}, cloudflare.Restored{Bookmark: bookmark, PreviousBookmark: "p", Message: "m"}},
	}
}

func resourceContracts() []contract {
	namespaces := accounts + "/storage/kv/namespaces"
	one := namespaces + "/" + acc
	namespaceJSON := `{"id":"` + acc + `","title":"cache","supports_url_encoding":true}`
	namespace := cloudflare.Namespace{ID: acc, Title: "cache", SupportsURLEncoding: true}
	bucketJSON := `{"name":"media","creation_date":"` + when + `","location":"WEUR","storage_class":"Standard","jurisdiction":"eu"}`
	bucket := cloudflare.Bucket{Name: "media", CreatedOn: created, Location: "WEUR", StorageClass: "Standard", Jurisdiction: "eu"}
	buckets := accounts + "/r2/buckets"
	queues := accounts + "/queues"
	queueJSON := `{"queue_id":"q","queue_name":"jobs","created_on":"` + when + `","producers":[{"type":"worker","script":"shop"}],"consumers":[]}`
	queue := cloudflare.Queue{ID: "q", Name: "jobs", CreatedOn: when, Producers: []cloudflare.QueueProducer{{Type: "worker", Script: "shop"}}, Consumers: []cloudflare.QueueConsumer{}}
	size := 10
	consumer := cloudflare.QueueConsumer{ID: "c", Type: "worker", Script: "shop", DeadLetterQueue: "dead", Settings: cloudflare.ConsumerSettings{BatchSize: &size}}
	consumerBody := `{"type":"worker","script_name":"shop","dead_letter_queue":"dead","settings":{"batch_size":10}}`
	consumerJSON := `{"consumer_id":"c","type":"worker","script_name":"shop","dead_letter_queue":"dead","settings":{"batch_size":10}}`
	const bulk = `{"successful_key_count":1,"unsuccessful_keys":["b"]}`
	return []contract{
		{"Namespaces", list(func(ctx context.Context, c *cloudflare.Client) iter.Seq2[cloudflare.Namespace, error] {
			return c.Namespaces(ctx, acc)
		}), []exchange{{want: "GET " + namespaces + "?page=1&per_page=1000", result: `[` + namespaceJSON + `]`}}, []cloudflare.Namespace{namespace}},
		{"CreateNamespace", value(func(ctx context.Context, c *cloudflare.Client) (cloudflare.Namespace, error) {
			return c.CreateNamespace(ctx, acc, "cache")
		}), []exchange{{want: "POST " + namespaces, wantBody: `{"title":"cache"}`, result: namespaceJSON}}, namespace},
		{"Namespace", value(func(ctx context.Context, c *cloudflare.Client) (cloudflare.Namespace, error) {
			return c.Namespace(ctx, acc, acc)
		}), []exchange{{want: "GET " + one, result: namespaceJSON}}, namespace},
		{"RenameNamespace", nothing(func(ctx context.Context, c *cloudflare.Client) error {
			return c.RenameNamespace(ctx, acc, acc, "cache")
		}), []exchange{{want: "PUT " + one, wantBody: `{"title":"cache"}`, result: namespaceJSON}}, nil},
		{"DeleteNamespace", nothing(func(ctx context.Context, c *cloudflare.Client) error { return c.DeleteNamespace(ctx, acc, acc) }), []exchange{{want: "DELETE " + one, result: `{}`}}, nil},
		{"Keys", list(func(ctx context.Context, c *cloudflare.Client) iter.Seq2[cloudflare.Key, error] {
			return c.Keys(ctx, acc, acc, "a/")
		}), []exchange{{want: "GET " + one + "/keys?limit=1000&prefix=a%2F", result: `[{"name":"a/b","expiration":1577836800,"metadata":{"x":1}}]`}}, []cloudflare.Key{{Name: "a/b", Expiration: 1577836800, Metadata: json.RawMessage(`{"x":1}`)}}},
		{"Value", value(func(ctx context.Context, c *cloudflare.Client) ([]byte, error) { return c.Value(ctx, acc, acc, "a/b") }), []exchange{{want: "GET " + one + "/values/a%2Fb", kind: "application/octet-stream", bare: "\x00v"}}, []byte("\x00v")},
		{"PutValue", nothing(func(ctx context.Context, c *cloudflare.Client) error {
			return c.PutValue(ctx, acc, acc, "a/b", []byte("v"), cloudflare.PutOptions{TTL: time.Hour})
		}), []exchange{{want: "PUT " + one + "/values/a%2Fb?expiration_ttl=3600", result: `{}`}}, nil},
		{"DeleteValue", nothing(func(ctx context.Context, c *cloudflare.Client) error { return c.DeleteValue(ctx, acc, acc, "a/b") }), []exchange{{want: "DELETE " + one + "/values/a%2Fb", result: `{}`}}, nil},
		{"PutPairs", value(func(ctx context.Context, c *cloudflare.Client) ([]string, error) {
			return c.PutPairs(ctx, acc, acc, []cloudflare.Pair{{Key: "a", Value: "1", Metadata: map[string]any{"x": 1}}, {Key: "b", Value: "Mg==", Base64: true}})
		}), []exchange{{want: "PUT " + one + "/bulk", wantBody: `[{"key":"a","value":"1","metadata":{"x":1}},{"key":"b","value":"Mg==","base64":true}]`, result: bulk}}, []string{"b"}},
		{"DeleteKeys", value(func(ctx context.Context, c *cloudflare.Client) ([]string, error) {
			return c.DeleteKeys(ctx, acc, acc, []string{"a", "b"})
		}), []exchange{{want: "POST " + one + "/bulk/delete", wantBody: `["a","b"]`, result: bulk}}, []string{"b"}},
		{"Buckets", list(func(ctx context.Context, c *cloudflare.Client) iter.Seq2[cloudflare.Bucket, error] {
			return c.Buckets(ctx, acc, "eu")
		}), []exchange{{want: "GET " + buckets + "?per_page=1000", result: `{"buckets":[` + bucketJSON + `]}`}}, []cloudflare.Bucket{bucket}},
		{"CreateBucket", value(func(ctx context.Context, c *cloudflare.Client) (cloudflare.Bucket, error) {
			return c.CreateBucket(ctx, acc, cloudflare.NewBucket{Name: "media", LocationHint: "weur", Jurisdiction: "eu"})
		}), []exchange{{want: "POST " + buckets, wantBody: `{"name":"media","locationHint":"weur"}`, result: bucketJSON}}, bucket},
		{"Bucket", value(func(ctx context.Context, c *cloudflare.Client) (cloudflare.Bucket, error) {
			return c.Bucket(ctx, acc, "media", "")
		}), []exchange{{want: "GET " + buckets + "/media", result: bucketJSON}}, bucket},
		{"DeleteBucket", nothing(func(ctx context.Context, c *cloudflare.Client) error { return c.DeleteBucket(ctx, acc, "media", "eu") }), []exchange{{want: "DELETE " + buckets + "/media", result: `{}`}}, nil},
		{"Queues", list(func(ctx context.Context, c *cloudflare.Client) iter.Seq2[cloudflare.Queue, error] {
			return c.Queues(ctx, acc)
		}), []exchange{{want: "GET " + queues + "?page=1&per_page=100", result: `[` + queueJSON + `]`}}, []cloudflare.Queue{queue}},
		{"CreateQueue", value(func(ctx context.Context, c *cloudflare.Client) (cloudflare.Queue, error) {
			return c.CreateQueue(ctx, acc, "jobs")
		}), []exchange{{want: "POST " + queues, wantBody: `{"queue_name":"jobs"}`, result: queueJSON}}, queue},
		{"Queue", value(func(ctx context.Context, c *cloudflare.Client) (cloudflare.Queue, error) {
			return c.Queue(ctx, acc, "q")
		}), []exchange{{want: "GET " + queues + "/q", result: queueJSON}}, queue},
		{"DeleteQueue", nothing(func(ctx context.Context, c *cloudflare.Client) error { return c.DeleteQueue(ctx, acc, "q") }), []exchange{{want: "DELETE " + queues + "/q", result: `null`}}, nil},
		{"QueueConsumers", value(func(ctx context.Context, c *cloudflare.Client) ([]cloudflare.QueueConsumer, error) {
			return c.QueueConsumers(ctx, acc, "q")
		}), []exchange{{want: "GET " + queues + "/q/consumers", result: `[` + consumerJSON + `]`}}, []cloudflare.QueueConsumer{consumer}},
		{"CreateQueueConsumer", value(func(ctx context.Context, c *cloudflare.Client) (cloudflare.QueueConsumer, error) {
			return c.CreateQueueConsumer(ctx, acc, "q", consumer)
		}), []exchange{{want: "POST " + queues + "/q/consumers", wantBody: consumerBody, result: consumerJSON}}, consumer},
		{"UpdateQueueConsumer", value(func(ctx context.Context, c *cloudflare.Client) (cloudflare.QueueConsumer, error) {
			return c.UpdateQueueConsumer(ctx, acc, "q", "c", consumer)
		}), []exchange{{want: "PUT " + queues + "/q/consumers/c", wantBody: consumerBody, result: consumerJSON}}, consumer},
		{"DeleteQueueConsumer", nothing(func(ctx context.Context, c *cloudflare.Client) error {
			return c.DeleteQueueConsumer(ctx, acc, "q", "c")
		}), []exchange{{want: "DELETE " + queues + "/q/consumers/c", result: `null`}}, nil},
	}
}
