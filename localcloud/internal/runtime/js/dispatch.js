// Hands a request that a dispatch binding sent to the user Worker that it names. What
// the Worker throws goes back to the dispatcher.
const target = "x-clodo-dispatch";
const failure = "x-clodo-dispatch-error";
const failureName = "x-clodo-dispatch-error-name";

export default {
  async fetch(request, env) {
    const headers = new Headers(request.headers);
    const user = env[headers.get(target)];
    headers.delete(target);
    try {
      return await user.fetch(new Request(request, { headers }));
    } catch (e) {
      const [message, name] = [e?.message ?? e, e?.name ?? "Error"].map((text) => encodeURIComponent(String(text)));
      return new Response(null, { status: 500, headers: { [failure]: message, [failureName]: name } });
    }
  },
};
