// A binding to a product that the local cloud does not have: whatever is done with it
// throws a message that says so. Only looking at it, as `env` inspection and promises
// do, does not.
export default function ({ message }) {
  const fail = () => {
    throw new Error(message);
  };
  return new Proxy(fail, {
    get: (_, name) => (typeof name === "symbol" || name === "then" || name === "toJSON" ? undefined : fail),
    apply: fail,
    construct: fail,
  });
}
