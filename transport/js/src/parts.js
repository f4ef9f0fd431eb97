/** The cursors of many targets in frames that a server takes. Pure. */
import { encode } from "./frames.js";

const HEADS = 12; // bytes at most: of an array of two, of its type, and of a map

/** Maps that together have all `cursors`, in their order; the frame around each has at most `size` bytes, if one cursor fits. */
export function parts(cursors, size) {
  const all = [];
  let room = -1;
  for (const [target, cursor] of Object.entries(cursors)) {
    const length = encode([target, cursor]).length - 1;
    if (length > room) {
      all.push({});
      room = size - HEADS;
    }
    room -= length;
    all.at(-1)[target] = cursor;
  }
  return all;
}
