/** The transports over HTTP, against answers that a test gives by hand. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { encode } from "cborg";
import { http } from "../src/http.js";
import { hex } from "./support.js";

const bytes = (...values) => Uint8Array.from(values);
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A line with everything that it asked for and told. */
async function line(name = "polling", url = "https://host/live/?user=1", token = "") {
  const asked = [];
  const told = [];
  const fetch = (url, { headers, body, signal, keepalive, method = "GET" }) =>
    new Promise((resolve, reject) => {
      signal?.addEventListener("abort", () => reject(signal.reason));
      const answer = async (status, given = {}, content = null) => {
        resolve(new Response(content, { status, headers: given }));
        for (let n = 0; n < 6; n += 1) await turn();
      };
      asked.push({ url, headers, body, method, signal, keepalive, answer, fail: async (error) => (reject(error), turn()) });
    });
  const opened = http(name, { fetch }).connect(url, token);
  opened.onopen = (protocol) => told.push(["open", protocol]);
  opened.onframe = (frame) => told.push(["frame", hex(frame)]);
  opened.onclose = (code, reason, after) => told.push(["close", code, reason, ...(after ? [after] : [])]);
  await turn();
  return { line: opened, asked, told, last: () => asked.at(-1) };
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
  assert.deepEqual([url, method, headers], ["https://host/live/send?user=1", "POST", { "Content-Type": "application/cbor-seq", "Nuphar-Number": "1" }]);
  assert.equal(hex(await body.arrayBuffer()), "420102");
  await answer(201, { "Nuphar-Line": "abc" });
  assert.deepEqual([asked[1].url, asked[1].headers], ["https://host/live/poll?user=1&wait=25", { "Nuphar-Line": "abc", "Nuphar-After": "0" }]);
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

test("a body has at most 64 KiB, 1,000 frames and four times the largest frame, and at least one", async () => {
  const { line: opened, asked, last } = await live();
  const posts = () => asked.filter(({ method }) => method === "POST");
  for (let n = 0; n < 4; n += 1) opened.send(new Uint8Array(30_000));
  assert.equal(last().body.size, 30_003);
  await last().answer(204);
  assert.equal(posts().at(-1).body.size, 60_006);
  for (let n = 0; n < 1_500; n += 1) opened.send(bytes(5));
  await posts().at(-1).answer(204);
  assert.equal(posts().at(-1).body.size, 30_003 + 2 * 999);
  opened.largest = 100;
  await posts().at(-1).answer(204);
  assert.equal(posts().at(-1).body.size, 400);
  opened.send(new Uint8Array(1_000));
  for (const size of [400, 202, 1_003]) {
    await posts().at(-1).answer(204);
    assert.equal(posts().at(-1).body.size, size);
  }
});

test("the end that the server tells is the end", async () => {
  const { told, asked, last } = await live();
  await last().answer(200, { "Nuphar-Batch": "1", "Nuphar-Close": "4500 restarting now" }, encode(bytes(7)));
  assert.deepEqual([told.slice(1), asked.length], [[["frame", "07"], ["close", 4500, "restarting now"]], 2]);
});

for (const [name, act, reason] of [
  ["a line that is not known", ({ last }) => last().answer(404), "status 404"],
  ["a refusal with a sentence", ({ last }) => last().answer(403, { "Content-Type": "text/plain; charset=utf-8" }, "no entry\n"), "^status 403: no entry$"],
  ["a page of a proxy", ({ last }) => last().answer(502, { "Content-Type": "text/html" }, "<html>"), "^status 502$"],
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

for (const [status, code] of [[401, 4401], [403, 4403], [429, 1006], [503, 1006]]) {
  test(`a line that is not opened, as its first POST is answered ${status}, ends with ${code}`, async () => {
    const { line: opened, told, last } = await line();
    opened.send(bytes(1));
    await last().answer(status, { "Content-Type": "text/plain" }, "who are you?");
    assert.deepEqual(told.slice(1), [["close", code, `status ${status}: who are you?`]]);
  });
}

const DATE = "Sat, 28 Nov 2026 12:00:00 GMT";
for (const [given, after] of [["120", [120]], ["Sat, 28 Nov 2026 12:00:30 GMT", [30]], ["soon", []], ["-5", []], ["99999999", [86_400]]]) {
  test(`an outage that says Retry-After: ${given} is told with that`, async () => {
    const { line: opened, told, last } = await line();
    opened.send(bytes(1));
    await last().answer(503, { "Retry-After": given, Date: DATE });
    assert.deepEqual(told.slice(1), [["close", 1006, "status 503", ...after]]);
  });
}

test("a token goes with each request of a line, as a header", async () => {
  const { line: opened, asked, last } = await line("sse", "https://host/live", "t0");
  opened.send(bytes(1));
  await last().answer(201, { "Nuphar-Line": "abc" });
  opened.send(bytes(2));
  await turn();
  assert.deepEqual(asked.map(({ headers, url }) => [headers.Authorization, url.includes("t0")]), Array(3).fill(["Bearer t0", false]));
});

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

test("a frame that is too large for the server is told as such", async () => {
  const given = await live();
  await given.last().answer(413);
  assert.deepEqual(given.told.at(-1), ["close", 1009, "status 413"]);
});

test("the end is told in a request that outlives the page, and what is too much for that goes in front of it", async () => {
  for (const [sizes, posts] of [
    [[20_000], [[20_003, true]]],
    [[20_000, 20_000], [[40_006, false], [0, true]]],
    [[40_000, 40_000, 10], [[40_003, false], [40_014, false], [0, true]]],
  ]) {
    const { line: opened, asked, last } = await live();
    opened.send(bytes(5));
    for (const size of sizes) opened.send(new Uint8Array(size));
    opened.close(1000);
    const made = [];
    for (let seen = 3; ; seen += 1) {
      await last().answer(204);
      if (asked.length === seen) break;
      made.push([last().body.size, last().keepalive]);
      assert.equal(last().headers["Nuphar-Close"], last().keepalive ? "1000" : undefined);
    }
    assert.deepEqual(made, posts);
  }
});

test("where others have used up what a page may leave behind, the end is told in a plain request, under the same number", async () => {
  const { line: opened, asked, last, told } = await live();
  opened.send(bytes(5));
  await last().answer(204);
  opened.close(1000);
  assert.equal(last().keepalive, true);
  const { headers } = last();
  await last().fail(new TypeError("Failed to fetch"));
  await turn();
  assert.deepEqual([last().keepalive, last().headers], [false, headers]);
  await last().answer(204);
  assert.deepEqual([asked.length, told.length], [5, 1]);
});

test("each request has the query of the URL, and a slash at the end of its path means nothing", async () => {
  for (const [url, query] of [["https://host/live?a=%20b&flag", "?a=%20b&flag"], ["https://host/live/", ""]]) {
    for (const [name, path, own] of [["polling", "poll", "wait=25"], ["sse", "events", ""]]) {
      const { line: opened, asked } = await line(name, url);
      opened.send(bytes(1));
      await asked[0].answer(201, { "Nuphar-Line": "abc" });
      const join = own && (query ? "&" : "?");
      assert.deepEqual(asked.map((one) => one.url), [`https://host/live/send${query}`, `https://host/live/${path}${query}${join}${own}`]);
    }
  }
});

test("a body that arrives in pieces is progress, and taken when it is whole", async () => {
  const { line: opened, last, told } = await live();
  let heard = 0;
  let more;
  opened.onprogress = () => (heard += 1);
  const body = new ReadableStream({ start: (controller) => (more = controller) });
  const batch = encode(bytes(7, 8));
  await last().answer(200, { "Nuphar-Batch": "1" }, body);
  more.enqueue(batch.slice(0, 1));
  await turn();
  assert.deepEqual([heard, told.length], [1, 1]);
  more.enqueue(batch.slice(1));
  more.close();
  for (let n = 0; n < 6; n += 1) await turn();
  assert.deepEqual([heard, told.slice(1), last().headers["Nuphar-After"]], [2, [["frame", "0708"]], "1"]);
});

test("while a body arrives for long, the server hears of the client in requests without frames", async (given) => {
  let now = 0;
  given.mock.method(performance, "now", () => now);
  const { line: opened, last, asked } = await live();
  let more;
  const body = new ReadableStream({ start: (controller) => (more = controller) });
  await last().answer(200, { "Nuphar-Batch": "1" }, body);
  const posts = () => asked.filter(({ method }) => method === "POST");
  const piece = async () => {
    now += 4_000;
    more.enqueue(bytes(0x41, 7));
    for (let n = 0; n < 6; n += 1) await turn();
  };
  await piece();
  assert.equal(posts().length, 1);
  await piece();
  assert.deepEqual([posts().length, posts()[1].body.size, posts()[1].headers["Nuphar-Number"]], [2, 0, "2"]);
  await piece();
  await piece();
  assert.equal(posts().length, 2); // one at a time
  await posts()[1].answer(204);
  assert.deepEqual([posts().length, posts()[2].headers["Nuphar-Number"]], [3, "3"]);
  opened.send(bytes(5));
  await posts()[2].answer(204);
  assert.deepEqual([posts().length, posts()[3].body.size], [4, 2]);
});

/** The stream of a line, that a test writes, ends or breaks. */
async function stream({ last }) {
  let more;
  const body = new ReadableStream({ start: (controller) => (more = controller) });
  const { answer, url, headers } = last();
  await answer(200, { "Content-Type": "text/event-stream" }, body);
  const after = async (act) => {
    act();
    for (let n = 0; n < 6; n += 1) await turn();
  };
  return {
    url, headers,
    write: (text) => after(() => more.enqueue(new TextEncoder().encode(text))),
    close: () => after(() => more.close()),
    fail: () => after(() => more.error(new TypeError("network error"))),
  };
}
const event = (id, ...values) => `id: ${id}\ndata: ${Buffer.from(encode(bytes(...values))).toString("base64url")}\n\n`;

test("events are batches in base64url, wherever the stream is cut, and comments are none", async () => {
  const given = await live("sse");
  let heard = 0;
  given.line.onprogress = () => (heard += 1);
  const { url, headers, write } = await stream(given);
  assert.deepEqual([url, headers], ["https://host/live/events?user=1", { "Nuphar-Line": "abc", "Last-Event-ID": "0" }]);
  for (const sign of `retry: 1000\n\n${event(1, 0xfb, 0xff)}:\n\n`) await write(sign);
  await write(event(2, 1).replaceAll("\n", "\r\n") + event(3, 2));
  assert.deepEqual(given.told.slice(1), [["frame", "fbff"], ["frame", "01"], ["frame", "02"]]);
  assert.ok(heard > 30, `${heard} pieces`);
});

test("a stream that is lost is asked for again behind what it brought; one that brought nothing ends the line", async () => {
  for (const end of ["close", "fail"]) {
    const given = await live("sse");
    const first = await stream(given);
    await first.write(event(1, 7));
    await first[end]();
    const second = await stream(given);
    assert.equal(second.headers["Last-Event-ID"], "1");
    assert.deepEqual(given.told.slice(1), [["frame", "07"]]);
    await second[end]();
    const [[kind, code, why], ...more] = given.told.slice(2);
    assert.deepEqual([kind, code, more, given.asked.length], ["close", 1006, [], 3]);
    assert.match(why, /cut off|network error/);
  }
});

test("a stream that the server closes or refuses ends the line", async () => {
  const closed = await live("sse");
  await (await stream(closed)).write(`${event(1, 7)}event: close\ndata: 4513 too slow\n\n`);
  assert.deepEqual(closed.told.slice(1), [["frame", "07"], ["close", 4513, "too slow"]]);
  const refused = await live("sse");
  await refused.last().answer(404, { "Content-Type": "text/plain" }, "there is no such line");
  assert.deepEqual(refused.told.slice(1), [["close", 1006, "status 404: there is no such line"]]);
  const over = await live("sse");
  await over.last().answer(410, { "Nuphar-Close": "4409 replaced" });
  assert.deepEqual(over.told.slice(1), [["close", 4409, "replaced"]]);
});
