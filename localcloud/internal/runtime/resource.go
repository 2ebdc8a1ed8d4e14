package runtime

import (
	"cmp"
	"strconv"
)

// resource names what of this program a binding of a Worker is for, as in "d1:ID"; "" is
// nothing of it.
func (b binding) resource(account, script string) string {
	switch b.Type {
	case "d1":
		return "d1:" + cmp.Or(b.DatabaseID, b.ID)
	case "kv_namespace":
		return "kv:" + b.NamespaceID
	case "dispatch_namespace":
		return dispatchKind + ":" + account + "/" + b.Namespace
	case "ai":
		return "ai:"
	case "vectorize":
		return "vectorize:" + account + "/" + b.IndexName
	case "analytics_engine":
		return "analytics:" + account + "/" + b.Dataset
	case "ratelimit":
		return "ratelimit:" + account + "/" + b.NamespaceID
	case "r2_bucket":
		// A bucket's name is one of an account and a jurisdiction.
		return "r2:" + account + "/" + cmp.Or(b.Jurisdiction, "default") + "/" + b.BucketName
	case "queue":
		name := "queue:" + account + "/" + b.QueueName
		if b.Delay != nil {
			name += "/" + strconv.Itoa(*b.Delay)
		}
		return name
	case "secrets_store_secret":
		return "secret:" + account + "/" + b.StoreID + "/" + b.SecretName
	case "send_email":
		return "mail:" + account + "/" + script
	}
	return ""
}
