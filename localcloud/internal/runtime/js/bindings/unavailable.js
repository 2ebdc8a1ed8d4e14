// A binding to a product that the local cloud does not have: whatever is done with it
// throws a message that says so. Only looking at it, as `env` inspection and promises
// do, does not.
export default function ({ message }) {
  const fail = () => {
    throw new Error(message);
  };
  // Methods throw when they are called; used as a text or a number they throw too.
  const method = new Proxy(fail, {
    get: (_, name) => (name === Symbol.toPrimitive ? fail : Reflect.get(fail, name)),
  });
  return new Proxy(fail, {
    get(_, name) {
      if (values.has(name)) fail();
      if (name === Symbol.toPrimitive) return fail;
      return typeof name === "symbol" || name === "then" || name === "toJSON" ? undefined : method;
    },
    apply: fail,
    construct: fail,
  });
}

// Properties of a Hyperdrive binding that are texts and numbers: a client that got
// anything else for them would quietly connect to its default.
const values = new Set(["connectionString", "host", "port", "user", "password", "database"]);
