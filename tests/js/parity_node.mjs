// node parity_node.mjs FOLDER: prints the result of parity.js for the cases of FOLDER/cases.json.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parity } from "./parity.js";

const folder = process.argv[2];
const paths = process.argv.slice(3);
const bytesOf = async (name) => new Uint8Array(readFileSync(join(folder, name)));
const cases = JSON.parse(readFileSync(join(folder, "cases.json"), "utf8"));
console.log(JSON.stringify(await parity(bytesOf, cases, paths)));
