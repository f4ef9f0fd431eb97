/**
 * The close codes that this client knows. Pure.
 *
 * The table of all is docs/wire.md; a test compares the numbers with the server's (`nuphar.actors.words.close_codes`).
 */
export const NORMAL_CLOSURE = 1000;
export const ABNORMAL = 1006;
export const TOO_LARGE = 1009;
export const PROTOCOL_ERROR = 4400;
export const UNAUTHORISED = 4401;
export const FORBIDDEN = 4403;
export const SESSION_GONE = 4404;
export const HEARTBEAT_MISSED = 4508;

/** From the first of these up to the second a client does not come back by itself, SESSION_GONE excepted. */
export const FIRST_FINAL = 4400;
export const FIRST_AFTER = 4500;
