import { ResNetError } from "../errors.ts";

/** h5wasm, an optional peer. @throws ResNetError where it is not installed */
export async function hdf5Library(): Promise<typeof import("h5wasm")> {
  try {
    return await import("h5wasm");
  } catch (cause) {
    throw new ResNetError("to read HDF5 files (Keras) here, the package h5wasm must be installed: npm install h5wasm", {
      code: "ERR_MISSING_PACKAGE",
      cause,
    });
  }
}
