package workerd

// CryptoKey is a key that a Worker can use and not read. Exactly one of the forms is
// set.
type CryptoKey struct {
	Base64    string // raw
	PKCS8     string // PEM
	SPKI      string // PEM
	JWK       string // JSON
	Algorithm string // JSON
	Usages    []string
}

func (w *writer) key(k *CryptoKey) {
	w.raw("cryptoKey = (")
	w.opt("base64", k.Base64)
	w.opt("pkcs8", k.PKCS8)
	w.opt("spki", k.SPKI)
	w.opt("jwk", k.JWK)
	w.raw("algorithm = (")
	w.str("json", k.Algorithm)
	w.raw("), extractable = false, usages = [")
	for _, usage := range k.Usages { // names, of which capnp knows all
		w.raw(usage + ", ")
	}
	w.raw("])")
}
