/** Who is in: which targets are followed, are to be asked for later, or found no room. Pure. */
import { NupharError } from "./errors.js";
import { SUBSCRIBE, UNSUBSCRIBE } from "./frames.js";

const LATER = ["busy", "rate_limited"]; // refusals that pass by themselves; details may hold the seconds to wait

export class Seats {
  /** `ask(entry)` sends what has an answer, `told(slice)` is called when a slice is refused. */
  constructor({ slices, link, random, ask, told }) {
    Object.assign(this, { slices, link, random, ask, told });
  }

  /** When a target is to be asked for again; Infinity for never. */
  get deadline() {
    return Math.min(...[...this.slices.values()].map((slice) => slice.againAt ?? Infinity));
  }

  /** Was something asked for whose answer may be a Snapshot? */
  get owed() {
    return [...this.slices.values()].some((slice) => slice.asking || slice.standing === "asked");
  }

  /** Ask for a target, or refuse it here if this session has as many as a server gives. */
  join(slice) {
    slice.againAt = null;
    slice.crowded = !this._hasRoom;
    if (!slice.crowded) {
      slice.standing = "asked";
      return this.ask({ kind: SUBSCRIBE, target: slice.target, slice });
    }
    slice.error = new NupharError("busy", `a session may have ${this.link.limits.subscriptions} subscriptions`);
    this.told(slice);
  }

  leave(target) {
    this.ask({ kind: UNSUBSCRIBE, target });
    this.fill();
  }

  /** The server has refused a target, or put this client out of it. */
  shutOut(slice, error, now) {
    Object.assign(slice, { standing: "out", error });
    slice.distrust();
    const seconds = typeof error.details === "number" ? error.details : 1;
    const patience = Math.min(2 ** slice.refusals, 30) * this.random();
    if (LATER.includes(error.code)) slice.againAt = now + 1000 * (seconds + patience);
    slice.refusals += 1;
    this.told(slice);
    this.fill();
  }

  /** A place may be free for one that found none. */
  fill() {
    for (const slice of this.slices.values()) if (slice.crowded && this._hasRoom) this.join(slice);
  }

  tick(now) {
    for (const slice of this.slices.values()) if (slice.againAt !== null && slice.againAt <= now) this.join(slice);
  }

  get _hasRoom() {
    const taken = [...this.slices.values()].filter(({ standing }) => standing !== "out").length;
    return taken < this.link.limits.subscriptions;
  }
}
