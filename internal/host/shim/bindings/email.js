// Email.
import { EmailMessage } from "cloudflare:email";

const decode = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));

export default {
  draft: (sender, { attachments = [], ...message }) =>
    sender.send({ ...message, attachments: attachments.map((file) => ({ ...file, content: decode(file.content) })) }),
  raw: (sender, { from, to }, body) => sender.send(new EmailMessage(from, to, body instanceof Uint8Array ? new Blob([body]).stream() : body)),
};
