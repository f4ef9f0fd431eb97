/** A client and what its tab keeps, with a tab that a test looks into. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "../src/index.js";
import { add, Page, settled, WELCOME } from "./support.js";

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** What stays when a page is loaded again. */
class Kept {
  head = null;
  rows = new Map();
  names = [];
  writes = 0;
  trouble = null;
  ended = false;

  open = async (name) => {
    this.names.push(name);
    const head = structuredClone(this.head);
    return {
      head,
      rows: structuredClone([...this.rows.values()]),
      save: (head) => (this.head = structuredClone(head)),
      write: async (rows, gone) => {
        await turn();
        if (this.trouble !== null) throw this.trouble;
        this.writes += 1;
        for (const row of rows) this.rows.set(row.row, structuredClone(row));
        for (const row of gone) this.rows.delete(row);
      },
      end: async () => (this.ended = true),
      release: () => {},
    };
  };
}

async function loaded(kept = new Kept(), options = {}) {
  const page = new Page();
  const given = page.options;
  const queue = [];
  const rejected = [];
  const client = connect("/live", {
    ...given,
    platform: { ...given.platform, storage: kept.open, ...options.platform },
    onqueue: (state) => queue.push(state),
    onreject: (error, { target, message }) => rejected.push([target, message, error.code]),
    ...options.client,
  });
  const store = client.subscribe("n", { update: add, optimistic: true, initial: 0 });
  await turn();
  return { page, client, store, kept, queue, rejected };
}

const payloads = (kept) => [...kept.rows.values()].map(({ payload }) => payload);

test("no Hello is sent before the tab's part is found", async () => {
  const page = new Page();
  let found;
  const storage = () => new Promise((resolve) => (found = resolve));
  connect("/live", { ...page.options, platform: { ...page.options.platform, storage } });
  page.socket.open();
  assert.deepEqual(page.socket.sent, []);
  found({ head: { session: "s7", token: "t7", ref: 3, reached: 3, targets: [], date: 1_700_000_000_000 }, rows: [], save() {}, async write() {} });
  await turn();
  assert.deepEqual(page.socket.sent, [[1, 1, "s7", "t7", {}, {}]]);
});

test("a browser that does not come up with it is not waited for longer than two seconds", async () => {
  const { page, client } = await loaded(undefined, { platform: { storage: () => new Promise(() => {}) } });
  page.socket.open();
  page.pass(2000);
  await turn();
  assert.deepEqual(page.socket.sent, [[1, 1, null, null, {}, {}]]);
  assert.deepEqual([client.queue.where, client.queue.why], ["memory", "the storage does not answer"]);
});

test("what is said without a connection is kept at once", async () => {
  const { store, client, kept } = await loaded();
  store.dispatch(5);
  assert.deepEqual([client.queue.messages, client.queue.kept], [1, 0]);
  await turn();
  await turn();
  assert.deepEqual([payloads(kept), client.queue.kept, client.queue.where], [[5], 1, "disk"]);
});

test("what is answered within a moment is never written", async () => {
  const { page, store, kept } = await loaded();
  page.welcome();
  await turn();
  const promise = store.dispatch(5);
  assert.deepEqual(page.socket.sent.at(-1), [4, 2, "topic:n", 5]);
  page.socket.give([17, "topic:n", 1, [2], false]);
  await promise;
  page.pass(100);
  await turn();
  assert.deepEqual([kept.writes, kept.rows.size], [0, 0]);
});

test("what is not answered for a moment is written, and gone with its answer", async () => {
  const { page, store, kept } = await loaded();
  page.welcome();
  store.dispatch(5);
  page.pass(100);
  await turn();
  await turn();
  assert.deepEqual([...kept.rows.values()], [{ row: 1, ref: 2, target: "topic:n", payload: 5, sent: true, session: "s1" }]);
  page.socket.give([17, "topic:n", 1, [2], false]);
  page.pass(100);
  await turn();
  await turn();
  assert.equal(kept.rows.size, 0);
});

test("a page that is loaded again resumes the session, shows what waits and sends it under the same refs", async () => {
  const first = await loaded();
  first.page.welcome();
  first.page.socket.end(1006);
  first.store.dispatch(5);
  first.store.dispatch(7);
  await turn();
  first.page.window.dispatchEvent(new Event("pagehide"));
  await turn();
  await turn();
  const { page, store, kept, rejected } = await loaded(first.kept);
  assert.deepEqual([store.model, store.pending], [12, [5, 7]]);
  page.socket.open();
  assert.deepEqual(page.socket.sent, [[1, 1, "s1", "t1", {}, {}]]);
  page.socket.give(WELCOME.with(4, true).with(3, "t2"));
  assert.deepEqual(page.socket.sent.slice(1, 3), [[4, 2, "topic:n", 5], [4, 3, "topic:n", 7]]);
  assert.equal(kept.head.token, "t2");
  page.socket.give([21, "topic:n", "e1", 8, 100, "subscribed"]);
  page.socket.give([17, "topic:n", 8, [2], false]);
  page.socket.give([18, 3, "topic:n", "denied", "no", null]);
  page.pass(100);
  await turn();
  await turn();
  assert.deepEqual([store.model, store.pending, kept.rows.size, rejected], [100, [], 0, [["topic:n", 7, "denied"]]]);
});

test("a page that is loaded again and again without a connection has never sent what waits", async () => {
  const first = await loaded();
  first.store.dispatch(5);
  await turn();
  first.page.window.dispatchEvent(new Event("pagehide"));
  const second = await loaded(first.kept);
  second.page.window.dispatchEvent(new Event("pagehide"));
  const { page, store, rejected } = await loaded(first.kept);
  page.welcome();
  assert.deepEqual([page.socket.sent.at(-1), store.model, rejected], [[4, 2, "topic:n", 5], 5, []]);
});

test("the head says before anything is sent that it may have been", async () => {
  const { page, store, kept } = await loaded();
  store.dispatch(5);
  page.welcome();
  assert.deepEqual([kept.head.session, kept.head.reached, kept.head.targets], ["s1", 2, ["topic:n"]]);
});

test("where nothing can be written everything goes on in memory, and the page is told", async () => {
  const kept = new Kept();
  const { client, store, queue } = await loaded(kept);
  kept.trouble = new Error("the disk is full");
  store.dispatch(5);
  await turn();
  await turn();
  const { messages, kept: count, where, why } = queue.at(-1);
  assert.deepEqual([messages, count, where, why], [1, 0, "memory", "the disk is full"]);
  kept.trouble = null;
  store.dispatch(6);
  await turn();
  await turn();
  assert.deepEqual([payloads(kept), client.queue.where, client.queue.why], [[5, 6], "disk", ""]);
});

test("a browser that forbids it leaves the queue in memory", async () => {
  const storage = () => Promise.reject(new Error("forbidden"));
  const { client, page, store } = await loaded(undefined, { platform: { storage } });
  page.welcome();
  store.dispatch(5);
  assert.deepEqual(page.socket.sent.at(-1), [4, 2, "topic:n", 5]);
  assert.deepEqual([client.queue.where, client.queue.why], ["memory", "forbidden"]);
});

test("storage can be switched off, and is apart for each user and server", async () => {
  const off = await loaded(undefined, { client: { storage: false } });
  assert.deepEqual([off.kept.names, off.client.queue.where], [[], "memory"]);
  const { kept } = await loaded(undefined, { client: { user: "ann" } });
  assert.deepEqual(kept.names, ["nuphar https://nuphar.example/live ann"]);
});

test("a client that is closed leaves nothing behind", async () => {
  const { client, store, kept, rejected } = await loaded();
  const promise = settled(store.dispatch(5));
  client.close();
  assert.equal((await promise).error.code, "gone");
  assert.deepEqual([kept.ended, rejected], [true, [["topic:n", 5, "gone"]]]);
});

test("a day later what was kept is not sent any more, and the page is told", async () => {
  const first = await loaded();
  first.page.welcome();
  first.page.socket.end(1006);
  first.store.dispatch(5);
  await turn();
  await turn();
  first.kept.head.date -= 86_400_001;
  const { rejected, store, kept } = await loaded(first.kept);
  await turn();
  await turn();
  assert.deepEqual([rejected, store.model, kept.rows.size], [[["topic:n", 5, "gone"]], 0, 0]);
});
