/** Who this window is: a friendly name and a colour, the same after a reload. */
import { TINTS } from "./board.js";
import { NAME } from "./people.js";

const MOODS =
  "Brave Calm Cheerful Clever Curious Dapper Dreamy Eager Gentle Jolly Lucky Merry Nimble Quiet Sunny Swift Witty";
const ANIMALS = "Badger Beaver Dragonfly Duck Fox Frog Hare Heron Kingfisher Newt Otter Owl Swan Toad Turtle Vole";
const KEY = "pond.me";

const pick = (items) => items[Math.floor(Math.random() * items.length)];

function remembered() {
  try {
    const { name, tint } = JSON.parse(sessionStorage.getItem(KEY));
    if (typeof name === "string" && name && tint >= 0 && tint < TINTS) return { name, tint };
  } catch {
    // Nothing is stored, or storage is forbidden: a new name does as well.
  }
}

/** Per window, not per browser: two windows side by side are two people. */
export const me = remembered() ?? {
  name: `${pick(MOODS.split(" "))} ${pick(ANIMALS.split(" "))}`,
  tint: null,
};

/** Take a colour, if there is none yet: one that as few of the others as possible have. */
export function choose(others) {
  if (me.tint !== null) return;
  const tints = Array.from({ length: TINTS }, (_, tint) => tint);
  const count = (tint) => others.filter((other) => other.tint === tint).length;
  const least = Math.min(...tints.map(count));
  me.tint = pick(tints.filter((tint) => count(tint) === least));
  remember();
}

/** Take another name; false if it is not one. */
export function rename(text) {
  const name = [...text.trim()].slice(0, NAME).join("").trim();
  if (name === "") return false;
  me.name = name;
  remember();
  return true;
}

/** The first letters of a name's first two words. */
export function initials(name) {
  const words = name.split(/\s+/).filter(Boolean);
  return words.slice(0, 2).map((word) => [...word][0].toUpperCase()).join("");
}

function remember() {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(me));
  } catch {
    // Then the name lasts as long as the page.
  }
}
