/** The board on the page: makes the document look like a model, and lets cards glide to their new places. */
import { find } from "./board.js";
import { animate, one, stamp, write } from "./dom.js";

const GLIDE = 260; // milliseconds

export class View {
  board = null;
  /** A message that is shown as if it were applied: where the dragged card would land. */
  preview = null;
  /** While cards are moved about in the document, a text field may lose its focus without having been left. */
  rearranging = false;
  _cards = new Map();
  _columns = new Map();

  constructor(root, { update, oncard, oncolumn }) {
    Object.assign(this, { root, update, oncard, oncolumn });
  }

  /** Show `board`, or the present one again. */
  render(board = this.board) {
    if (!board) return;
    this.board = board;
    const shown = this.preview && find(board, this.preview.card) ? this.update(board, this.preview) : board;
    const places = new Map([...this._cards].map(([id, { element }]) => [id, element.getBoundingClientRect()]));
    const focused = document.activeElement;
    this.rearranging = true;
    this._arrange(shown);
    if (focused !== document.activeElement && focused?.isConnected) focused.focus({ preventScroll: true });
    this.rearranging = false;
    this._glide(places);
  }

  /** The element of a card, or undefined. */
  card(id) {
    return this._cards.get(id)?.element;
  }

  column(id) {
    return this._columns.get(id);
  }

  get columns() {
    return [...this._columns.values()];
  }

  /** A ring runs out from a card, as from a stone in the water: somebody has changed something here. */
  ripple(id) {
    const element = this.card(id);
    if (!element) return;
    const colour = getComputedStyle(element).getPropertyValue("--edge");
    animate(element, [{ boxShadow: `0 0 0 0 ${colour}` }, { boxShadow: `0 0 0 16px ${colour}00` }], 800);
  }

  _arrange({ columns }) {
    const known = new Set(columns.flatMap(({ cards }) => cards.map(({ id }) => id)));
    for (const [id, { element }] of this._cards) {
      if (known.has(id)) continue;
      element.remove();
      this._cards.delete(id);
    }
    columns.forEach((column, index) => {
      const element = this._columns.get(column.id) ?? this._newColumn(column, index);
      const list = one(".cards", element);
      write(one("h2", element), column.title);
      write(one(".count", element), column.cards.length);
      write(one(".loved", element), column.cards.reduce((sum, { hearts }) => sum + hearts, 0));
      let next = list.firstElementChild;
      for (const card of column.cards) {
        const { element } = this._card(card);
        if (element === next) next = next.nextElementSibling;
        else list.insertBefore(element, next);
      }
    });
  }

  _newColumn({ id }, index) {
    const element = stamp("column");
    element.dataset.column = id;
    element.dataset.accent = index;
    this._columns.set(id, element);
    this.root.append(element);
    this.oncolumn(element, id);
    return element;
  }

  _card(card) {
    const shown = this._cards.get(card.id) ?? this._newCard(card);
    const { element } = shown;
    if (shown.card === card) return shown;
    const before = shown.card;
    shown.card = card;
    element.dataset.tint = card.tint;
    write(one(".text", element), card.text);
    write(one(".heart .number", element), card.hearts || "");
    one(".heart", element).classList.toggle("warm", card.hearts > 0);
    if (before && card.hearts > before.hearts) beat(element);
    return shown;
  }

  _newCard({ id }) {
    const element = stamp("card");
    element.dataset.card = id;
    const shown = { element, card: null, glide: null };
    this._cards.set(id, shown);
    this.oncard(element, id);
    return shown;
  }

  /** First, last, invert, play: cards that are elsewhere now start from where they were. */
  _glide(places) {
    for (const [id, shown] of this._cards) {
      const { element } = shown;
      const from = places.get(id);
      if (!from) {
        if (places.size > 0) animate(element, [{ opacity: 0, transform: "scale(.8)" }, {}], GLIDE);
        continue;
      }
      shown.glide?.cancel();
      const to = element.getBoundingClientRect();
      const [x, y] = [from.left - to.left, from.top - to.top];
      if (Math.abs(x) < 1 && Math.abs(y) < 1) continue;
      shown.glide = animate(element, [{ transform: `translate(${x}px, ${y}px)` }, { transform: "none" }], GLIDE);
    }
  }
}

/** A heart rises from a card that somebody loves. */
function beat(element) {
  const heart = one(".heart", element);
  animate(one("svg", heart), [{ transform: "scale(1.7)" }, { transform: "scale(1)" }], 420);
  const rising = one("svg", heart).cloneNode(true);
  rising.classList.add("rising");
  heart.append(rising);
  const flight = animate(
    rising,
    [
      { transform: "translate(0, 0) scale(.8)", opacity: 0.9 },
      { transform: `translate(${Math.random() * 40 - 12}px, -64px) scale(1.5)`, opacity: 0 },
    ],
    1100,
  );
  if (flight) flight.onfinish = () => rising.remove();
  else rising.remove();
}
