/** Hands: shows where the others point, what they drag and where they write, and tells them the same of us. */
import { find } from "./board.js";
import { one, stamp, write } from "./dom.js";

const PACE = 50; // milliseconds between two messages: 20 a second look smooth
const REPEAT = 4000; // milliseconds after which a hand that holds still says so again, for those who have just come
const FORGET = 10_000; // milliseconds after which a hand that says nothing is gone

export class Hands {
  _mine = { doing: "point", column: "", x: 0, y: 0, card: null };
  _theirs = new Map();
  _held = new Map();
  _timer = null;
  _sentAt = 0;

  /** `send(hand)` sends to the others, `person(id)` knows who they are. */
  constructor(view, { send, person }) {
    Object.assign(this, { view, send, person });
    addEventListener("pointermove", (event) => this._point(event), { passive: true });
    document.documentElement.addEventListener("pointerleave", () => this._say({ column: "" }));
    setInterval(() => this._keep(), 1000);
  }

  /** What our own hand does now: "drag" or "write" with a card, or "point" with none. */
  does(doing, card) {
    this._say({ doing, card });
  }

  /** A message of somebody else. */
  hear({ client_id: id, ...hand }) {
    const person = this.person(id);
    const known = this._theirs.get(id);
    if (!person || (hand.doing === "away" && !known)) return;
    if (hand.doing === "away") return this._drop(id);
    const element = known?.element ?? stamp("hand");
    this._theirs.set(id, { element, hand, person, heardAt: Date.now() });
    this.render();
  }

  /** Show all hands on the present board, and nobody's who has left. */
  render() {
    const held = new Map();
    for (const [id, shown] of this._theirs) {
      const person = this.person(id);
      if (!person) this._drop(id);
      else {
        this._place(shown, person);
        if (["drag", "write"].includes(shown.hand.doing)) held.set(shown.hand.card, { person, doing: shown.hand.doing });
      }
    }
    for (const id of new Set([...this._held.keys(), ...held.keys()])) this._mark(this.view.card(id), held.get(id));
    this._held = held;
  }

  /** Say on a card who holds it, if anybody does. */
  _mark(card, { person, doing } = {}) {
    if (!card) return;
    const holder = one(".holder", card);
    card.classList.toggle("held", Boolean(person));
    if (person) holder.dataset.tint = card.dataset.holder = person.tint;
    write(holder, person ? `${person.name} ${doing === "drag" ? "moves this" : "is writing"}` : "");
  }

  _place({ element, hand }, { name, tint }) {
    const column = this.view.column(hand.column);
    if (!column) return element.remove();
    if (element.parentNode !== column) column.append(element);
    element.dataset.tint = tint;
    element.style.left = `${Math.min(1000, Math.max(0, hand.x)) / 10}%`;
    element.style.top = `${Math.min(100_000, Math.max(0, hand.y))}px`;
    write(one(".who", element), name);
    const card = hand.doing === "drag" ? find(this.view.board, hand.card)?.card : null;
    const carried = one(".carried", element);
    carried.hidden = !card;
    if (!card) return;
    carried.dataset.tint = card.tint;
    write(carried, card.text);
  }

  _drop(id) {
    this._theirs.get(id)?.element.remove();
    this._theirs.delete(id);
  }

  _point({ clientX, clientY, target }) {
    const inside = this._mine.doing === "drag" ? this._under(clientX) : target.closest?.(".column");
    if (!inside) return this._mine.column && this._say({ column: "" });
    const { left, top, width } = inside.getBoundingClientRect();
    const [x, y] = [Math.round(((clientX - left) / width) * 1000), Math.round(clientY - top)];
    this._say({ column: inside.dataset.column, x: Math.min(1000, Math.max(0, x)), y: Math.max(0, y) });
  }

  /** The column at this place of the window; while dragging, the pointer's events go to the board as a whole. */
  _under(x) {
    return this.view.columns.find((column) => {
      const { left, right } = column.getBoundingClientRect();
      return left <= x && x <= right;
    });
  }

  _say(change) {
    Object.assign(this._mine, change);
    this._timer ??= setTimeout(() => this._send(), Math.max(0, this._sentAt + PACE - Date.now()));
  }

  _send() {
    clearTimeout(this._timer);
    this._timer = null;
    this._sentAt = Date.now();
    const { doing, column } = this._mine;
    this.send({ ...this._mine, doing: column === "" && doing === "point" ? "away" : doing });
  }

  _keep() {
    const now = Date.now();
    if (this._mine.doing !== "point" && now - this._sentAt > REPEAT) this._send();
    for (const [id, { heardAt }] of this._theirs) if (now - heardAt > FORGET) this._drop(id);
    this.render();
  }
}
