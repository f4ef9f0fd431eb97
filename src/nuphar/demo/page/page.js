/** The page: one connection, three topics, and who hears of what. */
import { automatic, connect } from "/live/nuphar.js";
import * as boards from "./board.js";
import { announce, one, write } from "./dom.js";
import { Drag } from "./drag.js";
import { Faces } from "./faces.js";
import { Hands } from "./hands.js";
import { choose, me } from "./me.js";
import * as peoples from "./people.js";
import { Status } from "./status.js";
import { View } from "./view.js";
import { compose, edit } from "./writing.js";

const types = automatic({ ...boards.TYPES, ...peoples.TYPES });
const { Add, Edit, Move, Heart, Delete, Introduce, Hand } = types.constructors;

const client = connect("/live", { types });
const board = client.subscribe("board", { update: boards.update, optimistic: true });
const people = client.subscribe("people", { update: peoples.update, optimistic: true });
const others = client.subscribe("hands");

const status = new Status(client);
const everybody = () => people.model?.people ?? [];
const person = (id) => everybody().find(({ client_id, name }) => client_id === id && name !== "");

// The board.

function send(message) {
  status.watch(board.dispatch(message));
  // A server that stops takes its model along: until there is another one, our own changes show on the last board.
  if (!board.model && view.board) view.render(boards.update(view.board, message));
}

const view = new View(one("#board"), { update: boards.update, oncard, oncolumn });
const drag = new Drag(view, {
  move: (card, column, before) => send(Move(card, column, before)),
  onhold: (card) => hands.does(card ? "drag" : "point", card),
});
const hands = new Hands(view, {
  person,
  send: ({ doing, column, x, y, card }) => {
    const alone = everybody().length < 2;
    if (client.state !== "live" || alone) return; // a hand that comes late says nothing
    others.dispatch(Hand(client.clientId, doing, column, x, y, card)).catch(() => {});
  },
});

function oncard(element, id) {
  const write = () =>
    edit(view, id, {
      save: (text) => send(Edit(id, text)),
      onwrite: (card) => hands.does(card ? "write" : "point", card),
    });
  const remove = () => {
    const neighbour = element.nextElementSibling ?? element.previousElementSibling;
    if (element.contains(document.activeElement)) neighbour?.focus();
    announce("The card is deleted.");
    send(Delete(id));
  };
  drag.attend(element, id);
  one(".text", element).addEventListener("click", () => drag.dragged || write());
  one(".heart", element).addEventListener("click", () => send(Heart(id)));
  one(".delete", element).addEventListener("click", remove);
  const keys = { Enter: write, F2: write, Delete: remove, Backspace: remove, h: () => send(Heart(id)) };
  element.addEventListener("keydown", (event) => {
    if (event.target !== element || event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });
}

function oncolumn(element, id) {
  compose(view, element, (text) => send(Add(newId(), id, text, me.tint ?? 0)));
}

function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(12)); // randomUUID wants https
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

board.onchange((model, message) => {
  if (!model) return;
  view.render(model);
  if (message && message._ !== "Heart") view.ripple(message.card);
  drag.check();
  hands.render();
  tally(model);
});

function tally({ columns }) {
  const total = columns.reduce((sum, { cards }) => sum + cards.length, 0);
  const hearts = columns.flatMap(({ cards }) => cards).reduce((sum, card) => sum + card.hearts, 0);
  write(one("#total"), `${total} ${total === 1 ? "card" : "cards"}, ${hearts} ${hearts === 1 ? "heart" : "hearts"}`);
  const bar = one("#shares");
  columns.forEach(({ title, cards }, index) => {
    const share = bar.children[index] ?? bar.appendChild(document.createElement("span"));
    share.dataset.accent = index;
    share.style.flexGrow = cards.length;
    share.title = `${title}: ${cards.length}`;
  });
}

// The people.

const faces = new Faces({ onrename: introduce });
let introduced = "";

/** Tell our name, once for each connection and each name. The server has said before that we are here. */
function introduce() {
  const known = everybody().find(({ client_id }) => client_id === client.clientId);
  const introduction = `${client.clientId} ${me.name}`;
  if (!known || introduction === introduced) return;
  introduced = introduction;
  choose(everybody().filter(({ name }) => name !== ""));
  people.dispatch(Introduce(client.clientId, me.name, me.tint)).catch(() => {}); // lost: then we are to be introduced again
}

people.onchange(() => {
  introduce();
  faces.render(everybody(), client.clientId);
  hands.render();
});

others.onpush((hand) => hands.hear(hand));
