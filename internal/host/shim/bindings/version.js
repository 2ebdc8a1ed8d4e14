// The metadata of the Worker's version.
export default { read: ({ id, tag, timestamp }) => ({ id, tag, timestamp }) };
