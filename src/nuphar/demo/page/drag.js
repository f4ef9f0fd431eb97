/**
 * Moving cards by hand: with a mouse at once, with a finger after a moment's rest (before that it scrolls), with the
 * arrow keys always. What would happen on a drop is shown as the view's preview, and becomes a message on the drop.
 */
import { find } from "./board.js";
import { animate, announce, one } from "./dom.js";

const REST = 220; // milliseconds that a finger rests on a card before it lifts it
const SLACK = 5; // pixels that a mouse moves before it drags, and a finger moves before it scrolls
const EDGE = 64; // pixels from the edge of the window where dragging scrolls
const ARROWS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };

export class Drag {
  /** Was the last press a drag? Then the click that follows means nothing. */
  dragged = false;
  _press = null;
  _lift = null;

  /** `move(card, column, before)` sends; `onhold(card or null)` tells which card is in the hand. */
  constructor(view, { move, onhold }) {
    Object.assign(this, { view, move, onhold });
    addEventListener("pointermove", (event) => this._moved(event));
    addEventListener("pointerup", ({ pointerId }) => pointerId === this._press?.pointer && this._end(true));
    addEventListener("pointercancel", ({ pointerId }) => pointerId === this._press?.pointer && this._end(false));
    addEventListener("blur", () => this._end(false));
    addEventListener("keydown", (event) => event.key === "Escape" && this._end(false));
    addEventListener("touchmove", (event) => this._lift && event.preventDefault(), { passive: false });
    addEventListener("contextmenu", (event) => (this._lift || this._press?.touch) && event.preventDefault());
  }

  /** Let a card be dragged. */
  attend(element, id) {
    element.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !event.isPrimary || event.target.closest("button, textarea")) return;
      this._end(false);
      this.dragged = false;
      const touch = event.pointerType === "touch";
      this._press = { id, element, touch, pointer: event.pointerId, x: event.clientX, y: event.clientY };
      if (touch) this._press.timer = setTimeout(() => this._begin(), REST);
    });
    element.addEventListener("keydown", (event) => {
      if (event.target !== element || !ARROWS[event.key] || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      this._step(id, ...ARROWS[event.key]);
    });
  }

  /** After each rendering: the card in the hand may be gone. */
  check() {
    if (this._lift && !this.view.card(this._press.id)) this._end(false);
  }

  _moved({ pointerId, clientX: x, clientY: y }) {
    const press = this._press;
    if (!press || pointerId !== press.pointer) return;
    const far = Math.hypot(x - press.x, y - press.y) > SLACK;
    if (!this._lift && far) press.touch ? this._end(false) : this._begin();
    if (!this._lift) return;
    Object.assign(this._lift, { x, y });
    this._follow();
  }

  _begin() {
    const { id, element, pointer, x, y } = this._press;
    const place = element.getBoundingClientRect();
    const twin = element.cloneNode(true);
    twin.classList.add("lifted");
    twin.ariaHidden = "true";
    twin.removeAttribute("tabindex");
    Object.assign(twin.style, { width: `${place.width}px`, left: `${place.left}px`, top: `${place.top}px` });
    document.body.append(twin);
    element.classList.add("slot");
    this.view.root.setPointerCapture(pointer);
    document.documentElement.classList.add("dragging");
    this.dragged = true;
    this._lift = { twin, x, y, height: place.height, top: place.top - y };
    this.onhold(id);
    this._follow();
    this._scroll();
  }

  /** Put the twin under the pointer, and the slot where a drop would leave the card. */
  _follow() {
    const { twin, x, y, height, top } = this._lift;
    const press = this._press;
    twin.style.transform = `translate(${x - press.x}px, ${y - press.y}px) rotate(2.5deg) scale(1.04)`;
    const distance = (column) => {
      const { left, right } = column.getBoundingClientRect();
      return Math.max(left - x, x - right, 0);
    };
    const column = this.view.columns.reduce((best, other) => (distance(other) < distance(best) ? other : best));
    const list = one(".cards", column);
    const middle = y + top + height / 2 - list.getBoundingClientRect().top;
    const others = [...list.children].filter((element) => element.dataset.card !== press.id);
    // By their places in the layout, as what glides at present is somewhere else.
    const next = others.find((element) => element.offsetTop + element.offsetHeight / 2 > middle);
    const [to, before] = [column.dataset.column, next?.dataset.card ?? null];
    const { preview } = this.view;
    if (preview?.column === to && preview.before === before) return;
    this.view.preview = { _: "Move", card: press.id, column: to, before };
    this.view.render();
  }

  /** While the pointer is near an edge, scroll what can be scrolled. */
  _scroll() {
    if (!this._lift) return;
    const { x, y } = this._lift;
    const push = (at, size) => (at < EDGE ? at - EDGE : at > size - EDGE ? at - size + EDGE : 0) / 6;
    const before = scrollY + this.view.root.scrollLeft;
    scrollBy(0, push(y, innerHeight));
    this.view.root.scrollLeft += push(x, innerWidth);
    if (scrollY + this.view.root.scrollLeft !== before) this._follow();
    requestAnimationFrame(() => this._scroll());
  }

  _end(drop) {
    const [press, lift] = [this._press, this._lift];
    clearTimeout(press?.timer);
    this._press = this._lift = null;
    if (!lift) return;
    const { preview } = this.view;
    this.view.preview = null;
    document.documentElement.classList.remove("dragging");
    this.onhold(null);
    if (drop && preview && !this._isAt(preview)) this.move(preview.card, preview.column, preview.before);
    this.view.render();
    this._land(press.id, lift.twin);
  }

  _isAt({ card, column, before }) {
    const place = find(this.view.board, card);
    return !place || (place.column.id === column && (place.column.cards[place.index + 1]?.id ?? null) === before);
  }

  /** Let the twin fall into the card's place. */
  _land(id, twin) {
    const element = this.view.card(id);
    const done = () => {
      twin.remove();
      element?.classList.remove("slot");
    };
    if (!element) return done();
    element.getAnimations().forEach((glide) => glide.cancel());
    const [from, to] = [twin.getBoundingClientRect(), element.getBoundingClientRect()];
    const x = to.left + to.width / 2 - from.left - from.width / 2;
    const y = to.top + to.height / 2 - from.top - from.height / 2;
    const upright = `translate(${x}px, ${y}px) ${twin.style.transform} rotate(-2.5deg) scale(.96)`;
    const fall = animate(twin, [{}, { transform: upright }], 180);
    if (fall) fall.onfinish = fall.oncancel = done;
    else done();
  }

  /** One step with an arrow key: among the cards of a column, or to the same height of a neighbour. */
  _step(id, sideways, down) {
    const { board } = this.view;
    const { column, index } = find(board, id);
    const target = board.columns[board.columns.indexOf(column) + sideways];
    const others = target?.cards.filter((card) => card.id !== id);
    if (!others || (down && !column.cards[index + down])) return announce("The card is at the edge.");
    const at = Math.min(index + down, others.length);
    this.move(id, target.id, others[at]?.id ?? null);
    this.view.card(id)?.scrollIntoView({ block: "nearest", inline: "center" });
    announce(`Moved to ${target.title}, place ${at + 1} of ${others.length + 1}.`);
  }
}
