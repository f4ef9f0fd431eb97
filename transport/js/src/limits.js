/** What a server's Welcome allows, in its words: bytes of a message, targets that are followed, messages that wait. Pure. */
const WINDOW = 1024; // refs whose answers a server remembers, up to the highest that it has seen
const MESSAGE = 65_536; // before a Welcome has said otherwise

/** The limits of a Welcome; what a server does not name is not limited, but for its message and its window. */
export function limitsOf(given) {
  const limit = (name, otherwise) => (given[name] > 0 ? given[name] : otherwise);
  return {
    /** Bytes of one frame. */
    message: limit("message", MESSAGE),
    /** Targets that a session may follow. */
    subscriptions: limit("subscriptions", Infinity),
    /** Messages to one target that may wait for the answer to its Subscribe. */
    held: limit("held", Infinity),
    /** Refs from the lowest without an answer. */
    window: limit("window", WINDOW),
  };
}
