import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import vm from "node:vm";
import { gzipSync } from "node:zlib";
import { bundle, BUNDLES, COPIES, PRIVATE } from "../build.js";
import * as built from "../dist/nuphar.js";
import * as source from "../src/index.js";
import { add, Page } from "./support.js";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const dist = (name) => readFile(here(`../dist/${name}`), "utf8");

test("dist is what a fresh build makes", async () => {
  for (const [name, format] of Object.entries(BUNDLES)) assert.ok((await dist(name)) === (await bundle(format)), "run npm run build");
  for (const [name, from] of Object.entries(COPIES)) assert.equal(await dist(name), await readFile(from, "utf8"));
  assert.deepEqual((await readdir(here("../dist"))).sort(), [...Object.keys(BUNDLES), ...Object.keys(COPIES)].sort());
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

for (const name of Object.keys(BUNDLES)) {
  test(`${name} needs no eval, names its licence, and takes at most 16 KiB gzipped`, async () => {
    const text = await dist(name);
    assert.doesNotMatch(text, /\beval\b|\bFunction\(/);
    assert.match(text.slice(0, 200), /^\/\*! nuphar .*Apache-2\.0/);
    const size = gzipSync(text, { level: 9 }).length;
    assert.ok(size <= 16 * 1024, `${size} bytes`);
  });
}

test("the classic script makes one global with the same names", async () => {
  const window = vm.createContext({ document: { currentScript: { src: "https://host/nuphar.classic.js" } }, TextEncoder, TextDecoder });
  vm.runInContext(await dist("nuphar.classic.js"), window);
  assert.deepEqual(Object.keys(window.nuphar).sort(), Object.keys(source).sort());
});

test("a name that is shortened is none of the public ones", async () => {
  const types = (await readFile(here("../nuphar.d.ts"), "utf8")).replaceAll(/\/\*\*.*?\*\//gs, "");
  for (const [, name] of types.matchAll(/(\w+)\??[:(<]/g)) assert.doesNotMatch(name, PRIVATE);
});

test("the package has what a page needs, and nothing else", async () => {
  const { execPath, env } = process;
  const npm = env.npm_execpath ? [execPath, [env.npm_execpath]] : ["npm", []];
  const pack = ["pack", "--dry-run", "--json", "--ignore-scripts", "--offline"];
  const [{ name, files }] = JSON.parse(execFileSync(npm[0], [...npm[1], ...pack], { cwd: here(".."), encoding: "utf8" }));
  assert.equal(name, "nuphar");
  const wanted = [...Object.keys(BUNDLES), ...Object.keys(COPIES)].map((file) => `dist/${file}`);
  assert.deepEqual(files.map(({ path }) => path).sort(), ["LICENSE", "README.md", "package.json", ...wanted].sort());
  const { exports, types, main } = JSON.parse(await readFile(here("../package.json"), "utf8"));
  const named = [main, types, exports["."].default, exports["./nuphar.classic.js"], exports["./nuphar-worker.js"]];
  for (const path of named) assert.ok(wanted.includes(path.slice(2)), path);
});

test("the package is found by its name", async () => {
  assert.equal((await import("nuphar")).connect, built.connect);
});

const compile = (file) => {
  const tsc = here("../node_modules/typescript/bin/tsc");
  const options = ["--noEmit", "--strict", "--exactOptionalPropertyTypes", "--target", "es2022", "--lib", "es2022,dom"];
  const { status, stdout } = spawnSync(process.execPath, [tsc, ...options, "--module", "nodenext", file], { encoding: "utf8" });
  assert.equal(status, 0, stdout);
};

test("the types fit a page that uses every name", () => compile(here("usage.ts")));

test("the examples in README.md are strict TypeScript", async () => {
  const readme = await readFile(here("../README.md"), "utf8");
  const examples = [...readme.matchAll(/<script type="module">\n([^]*?)<\/script>/g)].map(([, text]) => text);
  assert.equal(examples.length, readme.match(/^```\w/gm).length);
  const folder = await mkdtemp(here("examples-"));
  try {
    for (const text of examples) {
      await writeFile(`${folder}/page.ts`, text.replaceAll('"/live/nuphar.js"', '"../../dist/nuphar.js"'));
      compile(`${folder}/page.ts`);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});
