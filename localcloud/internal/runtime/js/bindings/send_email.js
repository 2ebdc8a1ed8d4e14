// Sends email into the mailbox of the local cloud. The rules are those of the binding.
const list = (value) => (value === undefined || value === null ? [] : Array.isArray(value) ? value : [value]);

function address(value) {
  if (typeof value !== "string") return String(value?.email);
  return /<([^<>]*)>\s*$/.exec(value)?.[1] ?? value.trim();
}

function base64(content) {
  if (typeof content === "string") return content;
  const bytes = ArrayBuffer.isView(content) ? new Uint8Array(content.buffer, content.byteOffset, content.byteLength) : new Uint8Array(content);
  let text = "";
  for (let i = 0; i < bytes.length; i += 0x8000) text += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
  return btoa(text);
}

export default function ({ mailbox, rules }) {
  function check(from, recipients) {
    const { senders, destination, destinations } = rules;
    if (senders && !senders.includes(from)) throw new Error(`email from ${from} not allowed`);
    for (const to of recipients) {
      if ((destination && to !== destination) || (destinations && !destinations.includes(to))) throw new Error(`email to ${to} not allowed`);
    }
  }

  async function post(path, body) {
    const response = await mailbox.fetch("http://mail" + path, { method: "POST", body });
    const { error, messageId } = await response.json();
    if (error) throw new Error(error);
    return { messageId };
  }

  return {
    async send(message) {
      if (message === null || typeof message !== "object") throw new TypeError("send() takes an EmailMessage, or an object with from, to, subject and text or html");
      const raw = message["clodo:raw"];
      if (raw !== undefined) {
        check(message.from, [message.to]);
        return post("/raw?" + new URLSearchParams({ from: message.from, to: message.to }), raw);
      }
      const { from, to, cc, bcc, attachments, ...rest } = message;
      const envelope = { to: list(to), cc: list(cc), bcc: list(bcc) };
      check(address(from), [...envelope.to, ...envelope.cc, ...envelope.bcc].map(address));
      const files = list(attachments).map((file) => ({ ...file, content: base64(file.content) }));
      return post("/draft", JSON.stringify({ ...rest, from, ...envelope, attachments: files }));
    },
  };
}
