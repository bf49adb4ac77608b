"""Deterministic weights and inputs without files: the Python half of test/support/fill.ts, bit for bit.

Element i (row-major in the shape's order) of the tensor called key is
    x = fnv1a32(key) + i * 0x9E3779B9 (mod 2^32), mixed by murmur3's fmix32;  u = (x >> 8) / 2^24;  float32(lo + (hi - lo) * u)
where lo + (hi - lo) * u is computed in float64 and (lo, hi) follows from the key and the shape:
    4-D or 2-D ...weight        -b, b   with b = sqrt(6 / fan_in), fan_in = product of shape[1:]
    1-D ...bn2.weight           0.1, 0.5   } residual branches stay smaller than the identity, so that 152 layers neither
    1-D ...bn3.weight           0.1, 0.5   } explode nor vanish; in a plain network like the others
    other 1-D ...weight         0.5, 1.5
    ...running_var              0.5, 1.5
    ...bias, ...running_mean    -0.1, 0.1
    ...num_batches_tracked      0
A picture-like input is float32(coarse + fine): fine is fill(key, shape, -0.5, 0.5); coarse is fill(key + ".coarse", [n, c, h', w'],
-2, 2) with h' = ceil(h / cell), w' = ceil(w / cell), cell = ceil(h / 7), each value held over cell x cell pixels.
Labels are (x >> 8) mod classes.
"""
import math

import numpy as np
import torch


def fnv1a(key):
    h = 0x811C9DC5
    for b in key.encode():
        h = ((h ^ b) * 0x01000193) & 0xFFFFFFFF
    return h


def bits24(key, count):
    with np.errstate(over="ignore"):
        x = np.uint32(fnv1a(key)) + np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B9)
        x ^= x >> np.uint32(16)
        x *= np.uint32(0x85EBCA6B)
        x ^= x >> np.uint32(13)
        x *= np.uint32(0xC2B2AE35)
        x ^= x >> np.uint32(16)
    return x >> np.uint32(8)


def fill(key, shape, lo, hi):
    u = bits24(key, math.prod(shape)).astype(np.float64) / 16777216
    return (lo + (hi - lo) * u).astype(np.float32).reshape(shape)


def bounds(key, shape, plain):
    last = key[key.rfind(".") + 1:]
    if last == "num_batches_tracked":
        return 0.0, 0.0
    if last == "running_var":
        return 0.5, 1.5
    if last in ("bias", "running_mean"):
        return -0.1, 0.1
    if len(shape) > 1:
        b = math.sqrt(6 / math.prod(shape[1:]))
        return -b, b
    if key.endswith(("bn2.weight", "bn3.weight")) and not plain:
        return 0.1, 0.5
    return 0.5, 1.5


def fill_tensor(key, shape, plain=False):
    return fill(key, shape, *bounds(key, shape, plain))


def fill_input(shape, key="input"):
    n, c, h, w = shape
    cell = -(-h // 7)
    coarse = fill(key + ".coarse", (n, c, -(-h // cell), -(-w // cell)), -2.0, 2.0)
    coarse = coarse.repeat(cell, 2).repeat(cell, 3)[:, :, :h, :w]
    return torch.from_numpy(coarse + fill(key, shape, -0.5, 0.5))


def fill_labels(count, classes, key="labels"):
    return torch.from_numpy((bits24(key, count) % np.uint32(classes)).astype(np.int64))


def fill_model(net, plain=False):
    """Overwrites every parameter and buffer of net by its key."""
    for key, t in net.state_dict().items():
        if t.is_floating_point():
            t.copy_(torch.from_numpy(fill_tensor(key, tuple(t.shape), plain)))
    return net
