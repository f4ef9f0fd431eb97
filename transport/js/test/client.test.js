import assert from "node:assert/strict";
import { test } from "node:test";
import { encode } from "cborg";
import { automatic, connect, custom, NupharError } from "../src/index.js";
import { add, Page, settled, WELCOME } from "./support.js";

function live(options = {}) {
  const page = new Page();
  const client = connect("/live", { ...page.options, ...options });
  page.welcome();
  return { page, client };
}

function counting(options = {}) {
  const { page, client } = live();
  const store = client.subscribe("n", { update: add, ...options });
  page.socket.give([21, "topic:n", "e1", 3, 10, "subscribed"]);
  page.socket.give([17, "topic:n", 3, [1], false]);
  return { page, client, store };
}

test("a path is a socket of the page's host, with our subprotocol and array buffers", () => {
  const { page } = live();
  const { url, protocols, binaryType } = page.socket;
  assert.deepEqual([url, protocols, binaryType], ["wss://nuphar.example/live", ["nuphar.v1.cbor"], "arraybuffer"]);
});

test("outside a page a full URL is needed, and only ws will do", () => {
  const page = new Page();
  const at = (url) => () => connect(url, { ...page.options, platform: { ...page.options.platform, location: undefined } });
  assert.throws(at("/live"), { name: "TypeError", message: "Invalid URL" });
  assert.throws(at("ftp://host/live"), { message: "expected a ws, wss, http or https URL, got ftp:" });
  at("ws://host/live")();
  assert.equal(page.socket.url, "ws://host/live");
});

test("an option that does not exist is an error", () => {
  const { client } = live();
  const message = "subscribe has no option updat; it has update, initial, optimistic, params, local";
  assert.throws(() => client.subscribe("n", { updat: add }), { message });
  assert.throws(() => connect("/live", { retries: 3 }), { name: "TypeError" });
});

test("ids are topics unless they say otherwise", () => {
  const { page, client } = live();
  for (const id of ["board", "topic:rooms", "session", "page:home", "tree", "room:7", "e\u0301"]) client.subscribe(id);
  const targets = page.socket.sent.filter(([type]) => type === 2).map((frame) => frame[2]);
  assert.deepEqual(targets, ["topic:board", "topic:rooms", "session", "page:home", "tree", "topic:room:7", "topic:\u00e9"]);
  for (const id of ["", "topic:", "x".repeat(256), "a\nb"]) assert.throws(() => client.subscribe(id), RangeError);
  assert.throws(() => client.subscribe(7), TypeError);
});

test("one target is one store", () => {
  const { client } = live();
  assert.equal(client.subscribe("board"), client.subscribe("topic:board"));
});

test("the state is told with its time and reason", () => {
  const page = new Page();
  const states = [];
  const onstate = (state, client) => states.push([state, client.since - 1_700_000_000_000, client.why]);
  const client = connect("/live", { ...page.options, onstate });
  page.pass(100);
  page.welcome();
  page.pass(100);
  page.socket.end(4500, "restarting");
  page.pass(500);
  page.socket.end(4403, "forbidden");
  assert.deepEqual(states, [
    ["connecting", 0, ""],
    ["live", 100, ""],
    ["offline", 200, "restarting"],
    ["connecting", 700, "restarting"],
    ["closed", 700, "forbidden"],
  ]);
  assert.deepEqual([client.state, client.clientId, page.sockets.length, page.timers.size], ["closed", "c0ffee", 2, 0]);
});

test("a listener that has left hears nothing, and one that raises does not stop the others", () => {
  const { page, client } = live();
  const heard = [];
  client.onstate(() => heard.push("gone"))();
  client.onstate(() => assert.fail("first"));
  client.onstate((state) => heard.push(state));
  page.socket.end(1006);
  assert.deepEqual([heard, page.reported.map((error) => error.message)], [["offline"], ["first"]]);
});

test("a store tells its changes, each with the model it made", () => {
  const { page, store } = counting();
  const heard = [];
  const leave = store.onchange((model, message) => heard.push([model, message]));
  page.socket.give([19, "topic:n", 4, 5]);
  page.socket.give([21, "topic:n", "e1", 9, 100, "slow"]);
  leave();
  page.socket.give([19, "topic:n", 10, 5]);
  assert.deepEqual([heard, store.model, store.seq], [[[15, 5], [100, null]], 105, 10]);
});

test("messages that were acknowledged together are told with the model of their time", () => {
  const { page, store } = counting();
  const heard = [];
  store.onchange((model) => heard.push(model));
  store.dispatch(1);
  store.dispatch(2);
  page.socket.give([17, "topic:n", 5, [2, 3], false]);
  assert.deepEqual(heard, [11, 13]);
});

test("a dispatch resolves with its seq", async () => {
  const { page, store } = counting();
  const promise = store.dispatch(5);
  assert.deepEqual(page.socket.sent.at(-1), [4, 2, "topic:n", 5]);
  page.socket.give([17, "topic:n", 4, [2], false]);
  assert.equal(await promise, 4);
  assert.equal(store.model, 15);
});

test("a dispatch that the server refuses is rejected with code and text", async () => {
  const { page, store } = counting({ optimistic: true });
  const promise = settled(store.dispatch(5));
  assert.equal(store.model, 15);
  page.socket.give([18, 2, "topic:n", "denied", "read only", null]);
  const { error } = await promise;
  assert.ok(error instanceof NupharError);
  assert.deepEqual([error.code, error.text, store.model], ["denied", "read only", 10]);
});

test("a dispatch of something that cannot be sent is rejected, not thrown", async () => {
  const { store } = counting();
  const { error } = await settled(store.dispatch(() => 1));
  assert.equal(error.message, "a value of type function cannot be sent");
});

test("a dispatch before the Welcome waits for it", async () => {
  const page = new Page();
  const client = connect("/live", page.options);
  const promise = client.subscribe("n", { update: add }).dispatch(5);
  page.welcome();
  assert.deepEqual(page.socket.sent.slice(1), [[2, 1, "topic:n", null, null], [4, 2, "topic:n", 5]]);
  page.socket.give([21, "topic:n", "e1", 0, 0, "subscribed"]);
  page.socket.give([17, "topic:n", 0, [1], false]);
  page.socket.give([17, "topic:n", 1, [2], false]);
  assert.equal(await promise, 1);
});

test("a listener that dispatches is served in its turn", () => {
  const { page, store } = counting({ optimistic: true });
  const heard = [];
  store.onchange((model, message) => {
    if (message === 1) store.dispatch(100);
    heard.push(message);
  });
  page.socket.give([19, "topic:n", 4, 1]);
  assert.deepEqual([heard, store.model, page.socket.sent.at(-1)], [[1, 100], 111, [4, 2, "topic:n", 100]]);
});

test("objects of registered types go out and come in as such", () => {
  const types = automatic({ Move: ["id", "x"] });
  for (const option of [{ types }, { serialiser: types }, { types: { Move: ["id", "x"] } }]) {
    const { page, client } = live(option);
    const store = client.subscribe("b");
    const heard = [];
    store.onpush((message) => heard.push(message));
    store.dispatch(types.constructors.Move("c1", 2));
    assert.deepEqual(page.socket.sent.at(-1), [4, 2, "topic:b", { _: "Move", 0: "c1", 1: 2 }]);
    page.socket.give([20, "topic:b", { _: "Move", 0: "c2", 1: 3 }]);
    assert.deepEqual(heard, [{ _: "Move", id: "c2", x: 3 }]);
  }
});

test("a custom serialiser is used for messages and models", () => {
  const serialiser = custom({ encodeMessage: (m) => [m], decodeMessage: ([m]) => m, decodeModel: (state) => state.total });
  const { page, client } = live({ serialiser });
  const store = client.subscribe("n", { update: add });
  page.socket.give([21, "topic:n", "e", 0, { total: 4 }, "subscribed"]);
  page.socket.give([19, "topic:n", 1, [3]]);
  assert.equal(store.model, 7);
});

test("a lost connection is replaced, and the stores catch up", () => {
  const { page, client, store } = counting();
  page.socket.end(1006);
  assert.deepEqual([client.state, page.sockets.length], ["offline", 1]);
  page.pass(500);
  assert.deepEqual([client.state, page.sockets.length], ["connecting", 2]);
  page.welcome(WELCOME.with(4, true));
  assert.deepEqual(page.socket.sent, [[1, 1, "s1", "t1", { "topic:n": ["e1", 3] }, {}]]);
  page.socket.give([19, "topic:n", 4, 1]);
  assert.equal(store.model, 11);
});

test("a silent server is asked, given up and left at once, whatever its socket says later", () => {
  const { page, client } = live();
  const old = page.socket;
  page.pass(20_000);
  assert.deepEqual(old.sent.at(-1), [7, 1]);
  old.give([25, 1]);
  page.pass(20_000);
  assert.deepEqual(old.sent.at(-1), [7, 2]);
  page.pass(20_000);
  assert.deepEqual([old.closedWith, client.state], [4508, "offline"]);
  page.pass(500);
  page.welcome();
  old.end(1006);
  assert.equal(client.state, "live");
});

test("a busy connection sets no timer per message", () => {
  const { page } = counting();
  const [timer] = page.timers.keys();
  for (let seq = 4; seq < 100; seq += 1) page.socket.give([19, "topic:n", seq, 1]);
  assert.deepEqual([...page.timers.keys()], [timer]);
});

test("a malformed or a text frame closes with 4400 and the client comes back", () => {
  const { page, client } = live();
  page.socket.onmessage({ data: "[25,1]" });
  assert.deepEqual([page.socket.closedWith, client.state], [4400, "offline"]);
  page.pass(500);
  assert.equal(client.state, "connecting");
});

test("coming online or back to the page reconnects at once", () => {
  for (const [target, event] of [["window", "online"], ["document", "visibilitychange"]]) {
    const { page, client } = live();
    page.socket.end(1006);
    page[target].dispatchEvent(new Event(event));
    assert.deepEqual([client.state, page.sockets.length], ["connecting", 2]);
  }
});

const event = (type, fields) => Object.assign(new Event(type), fields);

test("a page that is put away closes its socket, not its session, and opens another when it is back", () => {
  const { page, client } = live();
  page.window.dispatchEvent(event("pagehide", { persisted: true }));
  page.document.visibilityState = "hidden";
  page.document.dispatchEvent(new Event("visibilitychange"));
  assert.deepEqual([client.state, page.socket.closedWith, page.sockets.length], ["offline", 4508, 1]);
  page.pass(1e6);
  assert.equal(page.sockets.length, 1);
  page.document.visibilityState = "visible";
  page.window.dispatchEvent(event("pageshow", { persisted: true }));
  assert.deepEqual([client.state, page.sockets.length], ["connecting", 2]);
  page.welcome(WELCOME.with(4, true));
  assert.deepEqual([page.socket.sent[0], client.state], [[1, 1, "s1", "t1", {}, {}], "live"]);
});

test("a page that goes for good leaves its socket to the browser, and one that is shown asks whether the line lives", () => {
  const { page, client } = live();
  page.window.dispatchEvent(event("pagehide", { persisted: false }));
  assert.deepEqual([client.state, page.socket.closedWith], ["live", null]);
  page.window.dispatchEvent(event("pageshow", { persisted: false }));
  assert.deepEqual(page.socket.sent.at(-1), [7, 1]);
  page.pass(5_000);
  assert.equal(client.state, "offline");
});

test("a page that is put away again and again while it connects does not give its transport up", () => {
  const page = new Page();
  const other = { name: "other", connect: () => assert.fail("it was given up") };
  const first = { name: "first", connect: () => ({ send() {}, close() {} }) };
  const client = connect("/live", { ...page.options, transports: [first, other] });
  for (let time = 0; time < 12; time += 1) {
    page.window.dispatchEvent(event("pagehide", { persisted: true }));
    page.window.dispatchEvent(event("pageshow", { persisted: true }));
  }
  assert.deepEqual([client.state, client.transport], ["connecting", "first"]);
  client.close();
  page.window.dispatchEvent(event("pageshow", { persisted: true }));
  assert.equal(client.state, "closed");
});

test("parts of a message keep a line that can tell of them", () => {
  const page = new Page();
  const line = { send() {}, close() {} };
  const client = connect("/live", { ...page.options, transports: [{ name: "slow", connect: () => line }] });
  line.onopen("nuphar.v1.cbor");
  line.onframe(encode(WELCOME.with(5, { message: 5000 })));
  assert.deepEqual([line.largest, line.heartbeat], [5000, 20_000]);
  for (let seconds = 0; seconds < 300; seconds += 30) {
    page.pass(30_000);
    line.onprogress();
  }
  assert.equal(client.state, "live");
  page.pass(40_000);
  assert.deepEqual([client.state, client.why], ["offline", "the server was silent"]);
});

test("a slash at the end of the path means nothing, and the query belongs to the URL", () => {
  for (const [url, given] of [["/live/", ""], ["/live//?a=%20b&flag#here", "?a=%20b&flag"]]) {
    const page = new Page();
    connect(url, page.options);
    assert.equal(page.socket.url, `wss://nuphar.example/live${given}`);
  }
  const message = "expected a query without line, number, after, wait, close, got wait; use another name for it";
  assert.throws(() => connect("/live?user=1&wait=2", new Page().options), { name: "TypeError", message });
});

test("a page that is hidden does not hurry", () => {
  const { page, client } = live();
  page.socket.end(1006);
  page.document.visibilityState = "hidden";
  page.document.dispatchEvent(new Event("visibilitychange"));
  assert.equal(client.state, "offline");
});

test("a server that wants to be left alone for months does not get a loop", () => {
  const { page, client } = live();
  page.socket.give([26, "closed for winter", 1e7]);
  page.socket.end(1001);
  page.pass(30_000);
  assert.deepEqual([...page.timers.values()].map(({ at }) => at), [10_000 + 2 ** 31 - 1]);
  page.pass(2 ** 31);
  assert.deepEqual([client.state, page.sockets.length], ["offline", 1]);
});

test("closing leaves no timer, no listener and no socket", async () => {
  const { page, client, store } = counting();
  const promise = settled(store.dispatch(1));
  client.close();
  assert.equal((await promise).error.code, "unknown_outcome");
  assert.equal((await settled(store.dispatch(1))).error.code, "gone");
  page.window.dispatchEvent(new Event("online"));
  page.pass(1e6);
  assert.deepEqual([client.state, page.sockets.length, page.socket.closedWith, page.timers.size], ["closed", 1, 1000, 0]);
});

test("a store that was left is told nothing more", async () => {
  const { page, client, store } = counting();
  store.onchange(() => assert.fail("told"));
  store.unsubscribe();
  page.socket.give([19, "topic:n", 4, 1]);
  assert.deepEqual(page.reported, []);
  assert.equal((await settled(store.dispatch(1))).error.code, "not_subscribed");
  assert.notEqual(client.subscribe("n", { update: add }), store);
});

test("presence is told as it came", () => {
  const { page, store } = counting();
  const heard = [];
  store.onpresence((presence) => heard.push(presence));
  page.socket.give([24, "topic:n", [{ name: "ann" }], [], true]);
  assert.deepEqual(heard, [{ joins: [{ name: "ann" }], leaves: [], full: true }]);
});

test("what update raises is reported", () => {
  const { page, store } = counting({ update: () => assert.fail("no") });
  page.socket.give([19, "topic:n", 4, 1]);
  assert.deepEqual([page.reported.map((error) => error.message), store.model], [["no"], 10]);
});
