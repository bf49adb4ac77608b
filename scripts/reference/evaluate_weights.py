"""How many of 10,000 test pictures published CIFAR-10 weights get right, in PyTorch: the counts that ours must give.

    OMP_NUM_THREADS=1 python3 scripts/reference/evaluate_weights.py FILE.th|FILE.safetensors [...] --data test_batch.bin.gz|cifar10-jpeg.zip

FILE.th is a dictionary with state_dict, keys with module. in front and linear for fc (github.com/akamaster/pytorch_resnet_cifar10). The depth is
read from the number of blocks. Prints one JSON line for each file. With the shared data: resnet20-12fca82f.th 8103, resnet56-4bfd9763.th 8320.
"""
import argparse
import json
import os
import sys

import torch

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cifar_data
import safetensors_io
from cifar_models import CifarNet
from train_cifar_resnet20 import evaluate


def weights(path):
    if path.endswith(".safetensors"):
        return {k: torch.from_numpy(v.copy()).float() for k, v in safetensors_io.load(path)[0].items()}
    state = torch.load(path, map_location="cpu")["state_dict"]
    return {k.replace("module.", "").replace("linear.", "fc."): v for k, v in state.items()}


p = argparse.ArgumentParser()
p.add_argument("files", nargs="+")
p.add_argument("--data", required=True)
args = p.parse_args()
torch.set_num_threads(1)
x, y = cifar_data.load_zip(args.data)[2:] if args.data.endswith(".zip") else cifar_data.load_bin(args.data)
for path in args.files:
    state = weights(path)
    n = 1 + max(int(k.split(".")[1]) for k in state if k.startswith("layer1."))
    net = CifarNet(n)
    missing, unexpected = net.load_state_dict(state, strict=False)
    assert not unexpected and all(k.endswith("num_batches_tracked") for k in missing), (missing, unexpected)
    loss, right = evaluate(net, x, y)
    print(json.dumps({"file": os.path.basename(path), "depth": 6 * n + 2, "correct": right, "total": len(x), "loss": round(loss, 6)}), flush=True)
