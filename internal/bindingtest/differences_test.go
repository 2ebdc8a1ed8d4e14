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
		{
			"The Cache API: answers that do not say how long",
			"They are kept by their status for as long as Cloudflare documents, such as two hours for 200 and three minutes for 404. Miniflare keeps none of them.",
			[]string{"the Cache API: nothing said", "the Cache API: nothing said, and 404"},
		},
		{
			"The Cache API: other statuses",
			"An answer that says how long is kept whatever its status; Cloudflare names 206 and 304 as those that are not. Miniflare keeps some.",
			[]string{"the Cache API: status 204", "the Cache API: status 403", "the Cache API: status 500"},
		},
		{
			"The Cache API: stale-while-revalidate",
			"Cloudflare documents that the Cache API does not go by it. Miniflare keeps such an answer.",
			[]string{"the Cache API: stale-while-revalidate"},
		},
		{
			"The Cache API: keys of one's own",
			"Cloudflare documents `cf.cacheKey` for `fetch`; here, in the Cache API, the URL counts alone. Miniflare goes by it.",
			[]string{"the Cache API: a key of its own"},
		},
		{
			"The Cache API: a tag and a time",
			"Of two conditions the tag counts, as HTTP has it. In Miniflare one of them is enough.",
			[]string{"the Cache API: a tag that differs before a time that does not"},
		},
		{
			"The Cache API: compressed answers",
			"Here a Worker reads what it put. In Miniflare it gets the compressed bytes.",
			[]string{"the Cache API: compressed"},
		},
		{
			"The Cache API: ranges that are none",
			"Refused on both; here the answer says why.",
			[]string{"the Cache API: a range of something else", "the Cache API: a range that is none"},
		},
	}
}
