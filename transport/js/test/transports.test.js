/** A client on several transports, all of them fakes: which one it takes, and when it moves back up. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, encode } from "cborg";
import { connect } from "../src/index.js";
import { transports } from "../src/transports.js";
import { add, Page, WELCOME } from "./support.js";

/** A transport whose lines a test opens, feeds and ends by hand. */
function fake(name) {
  const lines = [];
  const connect = (url) => {
    const line = { url, sent: [], closedWith: null, send: (bytes) => line.sent.push(decode(bytes)), close: (code) => (line.closedWith = code) };
    lines.push(line);
    return line;
  };
  return { name, connect, lines, get line() { return lines.at(-1); } };
}

function fallen() {
  const page = new Page();
  const [first, second] = [fake("first"), fake("second")];
  const states = [];
  const client = connect("/live", { ...page.options, WebSocket: undefined, transports: [first, second], onstate: (state) => states.push(state) });
  for (let failure = 0; failure < 3; failure += 1) {
    first.line.onclose(1006, "");
    page.pass(4000);
  }
  return { page, first, second, client, states };
}

const CALM = WELCOME.with(6, 0); // without heartbeats
const welcome = (line, frame = CALM) => {
  line.onopen("nuphar.v1.cbor");
  line.onframe(encode(frame));
};

test("a transport is given the http URL", () => {
  assert.equal(fallen().first.lines[0].url, "https://nuphar.example/live");
});

test("a transport that never opens gives way to the next", () => {
  const { first, second, client } = fallen();
  assert.deepEqual([first.lines.length, second.lines.length, client.transport], [3, 1, "second"]);
  welcome(second.line);
  assert.equal(client.state, "live");
});

test("when the first opens again the session moves there, and is not ended", () => {
  const { page, first, second, client, states } = fallen();
  welcome(second.line);
  page.pass(60_000);
  const probe = first.line;
  assert.equal(first.lines.length, 4);
  probe.onopen("nuphar.v1.cbor");
  assert.deepEqual([probe.sent, probe.closedWith, second.line.closedWith, client.transport], [[], 1000, 4508, "first"]);
  welcome(first.line, CALM.with(4, true));
  assert.deepEqual([first.line.sent[0], client.state], [[1, 1, "s1", "t1", {}, {}], "live"]);
  assert.deepEqual(states.slice(-3), ["live", "connecting", "live"]);
});

test("a trial that fails changes nothing", () => {
  const { page, first, second, client } = fallen();
  welcome(second.line);
  page.pass(60_000);
  first.line.onclose(1006, "");
  assert.deepEqual([client.state, client.transport, second.line.closedWith], ["live", "second", null]);
});

test("a trial is ended when the page is put away, and changes nothing", () => {
  const { page, first, second, client } = fallen();
  welcome(second.line);
  page.pass(60_000);
  const trial = first.line;
  page.window.dispatchEvent(Object.assign(new Event("pagehide"), { persisted: true }));
  assert.deepEqual([trial.closedWith, second.line.closedWith, client.state], [1000, 4508, "offline"]);
  trial.onopen("nuphar.v1.cbor");
  page.window.dispatchEvent(Object.assign(new Event("pageshow"), { persisted: true }));
  assert.deepEqual([client.state, client.transport], ["connecting", "second"]);
});

test("a line that was left is not heard any more", () => {
  const { second, client, page } = fallen();
  const store = client.subscribe("n", { update: add });
  welcome(second.line);
  const old = second.line;
  old.onclose(1006, "");
  page.pass(500);
  old.onframe(encode([21, "topic:n", "e", 1, 1, "subscribed"]));
  assert.equal(store.model, undefined);
});

test("what there is decides which transports there are", () => {
  const all = { WebSocket: class {}, fetch() {} };
  const names = (parts) => transports(parts).map(({ name }) => name);
  assert.deepEqual(names(all), ["websocket", "sse", "polling"]);
  assert.deepEqual(names({ fetch: all.fetch }), ["sse", "polling"]);
  assert.throws(() => transports({}), TypeError);
});
