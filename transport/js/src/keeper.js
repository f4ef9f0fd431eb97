/**
 * Has the messages without an answer kept, behind their sending: a message is kept once it has a `stamp`. What cannot
 * be kept stays in memory, and `why` says so. The head is kept at once, in front of whatever is sent under it.
 */
const LIMIT = 2_000; // milliseconds for the browser to come up with what it has
const CALM = 100; // milliseconds: while connected most messages have their answer sooner, and are never written
const STALE = 86_400_000; // milliseconds after which a message is not sent any more by itself

export class Keeper {
  /** "disk" or "memory". */
  where = "memory";
  why = "";
  _tab = null;
  _rows = new Set();
  _last = 0;
  _timer = null;
  _writing = false;
  _again = false;

  constructor({ platform, core, told }) {
    Object.assign(this, { platform, core, told });
  }

  /** How many messages a page that is loaded now would find. */
  get kept() {
    return this.core.targets.messages.filter((entry) => entry.stamp).length;
  }

  /** Open this tab's part; the core goes on from what is in it. Never raises, and takes at most `LIMIT`. */
  async open(base) {
    const { platform } = this;
    let timer;
    const late = new Promise((_, reject) => {
      timer = platform.setTimeout(() => reject(new Error("the storage does not answer")), LIMIT);
    });
    const opening = (async () => platform.storage(base, platform.date()))();
    try {
      this._tab = await Promise.race([opening, late]);
      const { head, rows } = this._tab;
      this.where = "disk";
      this._rows = new Set(rows.map(({ row }) => row));
      this._last = Math.max(0, ...this._rows);
      return head && [head, rows, platform.date() - head.date > STALE];
    } catch (error) {
      this._fails(error);
      opening.then((tab) => tab.release(), () => {}); // what is in it stays for the next page
    } finally {
      platform.clearTimeout(timer);
    }
  }

  /** Write down the session, its token, and how far its refs are. */
  save() {
    const { link, targets } = this.core;
    const { session, token } = link;
    const { ref, reached } = targets;
    const followed = [...targets.replicas.keys(), ...targets.orphans];
    const head = { session, token, ref, reached, targets: followed, date: this.platform.date() };
    try {
      this._tab?.save(head);
    } catch (error) {
      this._fails(error);
    }
  }

  /** The messages have changed. */
  touch() {
    if (this._tab === null) return;
    if (this.core.link.state !== "live") this.flush();
    else this._timer ??= this.platform.setTimeout(() => this.flush(), CALM);
  }

  /** Write what has changed, one transaction at a time. */
  async flush() {
    this.platform.clearTimeout(this._timer);
    this._timer = null;
    this._again = this._writing;
    if (this._writing || this._tab === null) return;
    const { targets, link } = this.core;
    const { session } = link;
    const entries = targets.messages;
    for (const entry of entries) entry.row ??= this._last += 1;
    const stamp = (entry) => `${session} ${entry.ref} ${entry.sent !== null}`;
    const fresh = entries.filter((entry) => entry.stamp !== stamp(entry)).map((entry) => [entry, stamp(entry)]);
    const gone = [...this._rows].filter((row) => !entries.some((entry) => entry.row === row));
    if (fresh.length + gone.length === 0) return;
    const rows = fresh.map(([{ row, ref, target, payload, sent }]) => ({ row, ref, target, payload, sent: sent !== null, session }));
    this._writing = true;
    try {
      await this._tab.write(rows, gone);
      for (const [entry, written] of fresh) entry.stamp = written;
      this._rows = new Set(entries.map(({ row }) => row));
      this.where = "disk";
      this.why = "";
    } catch (error) {
      this._fails(error);
    }
    this._writing = false;
    this.told();
    if (this._again) await this.flush();
  }

  /** The client has ended, and everybody was told what became of his messages. */
  end() {
    this.platform.clearTimeout(this._timer);
    const tab = this._tab;
    this._tab = null;
    tab?.end().catch(this.platform.report);
  }

  _fails(error) {
    this.where = "memory";
    this.why = error.message;
  }
}
