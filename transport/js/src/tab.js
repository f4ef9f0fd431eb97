/**
 * A tab's own part of what a browser keeps: the messages without an answer in IndexedDB, the head (session, token, how
 * far the refs are) in localStorage, where it is written at once. Both are under a name that sessionStorage remembers
 * over a reload, and a lock shows whether somebody has it: a duplicated tab finds its name taken and makes a new one.
 */
const MESSAGES = "messages";
const PATIENCE = 300; // milliseconds for the page before this one to let go of its lock
const GRACE = 10_000; // milliseconds after which a part without a lock is that of a dead tab, and not of one that reloads

const answer = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

/** Hold a lock until the result is called, or the page ends; null if it cannot be had. */
const hold = (name, options) =>
  new Promise((resolve) => {
    const held = (lock) => new Promise((release) => (lock === null ? release(resolve(null)) : resolve(release)));
    navigator.locks.request(name, options, held).catch(() => resolve(null));
  });

async function database() {
  const request = indexedDB.open("nuphar", 1);
  request.onupgradeneeded = () => request.result.createObjectStore(MESSAGES, { keyPath: ["name", "row"] });
  const opened = await answer(request);
  opened.onversionchange = () => opened.close();
  return opened;
}

/** A part: `head` and `rows` as they were left, and what changes them. `release()` lets others have it. */
class Tab {
  constructor(name, release, db) {
    Object.assign(this, { name, head: JSON.parse(localStorage[name] ?? "null"), rows: [], release, _db: db });
  }

  async read() {
    this.rows = await answer(this._db.transaction(MESSAGES).objectStore(MESSAGES).getAll(this._all));
    return this;
  }

  /** Write the head, at once. Raises what localStorage raises. */
  save(head) {
    try {
      localStorage[this.name] = JSON.stringify(head);
    } catch (error) {
      delete localStorage[this.name]; // no token is better than an old one
      throw error;
    }
  }

  /** Write some messages and delete others, all or nothing. */
  async write(rows, gone) {
    this._db ??= await database();
    try {
      const transaction = this._db.transaction(MESSAGES, "readwrite");
      const messages = transaction.objectStore(MESSAGES);
      for (const row of rows) messages.put({ ...row, name: this.name });
      for (const row of gone) messages.delete(row === null ? this._all : [this.name, row]);
      transaction.commit(); // a page that ends now does not come round to it
      await new Promise((resolve, reject) => {
        transaction.oncomplete = resolve;
        transaction.onabort = () => reject(transaction.error);
      });
    } catch (error) {
      this._db = null; // it may have been closed; the next one opens it anew
      throw error;
    }
  }

  /** Leave nothing behind. */
  async end() {
    delete localStorage[this.name];
    await this.write([], [null]).finally(this.release);
  }

  get _all() {
    return IDBKeyRange.bound([this.name], [this.name, []]);
  }
}

/**
 * The part of this tab, or one that a dead tab left with messages in it. `date` is now, in
 * milliseconds since 1970. Raises an Error where nothing can be kept.
 */
export async function openTab(base, date) {
  if (!navigator.locks) throw new Error("no Web Locks; they need https");
  const db = await database();
  let name = sessionStorage[base];
  let release = name && (await hold(name, { signal: AbortSignal.timeout(PATIENCE) }));
  if (release) return new Tab(name, release, db).read();
  for (name of Object.keys(localStorage).filter((key) => key.startsWith(`${base} `))) {
    if (date - JSON.parse(localStorage[name]).date < GRACE) continue;
    release = await hold(name, { ifAvailable: true });
    if (!release) continue;
    const tab = await new Tab(name, release, db).read();
    sessionStorage[base] = name;
    if (tab.rows.length > 0) return tab;
    await tab.end();
  }
  name = sessionStorage[base] = `${base} ${[...crypto.getRandomValues(new Uint32Array(4))].join("-")}`;
  return new Tab(name, await hold(name, {}), db);
}
