"""Writes test/golden/math.json: arguments and correctly rounded results of the functions in src/tensor/math.ts.

Values are the 16 hexadecimal digits of the IEEE double, big-endian. Needs mpmath (Debian: python3-mpmath).
Run from the repository's root: python3 scripts/reference/make_math.py
"""
import json
import random
import struct

import mpmath

mpmath.mp.prec = 1300
rng = random.Random(20151210)


def bits(x):
    return struct.pack(">d", x).hex()


def spread(low, high, count):
    """Both signs, sizes between 2^low and 2^high, exponents evenly spread."""
    return [rng.choice((-1, 1)) * rng.uniform(1, 2) * 2.0 ** rng.uniform(low, high) for _ in range(count)]


positive = [abs(x) for x in spread(-1070, 1022, 60)] + [rng.uniform(0.5, 2) for _ in range(60)]
arguments = {
    "exp": spread(-30, 8.4, 80) + [rng.uniform(-745, 709.7) for _ in range(40)],
    "expm1": spread(-54, 8.4, 120),
    "log": positive,
    "log1p": [x for x in spread(-54, -1.1, 60)] + [abs(x) for x in spread(-2, 1000, 60)],
    "sin": spread(-27, 19.6, 110) + [1647098.0, -1647098.5],
    "cos": spread(-27, 19.6, 110) + [1647098.0, -1647098.5],
    "tanh": spread(-30, 5, 120),
}
golden = {name: [[bits(x), bits(float(getattr(mpmath, name)(mpmath.mpf(x))))] for x in xs] for name, xs in arguments.items()}

pairs = [(abs(x), y) for x, y in zip(spread(-9, 9, 90), spread(-6, 5.5, 90))]
pairs += [(rng.uniform(0.9, 1.1), y) for y in spread(1, 9, 30)] + [(1 + 1e-10, 1e12), (1 - 1e-10, -3e12), (5e-324, 0.3), (10.0, -320.5)]
golden["pow"] = [[bits(x), bits(y), bits(float(mpmath.power(mpmath.mpf(x), mpmath.mpf(y))))] for x, y in pairs]

with open("test/golden/math.json", "w") as file:
    file.write("{\n" + ",\n".join(f'"{name}": {json.dumps(rows, separators=(",", ":"))}' for name, rows in golden.items()) + "\n}\n")
