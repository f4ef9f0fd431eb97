/** The board: its types, its limits and the update that both ends share. Pure. `board.py` is its twin. */

export const CARDS = 200;
export const TEXT = 280;
export const ID = 40;
export const TINTS = 8;

/** Fields in the server's order. */
export const TYPES = {
  Board: ["columns"],
  Column: ["id", "title", "cards"],
  Card: ["id", "text", "tint", "hearts"],
  Add: ["card", "column", "text", "tint"],
  Edit: ["card", "text"],
  Move: ["card", "column", "before"],
  Heart: ["card"],
  Delete: ["card"],
};

/** Apply one message. Raises RangeError for what no page of ours sends. */
export function update(board, message) {
  const found = find(board, message.card)?.card;
  switch (message._) {
    case "Add": {
      const { card: id, column, text, tint } = message;
      check("id", id, ID);
      check("text", text, TEXT);
      checkColumn(board, column);
      if (!(tint >= 0 && tint < TINTS)) throw new RangeError(`expected a tint from 0 to ${TINTS - 1}, got ${tint}`);
      if (found) return board;
      if (size(board) >= CARDS) throw new RangeError(`the board is full: it holds ${CARDS} cards`);
      return put(board, { _: "Card", id, text, tint, hearts: 0 }, column, null);
    }
    case "Edit":
      check("text", message.text, TEXT);
      return found ? swap(board, { ...found, text: message.text }) : board;
    case "Move":
      checkColumn(board, message.column);
      return found ? put(without(board, found.id), found, message.column, message.before) : board;
    case "Heart":
      return found ? swap(board, { ...found, hearts: found.hearts + 1 }) : board;
    case "Delete":
      return without(board, message.card);
    default:
      throw new RangeError(`expected a message for the board, got ${message._}`);
  }
}

/** Where a card is: `{card, column, index}` or undefined. */
export function find(board, id) {
  for (const column of board.columns) {
    const index = column.cards.findIndex((card) => card.id === id);
    if (index >= 0) return { card: column.cards[index], column, index };
  }
}

/** How many cards there are. */
export function size(board) {
  return board.columns.reduce((sum, { cards }) => sum + cards.length, 0);
}

function check(what, text, limit) {
  const length = [...text].length; // characters as the server counts them, not UTF-16 units
  if (length < 1 || length > limit) throw new RangeError(`${what}: expected 1 to ${limit} characters, got ${length}`);
}

function checkColumn(board, id) {
  if (!board.columns.some((column) => column.id === id)) throw new RangeError(`there is no column ${id}`);
}

/** The board with `change(cards, column)` as each column's cards. */
function recast(board, change) {
  return { ...board, columns: board.columns.map((column) => ({ ...column, cards: change(column.cards, column) })) };
}

function without(board, id) {
  return recast(board, (cards) => cards.filter((card) => card.id !== id));
}

function swap(board, card) {
  return recast(board, (cards) => cards.map((other) => (other.id === card.id ? card : other)));
}

function put(board, card, columnId, before) {
  return recast(board, (cards, { id }) => {
    if (id !== columnId) return cards;
    const index = cards.findIndex((other) => other.id === before);
    const at = index < 0 ? cards.length : index;
    return [...cards.slice(0, at), card, ...cards.slice(at)];
  });
}
