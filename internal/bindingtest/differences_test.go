package bindingtest

// difference is one reason why cases see something else here than in Miniflare.
type difference struct {
	title string
	why   string // and what Cloudflare does, where its documentation says it
	cases []string
}

func differences() []difference {
	return []difference{
		{
			"Cursors that no list gave out",
			"Here they are refused, so that a mix-up is seen. Miniflare begins again with the first page.",
			[]string{"KV: list with a cursor that is none", "R2: list with a cursor that is none"},
		},
		{
			"R2: empty keys",
			"Cloudflare's objects have names; here, as there, an empty one is refused. Miniflare keeps an object under it.",
			[]string{"R2: put under an empty key", "R2: get of an empty key", "R2: head of an empty key", "R2: delete of an empty key", "R2: an upload under an empty key"},
		},
		{
			"R2: customers' keys",
			"An object that was put with `ssecKey` is read with the same key only, and has the key's MD5, as Cloudflare documents. Miniflare ignores the option.",
			[]string{"R2: put and get with a key of one's own", "R2: get without the key of its own", "R2: get with another key", "R2: head of an object with a key of its own"},
		},
		{
			"R2: storage classes",
			"Objects have the class that they were put with, by default `Standard`, as Cloudflare documents. Miniflare keeps none.",
			[]string{"R2: the storage class of an object", "R2: put with a storage class", "R2: put with a storage class that is none"},
		},
		{
			"R2: metadata that a list was not asked for",
			"Here it is `undefined`; in Miniflare an object without values. Cloudflare documents only that it is not filled.",
			[]string{"R2: list without metadata", "R2: list with one kind of metadata"},
		},
		{
			"R2: limits of one call",
			"Cloudflare documents 1,000 keys for one delete. Here more are refused; Miniflare takes them.",
			[]string{"R2: delete of 1,001 keys"},
		},
		{
			"R2: odd ends of an upload in parts",
			"Here parts may be named in any order, and are judged in that of their numbers; an upload without parts is refused. In Miniflare the last one named may be small, and no parts make an empty object. Cloudflare's documentation is silent.",
			[]string{"R2: parts in another order", "R2: a part twice", "R2: an upload of no parts"},
		},
		{
			"R2: a range of an empty object",
			"Refused on both; Miniflare has no words for it.",
			[]string{"R2: get with a range of an object that is empty"},
		},
		{
			"Queues: acknowledged before a throw",
			"A message that was acknowledged stays so when the handler throws afterwards, as Cloudflare documents. Miniflare delivers it again, up to the limit of retries.",
			[]string{"Queues: ack, then a throw, is delivered again", "Queues: ackAll, then a throw, is delivered again"},
		},
		{
			"Queues: what is wrong with a message",
			"Refused on both; here the error says why.",
			[]string{"Queues: send of a function", "Queues: send with a negative delay", "Queues: send with a delay that is too long"},
		},
	}
}
