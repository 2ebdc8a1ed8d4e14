// The binding to a dispatch namespace: user Workers run in other processes and are
// reached by HTTP, so that fetch is all they can be asked for.
const target = "x-clodo-dispatch";
const failure = "x-clodo-dispatch-error";
const failureName = "x-clodo-dispatch-error-name";

// The errors of JavaScript itself stay what they are between Workers; others become an Error.
const native = new Map([EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError].map((one) => [one.name, one]));

async function dispatch(service, script, input, init) {
  const request = new Request(input, init);
  const headers = new Headers(request.headers);
  const scheme = new URL(request.url).protocol.slice(0, -1);
  headers.set(target, encodeURIComponent(JSON.stringify({ script, scheme, cf: request.cf })));
  const response = await service.fetch(new Request(request, { headers }));
  const message = response.headers.get(failure);
  if (message !== null) throw new (native.get(response.headers.get(failureName)) ?? Error)(decodeURIComponent(message));
  return response;
}

class DispatchNamespace {
  #service;

  constructor(service) {
    this.#service = service;
  }

  get(name, _args, options) {
    if (typeof name !== "string") throw new TypeError("the name of a user Worker is a string");
    if (options?.outbound) throw new Error("the local cloud has no outbound Workers");
    const service = this.#service;
    const methods = { fetch: (input, init) => dispatch(service, name, input, init) };
    return new Proxy(methods, {
      get(_, property) {
        if (property in methods || typeof property === "symbol" || property === "then" || property === "toJSON") return methods[property];
        return () => {
          throw new Error(`the local cloud calls user Workers by fetch only, not by their method "${property}"`);
        };
      },
    });
  }
}

export default ({ service }) => new DispatchNamespace(service);
