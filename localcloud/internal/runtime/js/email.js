// What cloudflare:email exports. A message goes to other Workers by RPC, so that what the
// constructor gives is a plain object, with the text under a name that nobody else uses.
class EmailMessage {
  constructor(from, to, raw) {
    if (raw === undefined) throw new TypeError("EmailMessage takes a sender, a recipient and the raw message");
    return { from: String(from), to: String(to), "clodo:raw": raw };
  }
}

export default { EmailMessage };
