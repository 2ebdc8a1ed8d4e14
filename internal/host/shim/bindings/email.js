// Email.
const decode = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));

export default {
  draft: (sender, { attachments = [], ...message }) =>
    sender.send({ ...message, attachments: attachments.map((file) => ({ ...file, content: decode(file.content) })) }),
  async raw(sender, { from, to }, body) {
    // Not every workerd has the module.
    const { EmailMessage } = await import("cloudflare:email");
    return sender.send(new EmailMessage(from, to, new Response(body).body));
  },
};
