import { OutOfMemoryError } from "../../errors.ts";
import { forgottenTensors } from "../../tensor/tensor.ts";
import type { Backend, OpTable } from "../backend.ts";
import { batchNorm } from "./batchNorm.ts";
import { conv2d } from "./conv2d.ts";
import { linear } from "./linear.ts";
import { add, mulScalar, relu } from "./pointwise.ts";
import { adaptiveAvgPool2d, adaptiveMaxPool2d, avgPool2d, maxPool2d } from "./pool2d.ts";
import { JsProgram } from "./program.ts";
import { flatten, pad2d, padShortcut } from "./shape.ts";
import { softmax } from "./softmax.ts";
import { training } from "./training/index.ts";

/**
 * The operations, once each. This is the executable specification: values are 32-bit floats, but every sum is taken in 64
 * bits, in one fixed order, and rounded to 32 bits when it is stored. Only operations that IEEE 754 defines to the last
 * bit are used, so that every engine gives the same result.
 */
const operations = {
  conv2d,
  linear,
  maxPool2d,
  avgPool2d,
  adaptiveAvgPool2d,
  adaptiveMaxPool2d,
  batchNorm,
  relu,
  add,
  padShortcut,
  softmax,
  pad2d,
  flatten,
  mulScalar,
  ...training,
} satisfies OpTable<undefined>;

/**
 * The contract in plain TypeScript: no WebAssembly, so it runs under a strict content security policy. Handles are
 * `Float32Array`s; the garbage collector owns their memory, and what is counted is what live tensors hold.
 * @param insteadOfWasm why the wasm backend could not be had, where nobody asked for this one
 */
export function createJsBackend(insteadOfWasm?: string): Backend {
  const table: OpTable<undefined> = operations;
  let used = 0;
  let blocks = 0;
  return {
    name: "js",
    alloc(length) {
      const asked = length * 4;
      let handle: Float32Array;
      try {
        handle = new Float32Array(length);
      } catch (cause) {
        throw new OutOfMemoryError("js backend", { asked, used, cause });
      }
      used += asked;
      blocks++;
      return handle;
    },
    free(handle) {
      used -= (handle as Float32Array).byteLength;
      blocks--;
    },
    write(handle, values) {
      (handle as Float32Array).set(values);
    },
    async read(handle, length) {
      return (handle as Float32Array).slice(0, length);
    },
    readSync(handle, length) {
      return (handle as Float32Array).slice(0, length);
    },
    launch(op, attrs, inputs, outputs) {
      table[op](attrs, inputs, outputs, undefined);
    },
    compile(graph, options) {
      return new JsProgram(graph, options, ({ op, attrs, inputs, outputs }) => this.launch(op, attrs, inputs, outputs));
    },
    info() {
      return {
        backend: "js",
        threads: 1,
        deterministic: true,
        reasons: [
          insteadOfWasm === undefined
            ? "Plain TypeScript, because `init` was asked for it: slow next to wasm, but it runs where WebAssembly may not."
            : `Plain TypeScript, slow, because ${insteadOfWasm}`,
        ],
        memory: { used, reserved: used, blocks, forgotten: forgottenTensors() },
      };
    },
    dispose() {
      // Nothing to give back: the memory is the garbage collector's as soon as the tensors let go of it.
    },
  };
}
