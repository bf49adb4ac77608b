"""Golden values of the filler (fill.py, test/support/fill.ts): a few keys of each kind, first values and the sum of all.

    python3 scripts/reference/make_fill.py        writes test/golden/fill.json (seconds)
"""
import json
import os
import sys

import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fill import fill_input, fill_labels, fill_tensor

CASES = [("conv1.weight", (64, 3, 7, 7)), ("layer1.0.conv2.weight", (64, 64, 3, 3)), ("fc.weight", (1000, 512)), ("fc.bias", (1000,)),
         ("bn1.weight", (64,)), ("bn1.bias", (64,)), ("bn1.running_mean", (64,)), ("bn1.running_var", (64,)), ("layer1.0.bn2.weight", (64,)),
         ("layer1.0.bn3.weight", (256,)), ("layer2.0.downsample.1.weight", (128,)), ("bn1.num_batches_tracked", ())]


def entry(key, a):
    a = np.asarray(a)
    flat = a.reshape(-1)
    return {"key": key, "shape": list(a.shape), "first": [float(v) for v in flat[:6]], "sum": float(flat.astype(np.float64).sum())}


out = {"tensors": [entry(k, fill_tensor(k, s)) for k, s in CASES],
       "inputs": [entry("input", fill_input((2, 3, 224, 224)).numpy()), entry("odd", fill_input((3, 3, 193, 257), "odd").numpy())],
       "labels": fill_labels(16, 1000).tolist()}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../test/golden/fill.json"), "w") as f:
    f.write(json.dumps(out).replace("}, ", "},\n") + "\n")
