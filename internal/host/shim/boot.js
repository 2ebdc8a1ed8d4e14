// Starting the program while the Worker itself starts, which a variable asks for. Where
// no request is, the runtime gives no randomness and its clock stands at zero; a program
// in Go needs both when it starts.
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
