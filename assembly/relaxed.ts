// A second entry of the binaries with relaxed SIMD: by this export they are told from the strict ones.
export const relaxed: bool = true;
