/** Builds dist/ from src/: `npm run build`. The result is committed, so that users need no build step. */
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const { version } = JSON.parse(await readFile(here("package.json")));

/** Names that are shortened: our private ones (the wire's own "_" is none), and those that only our modules share. */
const SHARED =
  "acknowledged|adopt|againAt|asking|backoff|bye|closed|crowded|cursor|cursors|deadline|distrust|drop|effects|emit|" +
  "encodedLength|enter|epoch|forget|greet|grows|heard|lasts|leave|life|link|mustWait|nameOthers|opened|" +
  "orphans|owed|place|probeAt|probed|putAway|receive|refusals|refuse|refused|rejected|replica|replicas|restore|seats|" +
  "shutOut|stamp|standing|start|tick|told|tooLarge|touch|waiting|wake|welcome|worked";
export const PRIVATE = new RegExp(`^_[a-z]|^(${SHARED})$`);

/** The text of a bundle: "esm" for `import`, "iife" for a classic script that makes a global `nuphar`. */
export async function bundle(format = "esm") {
  const { outputFiles } = await build({
    entryPoints: [here("src/index.js")],
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    loader: { ".js": "ts" }, // so that class fields become plain assignments, which are smaller
    tsconfigRaw: { compilerOptions: { useDefineForClassFields: false } },
    define: format === "iife" ? { "import.meta.url": "document.currentScript.src" } : {},
    charset: "utf8",
    mangleProps: PRIVATE,
    write: false,
    banner: { js: `/*! nuphar ${version} (Apache-2.0) */` },
  });
  const { text } = outputFiles[0];
  return format === "iife" ? classic(text) : text;
}

/** A module's text as a script that makes a global: esbuild's own does it with helpers that take 200 bytes gzipped. */
function classic(text) {
  const [comment] = text.match(/^\/\*!.*\n/);
  const [exported, names] = text.match(/export\{([^}]*)\};\s*$/);
  const fields = names.split(",").map((name) => name.split(" as ").reverse().join(":"));
  return `${comment}var nuphar=(()=>{${text.slice(comment.length, -exported.length)}return{${fields}}})();\n`;
}

/** What is bundled into dist/, and what is copied there, and from where. */
export const BUNDLES = { "nuphar.js": "esm", "nuphar.classic.js": "iife" };
export const COPIES = {
  "nuphar-worker.js": here("src/nuphar-worker.js"),
  "nuphar.d.ts": here("nuphar.d.ts"),
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [name, format] of Object.entries(BUNDLES)) await writeFile(here(`dist/${name}`), await bundle(format));
  for (const [name, source] of Object.entries(COPIES)) await copyFile(source, here(`dist/${name}`));
}
