// What the Worker has, for the program: texts, which are variables and secrets, are its
// environment, and so is, as JSON, what is plain data.
import { Parcel } from "./wire.js";

// environment puts those into `small` that the runtime of Go has room for, and returns
// the rest as bytes, for package host: the names of the bindings, and longer texts.
export function environment(env, small) {
  const texts = [];
  const bindings = [];
  for (const [name, value] of Object.entries(env)) {
    if (typeof value === "string") texts.push([name, value]);
    else if (isPlain(value)) texts.push([name, JSON.stringify(value)]);
    // The version's metadata is both: data, and a binding that a program may insist on.
    if (Object(value) === value) bindings.push(name);
  }
  const parcel = new Parcel().number(bindings.length);
  for (const name of bindings) parcel.text(name);
  const size = ([name, value]) => name.length + value.length;
  let room = 2000; // characters: with up to 3 bytes each and the rest of 8 KB for pointers
  for (const [name, value] of texts.sort((a, b) => size(a) - size(b))) {
    room -= name.length + value.length + 10;
    if (room > 0) small[name] = value;
    else parcel.text(name).text(value);
  }
  return parcel.bytes();
}

// isPlain tells data from bindings, which may be plain objects too, but have methods.
function isPlain(value) {
  if (value === null || typeof value !== "object") return typeof value !== "function";
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null && !Array.isArray(value)) return false;
  return Object.values(value).every((part) => typeof part !== "function");
}
