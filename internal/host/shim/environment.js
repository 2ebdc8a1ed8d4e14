// The texts of env, variables and secrets, are the environment of the program.
import { pack } from "./wire.js";

// environment puts those into `small` that the runtime of Go has room for, and returns
// the longer ones as bytes, for package host.
export function environment(env, small) {
  const texts = Object.entries(env).filter(([, value]) => typeof value === "string");
  const size = ([name, value]) => name.length + value.length;
  let room = 2000; // characters: with up to 3 bytes each and the rest of 8 KB for pointers
  const rest = [];
  for (const text of texts.sort((a, b) => size(a) - size(b))) {
    room -= size(text) + 10;
    if (room > 0) small[text[0]] = text[1];
    else rest.push(...text);
  }
  return pack(rest);
}
