// What was changed of feature flags, read from KV once in an interval and isolate,
// however many instances of the program ask. What is kept is values and not promises:
// another request's reading may never come to an end.
const kept = new WeakMap(); // by the binding's object

export default {
  // read is { text, age }: what the key holds, "" when it is not there, and how many
  // milliseconds ago that was read.
  async read(binding, { key, maxAge }) {
    let known = kept.get(binding);
    const now = Date.now();
    if (!known || now - known.tried >= maxAge) {
      if (known) known.tried = now; // who asks meanwhile gets what is known
      const text = (await binding.get(key, { cacheTtl: 30 })) ?? "";
      known = { text, read: now, tried: now };
      kept.set(binding, known);
    }
    return { text: known.text, age: Date.now() - known.read };
  },
};
