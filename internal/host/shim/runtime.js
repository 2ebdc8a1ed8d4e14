// Where what the runtime of Go imports from wasm_exec.js is replaced. Its functions take
// a place on the program's stack, with their arguments 8 bytes from it.

// standIn is for starting the program while the Worker itself starts, which a variable
// asks for. Where no request is, a Worker has no randomness and its clock stands at zero;
// a program in Go needs both when it starts.
export function standIn(go, booting) {
  const { gojs } = go.importObject;
  const { "runtime.getRandomData": random, "runtime.nanotime1": now } = gojs;
  let state = 0x9e3779b9;
  gojs["runtime.getRandomData"] = (sp) => {
    if (!booting()) return random(sp);
    const at = go.mem.getUint32((sp >>> 0) + 8, true);
    const length = go.mem.getUint32((sp >>> 0) + 16, true);
    for (let i = 0; i < length; i++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      go.mem.setUint8(at + i, state);
    }
  };
  gojs["runtime.nanotime1"] = (sp) => {
    if (booting()) go.mem.setBigInt64((sp >>> 0) + 8, 1n, true);
    else now(sp);
  };
}

// noEvent makes it quick that the runtime, each time that it is resumed, looks for an
// event in the property _pendingEvent of `go`. There is none when the shim resumes it,
// and to find that out in wasm_exec.js is a twelfth of the CPU time of a short request.
export function noEvent(go) {
  const { gojs } = go.importObject;
  const { "syscall/js.valueGet": get } = gojs;
  const property = "_pendingEvent".length;
  let resumed = false;
  gojs["syscall/js.valueGet"] = (sp) => {
    const first = resumed; // it is the first that it does
    resumed = false;
    if (!first || go._pendingEvent !== null || go.mem.getUint32((sp >>> 0) + 24, true) !== property) return get(sp);
    go.mem.setUint32((sp >>> 0) + 32, 2, true); // null is the value 2, and no number
    go.mem.setUint32((sp >>> 0) + 36, 0x7ff80000, true);
  };
  return () => (resumed = true);
}
