// Where fetch of a process's Workers goes: to a Worker of this local cloud when the
// address is one of its own, else to the internet as it is.
const call = "x-clodo-outbound";
const ask = "x-clodo-ask";

let known; // the hostnames that may be the cloud's; undefined when they are to be asked for
let changes = 0;

async function addresses(cloud) {
  while (known === undefined) {
    const before = changes;
    const { names, endings, port } = await (await cloud.fetch("http://outbound/")).json();
    if (before === changes) known = { names: new Set(names), endings, port };
  }
  return known;
}

// has reports whether a URL may be the cloud's; which path is whose is not known here.
const has = ({ names, endings, port }, { hostname, port: at }) =>
  (at === "" || at === port) && (names.has(hostname) || endings.some((ending) => hostname.endsWith(ending)));

export default {
  async fetch(request, { CLOUD }, { props }) {
    const url = new URL(request.url);
    if (!has(known ?? (await addresses(CLOUD)), url)) return fetch(request);
    const from = JSON.stringify({ ...props, scheme: url.protocol.slice(0, -1) });
    const ours = await CLOUD.fetch(url, { method: "OPTIONS", headers: { [call]: from, [ask]: "1" } });
    if (ours.status !== 204) return fetch(request);
    const headers = new Headers(request.headers);
    headers.set(call, from);
    headers.delete(ask);
    return CLOUD.fetch(new Request(request, { headers }));
  },
};

// Called when the addresses of the local cloud have changed.
export const changed = {
  fetch() {
    changes++;
    known = undefined;
    return new Response(null, { status: 204 });
  },
};
