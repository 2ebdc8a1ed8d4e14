// The Secrets Store.
export default { get: (secret) => secret.get() };
