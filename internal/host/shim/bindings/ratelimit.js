// Rate limits.
export default { limit: (limit, args) => limit.limit(args) };
