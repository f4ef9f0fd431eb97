// One line of JSON in, one out: applies a message to a model with the page's own update, as the browser would.
// in: {topic, model, message}, both as the serialiser writes them; out: {model} or {refused}.
import { createInterface } from "node:readline";

const [client, page] = process.argv.slice(2);
const { automatic } = await import(`${client}/nuphar.js`);
const twins = { board: await import(`${page}/board.js`), people: await import(`${page}/people.js`) };
const types = automatic({ ...twins.board.TYPES, ...twins.people.TYPES });

for await (const line of createInterface({ input: process.stdin })) {
  const { topic, model, message } = JSON.parse(line);
  let answer;
  try {
    answer = { model: twins[topic].update(types.decodeModel(model), types.decodeMessage(message)) };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    answer = { refused: error.message };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
