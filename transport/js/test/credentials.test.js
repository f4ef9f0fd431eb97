/** What a page shows a server, and what becomes of it when that is refused, missing or late. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Credentials } from "../src/credentials.js";
import { connect, NupharError } from "../src/index.js";
import { add, Page, WELCOME } from "./support.js";

const SECRET = "s3cr3t.token";
const turn = () => new Promise((resolve) => setImmediate(resolve));

function start(options) {
  const page = new Page();
  const states = [];
  const client = connect("/live", { ...page.options, ...options });
  client.onstate((state) => states.push([state, client.code, client.why]));
  return { page, client, states };
}

const shown = (page) => page.sockets.map(({ url }) => new URL(url).searchParams.get("token"));

test("a token is a field of a WebSocket's query, behind what the page has there", () => {
  const { page } = start({ token: "a+b/c=" });
  assert.equal(page.socket.url, "wss://nuphar.example/live?token=a%2Bb%2Fc%3D");
  const other = new Page();
  connect("/live?room=x%20y", { ...other.options, token: SECRET });
  assert.equal(other.socket.url, `wss://nuphar.example/live?room=x%20y&token=${SECRET}`);
});

test("without a token there is no field", () => {
  for (const token of [undefined, null, ""]) assert.equal(start({ token }).page.socket.url, "wss://nuphar.example/live");
});

test("a token that cannot be sent is refused at once, and not repeated", () => {
  for (const token of [7, `${SECRET} x`, `${SECRET}\r\nX: y`, `é${SECRET}`, {}]) {
    assert.throws(() => start({ token }), (error) => error instanceof TypeError && error.message.startsWith("token: expected") && !error.message.includes(SECRET));
  }
  const page = new Page();
  assert.throws(() => connect("/live?token=x", { ...page.options, token: SECRET }), /as an option or in the query, got both/);
});

for (const [name, make] of [["a value", (token) => token], ["a promise", (token) => Promise.resolve(token)]]) {
  test(`a function that gives ${name} is asked at each try`, async () => {
    let number = 0;
    const { page } = start({ token: () => make(`t${(number += 1)}`) });
    assert.equal(page.sockets.length, 0);
    await turn();
    page.welcome();
    page.socket.end(1006);
    page.pass(500);
    await turn();
    assert.deepEqual(shown(page), ["t1", "t2"]);
  });
}

test("a function that fails, or gives what cannot be sent, is a reason and another try", async () => {
  const gives = [() => Promise.reject(new RangeError("no token yet")), () => 7, () => null];
  const { page, client, states } = start({ token: () => gives.shift()() });
  await turn();
  page.pass(500);
  await turn();
  page.pass(1_000);
  await turn();
  const whys = states.filter(([state]) => state === "offline").map(([, , why]) => why);
  assert.deepEqual(whys, [
    "the function for token raised RangeError: no token yet",
    "the function for token raised TypeError: token: expected text or a function that gives it, got number",
  ]);
  assert.deepEqual([client.state, shown(page)], ["connecting", [null]]);
});

test("a token that comes too late is for nothing", async () => {
  const give = [];
  const { page } = start({ token: () => new Promise((resolve) => give.push(resolve)) });
  await turn();
  page.pass(10_500); // no Welcome within 10 s, and half a second of rest
  await turn();
  assert.equal(give.length, 2);
  give[0]("late");
  await turn();
  assert.equal(page.sockets.length, 0);
  give[1]("punctual");
  await turn();
  assert.deepEqual(shown(page), ["punctual"]);
});

test("a token that comes when the client is closed opens nothing", async () => {
  let give;
  const { page, client } = start({ token: () => new Promise((resolve) => (give = resolve)) });
  await turn();
  client.close();
  give("late");
  await turn();
  assert.equal(page.sockets.length, 0);
});

for (const code of [4401, 4403]) {
  test(`a close with ${code} ends the client with what the server said, and what it still had is refused`, async () => {
    const { page, client } = start({ token: SECRET });
    const lost = client.subscribe("n", { update: add }).dispatch(1).catch((error) => error.code);
    page.socket.open();
    page.socket.give([18, 0, null, "unauthorised", "you are not on my list", null]);
    page.socket.end(code, "unauthorised");
    assert.deepEqual([client.state, client.code, client.why], ["closed", code, "unauthorised: you are not on my list"]);
    assert.equal(await lost, "gone");
    page.pass(60_000);
    assert.equal(page.sockets.length, 1);
    assert.throws(() => client.reauthenticate({ token: "x" }), (error) => error instanceof NupharError && error.code === "gone");
  });
}

test("a refusal is answered once by a fresh token, and the second in a row is for good", async () => {
  let number = 0;
  const { page, client } = start({ token: () => `t${(number += 1)}` });
  const refuse = async () => {
    await turn();
    page.socket.open();
    page.socket.give([18, 0, null, "unauthorised", "expired", null]);
    page.socket.end(4401, "expired");
  };
  await refuse();
  assert.equal(client.state, "offline");
  page.pass(1_000);
  await turn();
  page.welcome();
  assert.equal(client.state, "live");
  page.socket.end(4401, "expired");
  assert.deepEqual([client.state, client.why], ["offline", "expired"]);
  page.pass(1_000);
  await refuse();
  assert.deepEqual([client.state, shown(page)], ["closed", ["t1", "t2", "t3"]]);
});

test("what is forbidden stays so, whatever the token", async () => {
  const { page, client } = start({ token: () => SECRET });
  await turn();
  page.welcome();
  page.socket.end(4403, "not you");
  assert.equal(client.state, "closed");
});

test("no token is in a reason", () => {
  const { page, client, states } = start({ token: SECRET });
  page.socket.open();
  page.socket.give([18, 0, null, "unauthorised", `what is '${SECRET}'?`, null]);
  page.socket.end(4401, "");
  assert.equal(client.why, "unauthorised: what is '(token)'?");
  assert.ok(!JSON.stringify(states).includes(SECRET));
});

test("a client that reauthenticates leaves its line, keeps its session, and sends again what has no answer", async () => {
  const { page, client } = start({ token: "before" });
  page.welcome();
  const store = client.subscribe("n", { update: add, optimistic: true });
  page.socket.give([21, "topic:n", "e1", 3, 10, "subscribed"]);
  page.socket.give([17, "topic:n", 3, [1], false]);
  const first = store.dispatch(1);
  client.reauthenticate({ token: "after" });
  const second = store.dispatch(2);
  assert.deepEqual([client.state, page.sockets[0].closedWith, store.model], ["connecting", 4508, 13]);
  page.sockets[0].give([19, "topic:n", 4, 100]); // the line before is left, and says nothing any more
  page.socket.open();
  assert.deepEqual(page.socket.sent, [[1, 1, "s1", "t1", { "topic:n": ["e1", 3] }, {}]]);
  page.socket.give([...WELCOME.slice(0, 3), "t2", true, ...WELCOME.slice(5)]);
  assert.deepEqual(page.socket.sent.slice(1), [[4, 2, "topic:n", 1], [4, 3, "topic:n", 2]]);
  page.socket.give([17, "topic:n", 5, [2, 3], false]);
  assert.deepEqual([await first, await second, store.confirmed, shown(page)], [4, 5, 13, ["before", "after"]]);
  assert.equal(client.transport, "websocket");
});

test("a client that reauthenticates while it is offline tries at once, also without another token", () => {
  const { page, client } = start({ token: SECRET });
  page.socket.end(1006);
  assert.equal(client.state, "offline");
  client.reauthenticate();
  assert.deepEqual([client.state, shown(page)], ["connecting", [SECRET, SECRET]]);
});

test("a client that reauthenticates again and again does not take its transport for a bad one", () => {
  const page = new Page();
  const other = { name: "other", connect: () => assert.fail("the first has not failed") };
  const socket = { name: "websocket", connect: () => ({ send() {}, close() {} }) };
  const client = connect("/live", { ...page.options, transports: [socket, other], token: "t0" });
  for (let number = 1; number < 20; number += 1) client.reauthenticate({ token: `t${number}` });
  assert.equal(client.transport, "websocket");
});

test("a token that cannot be sent changes nothing", () => {
  const { page, client } = start({ token: "before" });
  page.welcome();
  assert.throws(() => client.reauthenticate({ token: "two words" }), TypeError);
  assert.throws(() => client.reauthenticate({ tokens: "x" }), /reauthenticate has no option tokens; it has token/);
  assert.deepEqual([client.state, page.sockets.length], ["live", 1]);
});

test("credentials ask for one token at a time", async () => {
  const credentials = new Credentials();
  const [given, gives] = [[], []];
  credentials.renew(() => new Promise((resolve) => gives.push(resolve)));
  credentials.ask((token) => given.push(token), assert.fail);
  credentials.ask((token) => given.push(token), assert.fail);
  gives[1]("b");
  gives[0]("a");
  await turn();
  assert.deepEqual([given, credentials.shown, credentials.fresh], [["b"], "b", true]);
});
