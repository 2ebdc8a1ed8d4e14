// Stands before a Worker in service-worker syntax in a trial boot, and tells which
// events it listens to.
{
  const kinds = new Set();
  const listen = globalThis.addEventListener;
  listen("fetch", (event) => event.respondWith(Response.json({ handlers: [...kinds], named: {} })));
  globalThis.addEventListener = (kind, handler) => {
    kinds.add(kind);
    if (kind !== "fetch") listen(kind, handler);
  };
}
