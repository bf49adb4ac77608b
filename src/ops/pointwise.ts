import { apply } from "../autograd/apply.ts";
import type { OpDefinition } from "../autograd/definition.ts";
import { ShapeError } from "../errors.ts";
import { checkOptions, need } from "../options.ts";
import { formatShape, sameShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { launch } from "./launch.ts";

export const reluOp: OpDefinition<"relu"> = {
  name: "relu",
  shapes: (_attrs, [x]) => [x!],
  saves: { outputs: [0] },
  gradient: ({ shapes: [x], outputs: [y], dys: [dy] }) => launch("reluGrad", {}, [y!, dy!], [x!]),
};

export const addOp: OpDefinition<"add"> = {
  name: "add",
  shapes(_attrs, [a, b]) {
    if (!a || !b || !sameShape(a, b)) {
      throw new ShapeError("add", `shapes must be equal, got ${a && formatShape(a)} and ${b && formatShape(b)}`);
    }
    return [a];
  },
  saves: ({ relu }) => (relu ? { outputs: [0] } : {}),
  gradient({ attrs, shapes: [a], outputs: [y], dys: [dy], needs }) {
    const dx = attrs.relu ? launch("reluGrad", {}, [y!, dy!], [a!])[0]! : dy!.detach();
    const both = needs[0] && needs[1];
    return [needs[0] ? dx : null, needs[1] ? (both ? dx.detach() : dx) : null];
  },
};

export const mulScalarOp: OpDefinition<"mulScalar"> = {
  name: "mulScalar",
  shapes: (_attrs, [x]) => [x!],
  gradient: ({ attrs, shapes: [x], dys: [dy] }) => launch("mulScalar", attrs, [dy!], [x!]),
};

/** max(0, x); NaN stays NaN. */
export function relu(x: Tensor): Tensor {
  return apply(reluOp, {}, [x])[0]!;
}

/** a + b, same shapes. With `relu`, max(0, a + b) in one pass (the end of a residual block). */
export function add(a: Tensor, b: Tensor, options: { relu?: boolean } = {}): Tensor {
  checkOptions("add", options, "relu");
  return apply(addOp, options.relu ? { relu: true } : {}, [a, b])[0]!;
}

/** x · factor. */
export function mulScalar(x: Tensor, factor: number): Tensor {
  need(typeof factor === "number", "mulScalar", "a number", factor);
  return apply(mulScalarOp, { factor }, [x])[0]!;
}
