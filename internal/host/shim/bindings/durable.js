// Durable Objects. `to` says which one: { name } or { id }, and { locationHint }.
import fetcher from "./fetch.js";

function stub(namespace, { name, id, locationHint }) {
  return namespace.get(id === undefined ? namespace.idFromName(name ?? "") : namespace.idFromString(id), { locationHint });
}

export default {
  fetch: (namespace, { to, ...request }, body, call) => fetcher.fetch(stub(namespace, to), request, body, call),
  idFromName: (namespace, name) => String(namespace.idFromName(name)),
  newUniqueId: (namespace, jurisdiction) => String(namespace.newUniqueId(jurisdiction ? { jurisdiction } : undefined)),
};
