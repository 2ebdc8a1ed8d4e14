// The Cache API.
const open = (name) => (name === undefined ? caches.default : caches.open(name));
const key = ({ url, headers }) => new Request(url, { headers });

export default {
  async match(_, args, _body, call) {
    const response = await (await open(args.name)).match(key(args));
    if (!response) return { headers: [] };
    const { status, statusText, headers } = response;
    return call.answer({ status, statusText, headers: [...headers] }, response.body);
  },
  async put(_, args, body) {
    const { status, headers } = args.answer;
    const empty = [204, 205, 304].includes(status);
    await (await open(args.name)).put(key(args), new Response(empty ? null : body, { status, headers }));
  },
  async delete(_, args) {
    return (await open(args.name)).delete(key(args));
  },
};
