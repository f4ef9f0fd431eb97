/** Who is here: the types and the update that both ends share. Pure. `people.py` is its twin. */
import { TINTS } from "./board.js";

export const PEOPLE = 500;
export const NAME = 24;

/** Fields in the server's order. */
export const TYPES = {
  People: ["people"],
  Person: ["client_id", "name", "tint"],
  Arrive: ["client_id"],
  Introduce: ["client_id", "name", "tint"],
  Leave: ["client_id"],
  Hand: ["client_id", "doing", "column", "x", "y", "card"],
};

/** Apply one message. Raises RangeError for what no page of ours sends. */
export function update(model, message) {
  const { people } = model;
  const { client_id, name, tint } = message;
  const is = (person) => person.client_id === client_id;
  switch (message._) {
    case "Arrive":
      if (people.some(is)) return model;
      if (people.length >= PEOPLE) throw new RangeError(`expected at most ${PEOPLE} people`);
      return { ...model, people: [...people, { _: "Person", client_id, name: "", tint: 0 }] };
    case "Introduce": {
      const length = [...name].length;
      if (length < 1 || length > NAME) throw new RangeError(`name: expected 1 to ${NAME} characters, got ${length}`);
      if (!(tint >= 0 && tint < TINTS)) throw new RangeError(`expected a tint from 0 to ${TINTS - 1}, got ${tint}`);
      const known = { _: "Person", client_id, name, tint };
      return { ...model, people: people.map((person) => (is(person) ? known : person)) };
    }
    case "Leave":
      return { ...model, people: people.filter((person) => !is(person)) };
    default:
      throw new RangeError(`expected a message about people, got ${message._}`);
  }
}
