/** Builds dist/ from src/: `npm run build`. The result is committed, so that users need no build step. */
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const { version } = JSON.parse(await readFile(here("package.json")));
const cborg = JSON.parse(await readFile(here("node_modules/cborg/package.json")));

/** The text of dist/nuphar.js. */
export async function bundle() {
  const { outputFiles } = await build({
    entryPoints: [here("src/index.js")],
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2020",
    loader: { ".js": "ts" }, // so that class fields become plain assignments, which are smaller
    tsconfigRaw: { compilerOptions: { useDefineForClassFields: false } },
    charset: "utf8",
    mangleProps: /^_[a-z]/, // our private names; the wire's own "_" is not one
    write: false,
    banner: {
      js: `/*! nuphar ${version} (Apache-2.0), with cborg ${cborg.version} (${cborg.license}, see LICENSE-cborg) */`,
    },
  });
  return outputFiles[0].text;
}

/** What dist/ holds besides nuphar.js: each file, and where it is copied from. */
export const COPIES = { "nuphar.d.ts": here("nuphar.d.ts"), "LICENSE-cborg": here("node_modules/cborg/LICENSE") };

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await writeFile(here("dist/nuphar.js"), await bundle());
  for (const [name, source] of Object.entries(COPIES)) await copyFile(source, here(`dist/${name}`));
}
