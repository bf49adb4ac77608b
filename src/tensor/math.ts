/**
 * Transcendental functions that give the same bits in every engine.
 *
 * ECMAScript leaves the last bits of `Math.exp`, `Math.log`, `Math.sin`, … to the engine, and engines differ. These are
 * built from IEEE additions, multiplications, divisions, square roots and bit operations only, which they may not vary.
 * Everything on the way to a tensor's values uses these; `Math.sqrt`, `fround`, `floor`, `trunc`, `abs`, `imul` and
 * `clz32` are exact by the standard and stay as they are. The operator `**` is `Math.pow` in disguise: not used on numbers.
 */
export { exp, expm1, tanh } from "./math/exp.ts";
export { log, log1p } from "./math/log.ts";
export { pow } from "./math/pow.ts";
export { cos, sin } from "./math/trig.ts";
