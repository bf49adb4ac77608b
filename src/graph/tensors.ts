import { Tensor } from "../tensor/tensor.ts";

/** The same structure (tensor, array, Map, plain object) with every tensor replaced. */
export function mapTensors<T>(value: T, replace: (t: Tensor) => Tensor): T {
  return walk(value, replace) as T;
}

/** Tensors of a structure, in the order in which `mapTensors` visits them. */
export function tensorsIn(value: unknown): Tensor[] {
  const found: Tensor[] = [];
  walk(value, (t) => {
    found.push(t);
    return t;
  });
  return found;
}

function walk(value: unknown, replace: (t: Tensor) => Tensor): unknown {
  if (value instanceof Tensor) return replace(value);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((v) => walk(v, replace));
  if (value instanceof Map) return new Map([...value].map(([k, v]) => [k, walk(v, replace)]));
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, walk(v, replace)]));
}
