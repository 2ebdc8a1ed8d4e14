// Tells what a Worker exports. It runs beside the Worker in a trial boot; MAIN is
// replaced by the specifier of the Worker's main module.
import * as user from "MAIN";
import { WorkerEntrypoint } from "cloudflare:workers";

const events = ["alarm", "connect", "email", "fetch", "queue", "scheduled", "tail", "tailStream", "test", "trace"];

function handlers(value) {
  if (typeof value === "function") {
    if (!value.prototype) return []; // an arrow function
    if (!(value.prototype instanceof WorkerEntrypoint)) return ["class"];
    return events.filter((name) => typeof value.prototype[name] === "function");
  }
  if (value === null || typeof value !== "object") return [];
  return events.filter((name) => typeof value[name] === "function");
}

export default {
  fetch() {
    const named = {};
    for (const [name, value] of Object.entries(user)) {
      if (name !== "default") named[name] = handlers(value);
    }
    const main = handlers(user.default);
    return Response.json({ handlers: main.filter((name) => name !== "class"), named });
  },
};
