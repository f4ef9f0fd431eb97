import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFile, readdir } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { bundle, COPIES } from "../build.js";
import * as built from "../dist/nuphar.js";
import * as source from "../src/index.js";
import { add, Page } from "./support.js";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const dist = (name) => readFile(here(`../dist/${name}`), "utf8");

test("dist is what a fresh build makes", async () => {
  assert.equal(await dist("nuphar.js"), await bundle(), "run npm run build");
  for (const [name, from] of Object.entries(COPIES)) assert.equal(await dist(name), await readFile(from, "utf8"));
  assert.deepEqual((await readdir(here("../dist"))).sort(), ["nuphar.js", ...Object.keys(COPIES)].sort());
});

test("dist has the public names and works", () => {
  assert.deepEqual(Object.keys(built).sort(), Object.keys(source).sort());
  const page = new Page();
  const store = built.connect("/live", page.options).subscribe("n", { update: add });
  page.welcome();
  page.socket.give([21, "topic:n", "e1", 0, 1, "subscribed"]);
  page.socket.give([19, "topic:n", 1, 2]);
  assert.deepEqual([store.model, store.seq, store.target], [3, 1, "topic:n"]);
});

test("dist needs no eval, names the licence of cborg, and takes at most 14 KiB gzipped", async () => {
  const text = await dist("nuphar.js");
  assert.doesNotMatch(text, /\beval\b|\bFunction\(/);
  assert.match(text.slice(0, 200), /^\/\*! .*cborg .*Apache-2\.0/);
  const size = gzipSync(text, { level: 9 }).length;
  assert.ok(size <= 14 * 1024, `${size} bytes`);
});

test("the types fit a page that uses every name", () => {
  const tsc = here("../node_modules/typescript/bin/tsc");
  const options = ["--noEmit", "--strict", "--exactOptionalPropertyTypes", "--target", "es2022", "--lib", "es2022,dom"];
  execFileSync(process.execPath, [tsc, ...options, "--module", "nodenext", here("usage.ts")], { encoding: "utf8" });
});
