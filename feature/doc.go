// Package feature gives a service its feature flags: declared in clodo.yaml, given
// values there for environments, customers and domains, and changed while the service
// runs.
//
//	var Premium = feature.Bool("premium")
//
//	func main() {
//		flags, err := feature.Open(feature.Options{Use: []feature.Flag{Premium}})
//		…
//		app := clodo.NewRouter()
//		app.Use(flags.Middleware)
//		app.Group("", feature.Require(Premium)).Route("GET /reports", reports)
//	}
//
// Within a request a flag is read by its handle: Premium.Enabled(r.Context()). What it
// says belongs to that request: its hostname, the customer whom the hostname belongs
// to, and what the program said about the caller.
//
// # The document
//
// Deploy gives a service the text CLODO_FEATURES, one [Document] in JSON. It is exact,
// so that programs in other languages evaluate flags as this package does;
// testdata/vectors.json has inputs with what they must give. A document of more than
// 5,000 bytes goes on in CLODO_FEATURES_2, CLODO_FEATURES_3 and so on, up to the first
// that is not there: together they are the text.
//
//	{"v": 1,                                  format
//	 "environment": "production",             "" or absent without environments
//	 "customer": "acme",                      whose Worker this is; absent on a shared one
//	 "hosts": {"shop.globex.example": "globex"},   whose hostname it is, on a shared one
//	 "flags": {"premium": DECLARATION, …}}
//
// A declaration has
//
//   - "type": boolean (when absent), string, integer, number or enum. An integer is
//     between -(2^53-1) and 2^53-1. An enum has its "values", texts.
//   - "default": a value of that type.
//   - "environment", "customers", "domains": what is assigned to the environment, to
//     customers by name and to hostnames. An assignment is a value, or
//     {"value": VALUE, "percentage": 0…100} for that share of subjects.
//   - "rules": a list of {"when": [CONDITION, …], "value": VALUE, "percentage": 0…100}.
//     All conditions must hold; without any the rule holds for everybody.
//     "percentage" is 100 when absent. A condition has an "attribute" and one of
//     "equals" (a text), "in" (a list of texts) and "prefix" (a text).
//   - "requires": flags of type boolean that must be on for this one to be.
//   - "conflicts": flags of type boolean that must be off for this one to be on.
//   - "runtime": true when values in KV count.
//
// While a service runs, the key "flags" of the KV namespace bound as CLODO_FLAGS holds
// one [Changes]: {"v": 1, "flags": {"premium": {"environment": …, "customers": …,
// "domains": …}}}, with assignments as above. A flag that is not declared, or not with
// "runtime": true, is passed over there, and so is a single assignment that does not
// fit its flag. A document that is no such JSON is like one that cannot be read.
//
// # Evaluation
//
// A context is a domain, a customer, a subject and attributes, all texts. The domain is
// the request's hostname in lower case, without a port. Where the program says no
// customer, it is the document's "customer", else that of the domain in "hosts", else
// nobody. A flag has the value of the first of these that applies:
//
//  1. what was changed in KV for the domain, else for the customer, else for the
//     environment;
//  2. what was declared for the domain, else for the customer, else for the environment;
//  3. the first rule that holds;
//  4. the default.
//
// An assignment or rule for p percent applies to a subject whose bucket is below p·100.
// It never applies without a subject, unless p is 100. The bucket is one for each flag
// and subject, so that a share that grows keeps whom it had:
//
//	bucket = murmur3(subject, seed = murmur3(flag's name, seed = 0)) · 10000 / 2^32
//
// with murmur3 being MurmurHash3_x86_32 of the UTF-8 bytes, and the division rounding
// down. A condition on the attributes "environment", "customer" and "domain" reads the
// context's own; on any other one, what the program said, and it fails when that is
// nothing.
//
// Last, a flag is off when a flag that it requires is off, or one that it conflicts
// with is on. Off is false for a boolean, and the default for any other type. Requiring
// and conflicting never lead in a circle; a document in which they do is refused.
//
// # Checks
//
// A program refuses a document that has another "v", a value of the wrong type, a
// percentage beyond 0 and 100, a condition with no attribute or not exactly one
// comparison, a flag required that is not declared or is no boolean, and circles.
package feature
