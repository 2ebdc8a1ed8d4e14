// Does for a program outside of workerd what bindings of its Worker do that are workerd's
// own: to durable objects, and to entrypoints of other Workers. The request is the one
// that they get. What they throw is refused as package host understands it.
const lent = "x-clodo-lent";

// Durable objects are called by their name or id; the other operations take a value.
const operations = {
  fetch: (binding, request, to) => (to ? stub(binding, to) : binding).fetch(request),
  idFromName: async (binding, request) => Response.json(String(binding.idFromName(await request.json()))),
  newUniqueId: async (binding, request) => {
    const jurisdiction = await request.json();
    return Response.json(String(binding.newUniqueId(jurisdiction ? { jurisdiction } : undefined)));
  },
};

function stub(namespace, { name, id, locationHint }) {
  return namespace.get(id === undefined ? namespace.idFromName(name ?? "") : namespace.idFromString(id), { locationHint });
}

export default {
  async fetch(request, env) {
    const headers = new Headers(request.headers);
    const { binding, operation, to } = JSON.parse(decodeURIComponent(headers.get(lent)));
    headers.delete(lent);
    try {
      return await operations[operation](env[binding], new Request(request, { headers }), to);
    } catch (e) {
      return new Response(String(e?.message ?? e), { status: 400, headers: { "clodo-refused": "1" } });
    }
  },
};
