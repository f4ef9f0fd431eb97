/** The transports over HTTP, against answers that a test gives by hand. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { encode } from "cborg";
import { http } from "../src/http.js";
import { hex } from "./support.js";

const bytes = (...values) => Uint8Array.from(values);
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A line with everything that it asked for and told. */
async function line(name = "polling") {
  const asked = [];
  const told = [];
  const sources = [];
  const fetch = (url, { headers, body, signal, method = "GET" }) =>
    new Promise((resolve, reject) => {
      signal?.addEventListener("abort", () => reject(signal.reason));
      const answer = async (status, given = {}, content = null) => {
        resolve(new Response(content, { status, headers: given }));
        await turn();
        await turn();
      };
      asked.push({ url, headers, body, method, signal, answer, fail: async (error) => (reject(error), turn()) });
    });
  class EventSource extends EventTarget {
    constructor(url) {
      super();
      sources.push(Object.assign(this, { url, readyState: 1, close: () => (this.readyState = 2) }));
    }
  }
  const opened = http(name, { fetch, EventSource }).connect("https://host/live/?user=1");
  opened.onopen = (protocol) => told.push(["open", protocol]);
  opened.onframe = (frame) => told.push(["frame", hex(frame)]);
  opened.onclose = (code, reason) => told.push(["close", code, reason]);
  await turn();
  return { line: opened, asked, told, sources, last: () => asked.at(-1) };
}

async function live(name) {
  const given = await line(name);
  given.line.send(bytes(1));
  await given.last().answer(201, { "Nuphar-Line": "abc" });
  return given;
}

test("a line is opened by its first POST, and read with a GET", async () => {
  const { line: opened, asked, told } = await line();
  assert.deepEqual(told, [["open", "nuphar.v1.cbor"]]);
  opened.send(bytes(1, 2));
  const [{ url, method, headers, body, answer }] = asked;
  assert.deepEqual([url, method, headers], ["https://host/live/send", "POST", { "Content-Type": "application/cbor-seq", "Nuphar-Number": "1" }]);
  assert.equal(hex(await body.arrayBuffer()), "420102");
  await answer(201, { "Nuphar-Line": "abc" });
  assert.deepEqual([asked[1].url, asked[1].headers], ["https://host/live/poll?wait=25", { "Nuphar-Line": "abc", "Nuphar-After": "0" }]);
});

test("a batch is taken apart, and the next GET says that it has arrived", async () => {
  const { told, last } = await live();
  await last().answer(200, { "Nuphar-Batch": "1" }, Buffer.concat([encode(bytes(7)), encode(bytes(8, 9))]));
  assert.deepEqual(told.slice(1), [["frame", "07"], ["frame", "0809"]]);
  assert.equal(last().headers["Nuphar-After"], "1");
  await last().answer(204, { "Nuphar-Batch": "1" });
  assert.equal(last().headers["Nuphar-After"], "1");
});

test("an answer that lost its body with the end of its head ends the line, as its batch is not here", async () => {
  const { told, asked, last } = await live();
  await last().answer(200, { "Nuphar-Batch": "1" }, "");
  assert.deepEqual(told.slice(1), [["close", 1006, "cut off"]]);
  assert.equal(asked.length, 2);
});

test("there is one POST at a time, and what was sent meanwhile goes with the next", async () => {
  const { line: opened, asked } = await line();
  opened.send(bytes(1));
  opened.send(bytes(2));
  opened.send(bytes(3));
  assert.equal(asked.length, 1);
  await asked[0].answer(201, { "Nuphar-Line": "abc" });
  const second = asked.find(({ headers }) => headers["Nuphar-Number"] === "2");
  assert.deepEqual([hex(await second.body.arrayBuffer()), second.headers["Nuphar-Line"]], ["41024103", "abc"]);
});

test("a body has little more than 64 KiB", async () => {
  const { line: opened, asked, last } = await live();
  for (let n = 0; n < 4; n += 1) opened.send(new Uint8Array(40_000));
  assert.equal(last().body.size, 40_003);
  await last().answer(204);
  assert.equal(asked.filter(({ method }) => method === "POST").at(-1).body.size, 80_006);
});

test("the end that the server tells is the end", async () => {
  const { told, asked, last } = await live();
  await last().answer(200, { "Nuphar-Batch": "1", "Nuphar-Close": "4500 restarting now" }, encode(bytes(7)));
  assert.deepEqual([told.slice(1), asked.length], [[["frame", "07"], ["close", 4500, "restarting now"]], 2]);
});

for (const [name, act, reason] of [
  ["a line that is not known", ({ last }) => last().answer(404), "status 404"],
  ["a network that is gone", ({ last }) => last().fail(new TypeError("Failed to fetch")), "Failed to fetch"],
  ["a body that is no sequence", ({ last }) => last().answer(200, { "Nuphar-Batch": "1" }, "<html>"), /./],
]) {
  test(`${name} ends the line with 1006, once`, async () => {
    const given = await live();
    await act(given);
    const [[kind, code, why], ...more] = given.told.filter(([kind]) => kind === "close");
    assert.deepEqual([kind, code, more], ["close", 1006, []]);
    assert.match(why, typeof reason === "string" ? new RegExp(reason) : reason);
  });
}

test("closing tells the server with the last of what there is to send, and reads no more", async () => {
  for (const [code, told] of [[1000, "1000"], [4508, "1001"]]) {
    const given = await live();
    const reading = given.last();
    given.line.send(bytes(5));
    given.line.send(bytes(6));
    given.line.close(code);
    assert.equal(reading.signal.aborted, true);
    await given.last().answer(204);
    const { headers, body } = given.last();
    assert.deepEqual([headers["Nuphar-Close"], hex(await body.arrayBuffer()), headers["Nuphar-Number"]], [told, "4106", "3"]);
    await given.last().answer(204);
    assert.deepEqual([given.told.length, given.asked.length], [1, 4]);
  }
});

test("a line that is closed before it was open asks for nothing", async () => {
  const given = await line();
  given.line.close(4508);
  await turn();
  assert.equal(given.asked.length, 0);
});

test("events are batches in base64url", async () => {
  const { sources, told, asked } = await live("sse");
  const [source] = sources;
  assert.deepEqual([source.url, asked.length], ["https://host/live/events?line=abc", 1]);
  const data = Buffer.from(encode(bytes(0xfb, 0xff))).toString("base64url");
  source.onmessage({ data, lastEventId: "1" });
  assert.deepEqual(told.slice(1), [["frame", "fbff"]]);
});

test("a stream that the server closes or refuses ends the line, one that is lost does not", async () => {
  for (const [act, ends] of [
    [(source) => source.dispatchEvent(Object.assign(new Event("close"), { data: "4513 too slow" })), [["close", 4513, "too slow"]]],
    [(source) => (source.onopen(), source.onerror()), []],
    [(source) => (source.onopen(), source.onerror(), source.onopen(), source.onerror()), []],
    [(source) => (source.close(), source.onerror()), [["close", 1006, "cut off"]]],
  ]) {
    const { sources, told } = await live("sse");
    act(sources[0]);
    assert.deepEqual(told.slice(1), ends);
  }
});

test("a stream that is lost twice in a row, or before it came, ends the line", async () => {
  for (const act of [(source) => source.onerror(), (source) => (source.onopen(), source.onerror(), source.onerror())]) {
    const { sources, told } = await live("sse");
    act(sources[0]);
    assert.deepEqual(told.slice(1), [["close", 1006, "cut off"]]);
    assert.equal(sources[0].readyState, 2);
  }
});
