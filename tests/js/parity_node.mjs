// node parity_node.mjs FOLDER PATH...: prints the result of parity.js for the cases of FOLDER/cases.json. PATH: wasm, js, or plain-simd,
// which is wasm where the browser lacks fused multiply-add.
import { readFileSync } from "node:fs";
import { join } from "node:path";

const [folder, ...asked] = process.argv.slice(2);
if (asked.includes("plain-simd")) WebAssembly.validate = () => false; // what the engine asks before it uses relaxed SIMD
const { parity } = await import("./parity.js");
const bytesOf = async (name) => new Uint8Array(readFileSync(join(folder, name)));
const cases = JSON.parse(readFileSync(join(folder, "cases.json"), "utf8"));
console.log(JSON.stringify(await parity(bytesOf, cases, asked.map((path) => path.replace("plain-simd", "wasm")))));
