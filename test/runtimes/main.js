/** Node, Deno, Bun: options come as JSON in the first argument, lines go to standard output. */
import { reported } from "./program.js";

const options = JSON.parse(globalThis.Deno?.args[0] ?? process.argv[2]);
await reported({ ...options, report: (line) => console.log(JSON.stringify(line)) });
