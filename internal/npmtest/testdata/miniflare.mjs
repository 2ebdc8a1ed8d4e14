// Runs Miniflare until stdin ends: node miniflare.mjs FOLDER OPTIONS, where FOLDER has
// the node_modules and OPTIONS is JSON. The first line on stdout is its address.
import { createRequire } from "node:module";

const [folder, options] = process.argv.slice(2);
const { Miniflare, Log, LogLevel, convertV4MiniflareOptions } = createRequire(folder + "/")("miniflare");
const given = { host: "127.0.0.1", port: 0, ...JSON.parse(options), logRequests: false, log: new Log(LogLevel.ERROR) };
const miniflare = new Miniflare(convertV4MiniflareOptions ? convertV4MiniflareOptions(given) : given);
console.log(String(await miniflare.ready));
process.stdin.on("end", async () => {
  await miniflare.dispose();
  process.exit(0);
});
process.stdin.resume();
