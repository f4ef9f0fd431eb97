/** Who is in: which targets are followed, are to be asked for later, or found no room. Pure. */
import { NupharError } from "./errors.js";
import { SUBSCRIBE, UNSUBSCRIBE } from "./frames.js";

const LATER = "busy"; // the refusal that passes by itself

export class Seats {
  /** `ask(entry)` sends what has an answer, `told(replica)` is called when a replica is refused. */
  constructor({ replicas, link, random, ask, told }) {
    Object.assign(this, { replicas, link, random, ask, told });
  }

  /** When a target is to be asked for again; Infinity for never. */
  get deadline() {
    return Math.min(...[...this.replicas.values()].map((replica) => replica.againAt ?? Infinity));
  }

  /** Was something asked for whose answer may be a Snapshot? */
  get owed() {
    return [...this.replicas.values()].some((replica) => replica.asking || replica.standing === "asked");
  }

  /** Ask for a target, or refuse it here if this session has as many as a server gives. */
  join(replica) {
    replica.againAt = null;
    replica.crowded = !this._hasRoom;
    if (!replica.crowded) {
      replica.standing = "asked";
      return this.ask({ kind: SUBSCRIBE, target: replica.target, replica });
    }
    replica.error = new NupharError("busy", `a session may have ${this.link.limits.subscriptions} subscriptions`);
    this.told(replica);
  }

  leave(target) {
    this.ask({ kind: UNSUBSCRIBE, target });
    this.fill();
  }

  /** The server has refused a target, or put this client out of it. */
  shutOut(replica, error, now) {
    Object.assign(replica, { standing: "out", error });
    replica.distrust();
    const patience = Math.min(2 ** replica.refusals, 30) * this.random();
    if (error.code === LATER) replica.againAt = now + 1000 * (1 + patience);
    replica.refusals += 1;
    this.told(replica);
    this.fill();
  }

  /** A place may be free for one that found none. */
  fill() {
    for (const replica of this.replicas.values()) if (replica.crowded && this._hasRoom) this.join(replica);
  }

  tick(now) {
    for (const replica of this.replicas.values()) if (replica.againAt !== null && replica.againAt <= now) this.join(replica);
  }

  get _hasRoom() {
    const taken = [...this.replicas.values()].filter(({ standing }) => standing !== "out").length;
    return taken < this.link.limits.subscriptions;
  }
}
