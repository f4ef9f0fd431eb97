/**
 * The frames of the wire protocol (docs/wire.md) and their bytes: one CBOR array `[type, field, ...]` each. Pure.
 */
import { decode as read } from "./cbor.js";

export { encode } from "./cbor.js";

export const PROTOCOL = "nuphar.v1.cbor";
export const VERSION = 1;

export const HELLO = 1;
export const SUBSCRIBE = 2;
export const UNSUBSCRIBE = 3;
export const CLIENT_MESSAGE = 4;
export const RESYNC = 5;
export const PING = 7;
export const WELCOME = 16;
export const ACKNOWLEDGE = 17;
export const REJECTED = 18;
export const SERVER_MESSAGE = 19;
export const PUSH = 20;
export const SNAPSHOT = 21;
export const PRESENCE = 24;
export const PONG = 25;
export const BYE = 26;
export const OUT = 27;

const text = (value) => typeof value === "string";
const textOrNull = (value) => value === null || text(value);
const count = (value) => Number.isSafeInteger(value) && value >= 0;
const seconds = (value) => typeof value === "number" && value >= 0;
const flag = (value) => typeof value === "boolean";
const list = Array.isArray;
const counts = (value) => list(value) && value.every(count);
const map = (value) => typeof value === "object" && value !== null && !list(value);
const any = (value) => value !== undefined;

/** What is told of a message besides its payload (docs/wire.md, "Extra"); other keys are a later version's. */
const TOLD = { author: textOrNull, at: (value) => value === null || seconds(value) };

/** An Acknowledge tells it in lists that run parallel to its refs. */
const extra = (value, { 0: type, 3: refs }) =>
  !any(value) ||
  (map(value) &&
    Object.entries(TOLD).every(([key, check]) => {
      const told = value[key];
      if (!any(told) || type !== ACKNOWLEDGE) return !any(told) || check(told);
      return list(told) && told.length === refs.length && told.every((each) => check(each));
    }));

/** The frames that a server may send, and a check for each field after the type. */
const FROM_SERVER = new Map([
  [PING, [count]],
  [WELCOME, [text, text, text, flag, map, seconds, text, extra]],
  [ACKNOWLEDGE, [text, count, counts, flag, extra]],
  [REJECTED, [count, textOrNull, text, text, any]],
  [SERVER_MESSAGE, [text, count, any, extra]],
  [PUSH, [text, any]],
  [SNAPSHOT, [text, text, count, any, text]],
  [PRESENCE, [text, list, list, flag]],
  [PONG, [count]],
  [BYE, [text, seconds]],
  [OUT, [text, text, text, count]],
]);

/**
 * Read one frame of a server. Trailing fields are left alone, and so is a type from a later version, so that
 * version 1 can grow. Raises an Error for everything else that docs/wire.md does not describe.
 */
export function decode(data) {
  const frame = read(data);
  if (!list(frame) || !count(frame[0])) throw new TypeError("expected an array that starts with a frame type");
  const shape = FROM_SERVER.get(frame[0]);
  if (shape === undefined) {
    if (frame[0] < WELCOME) throw new TypeError(`a server may not send frame type ${frame[0]}`);
    return frame;
  }
  const wrong = shape.findIndex((check, index) => !check(frame[index + 1], frame));
  if (wrong >= 0) throw new TypeError(`field ${wrong + 1} of frame type ${frame[0]} is missing or of the wrong type`);
  return frame;
}
