"""PyTorch's side of the embedded CIFAR-10 ResNet-20: trains it (or --model resnet56, plain20, ...) and exports it as fp16 safetensors.

    python3 scripts/reference/train_cifar_resnet20.py --data cifar10-jpeg.zip --out DIR [--resume]
    python3 scripts/reference/train_cifar_resnet20.py --data cifar10-jpeg.zip --out DIR --export FILE.safetensors

The recipe, exactly, so that another engine can repeat it:
- network and initialisation: cifar_models.py, after torch.manual_seed(seed)
- data: 50,000 pictures sorted by path (cifar_data.py). For epoch e = 0, 1, ... a generator g =
  torch.Generator().manual_seed(1000 * (seed + 1) + e) gives, in this order, order = randperm(50000), dy = randint(0, 9, [50000]),
  dx = randint(0, 9, [50000]), flip = randint(0, 2, [50000]). Step i uses the pictures order[128 i : 128 (i + 1)]; the last batch of
  80 is used too (391 steps an epoch). The k-th picture drawn takes dy[k], dx[k], flip[k].
- augmentation: 4 black pixels (value 0, before normalisation) around the picture, crop 32 x 32 at row dy, column dx; then mirrored
  left to right where flip = 1
- normalisation: (x / 255 - mean) / std with mean .485 .456 .406, std .229 .224 .225
- loss: mean cross-entropy, no label smoothing
- SGD: momentum 0.9 (not Nesterov, no dampening), weight decay 1e-4 on every parameter (batch norm and biases too)
- learning rate, per step t = 0 ... T-1 (T = epochs * 391), w = 0.2 T: peak * (t + 1) / w while t < w,
  then peak * (1 + cos(pi * (t - w) / (T - w))) / 2. peak = 0.2, 30 epochs
- batch norm: PyTorch's (momentum 0.1, eps 1e-5). Test accuracy: running statistics, no augmentation, 10,000 pictures

One thread, float32, channels-last bytes. After every epoch: checkpoint.pt (resumable, since an epoch's random numbers depend on seed
and e only) and a line in log.jsonl: epoch, lr, loss and accuracy on the augmented training pictures as they passed, test loss and accuracy, seconds.
"""
import argparse
import json
import math
import os
import sys
import time

import numpy as np
import torch
from torch.nn import functional as F

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cifar_data
import safetensors_io
from cifar_models import cifar_model

MEAN255 = torch.tensor(cifar_data.MEAN * 255)
STD255 = torch.tensor(cifar_data.STD * 255)


def to_input(x):
    """uint8 [B, 32, 32, 3] -> normalised float32 [B, 3, 32, 32], channels-last bytes."""
    return ((torch.from_numpy(x).float() - MEAN255) / STD255).permute(0, 3, 1, 2)


def evaluate(net, x, y):
    net.eval()
    loss, right = 0.0, 0
    with torch.no_grad():
        for i in range(0, len(x), 500):
            t = torch.from_numpy(y[i:i + 500])
            z = net(to_input(x[i:i + 500]))
            loss += F.cross_entropy(z, t, reduction="sum").item()
            right += (z.argmax(1) == t).sum().item()
    return loss / len(x), right


def rate(t, total, peak):
    w = 0.2 * total
    return peak * (t + 1) / w if t < w else peak * (1 + math.cos(math.pi * (t - w) / (total - w))) / 2


def train(args):
    x, y, tx, ty = cifar_data.load_zip(args.data)
    n = len(x)
    padded = np.zeros((n, 40, 40, 3), np.uint8)
    padded[:, 4:36, 4:36] = x
    torch.manual_seed(args.seed)
    net = cifar_model(args.model).to(memory_format=torch.channels_last)
    opt = torch.optim.SGD(net.parameters(), lr=0.0, momentum=0.9, weight_decay=args.weight_decay)
    os.makedirs(args.out, exist_ok=True)
    checkpoint, log = os.path.join(args.out, "checkpoint.pt"), os.path.join(args.out, "log.jsonl")
    start = 0
    if args.resume and os.path.exists(checkpoint):
        c = torch.load(checkpoint)
        net.load_state_dict(c["model"])
        opt.load_state_dict(c["optimizer"])
        start = c["epoch"]
    elif os.path.exists(log):
        os.remove(log)
    steps = math.ceil(n / args.batch)
    rows = np.arange(32)
    for epoch in range(start, args.epochs):
        g = torch.Generator().manual_seed(1000 * (args.seed + 1) + epoch)
        order = torch.randperm(n, generator=g).numpy()
        dy = torch.randint(0, 9, [n], generator=g).numpy()
        dx = torch.randint(0, 9, [n], generator=g).numpy()
        flip = torch.randint(0, 2, [n], generator=g).numpy()
        began, loss_sum, right = time.time(), 0.0, 0
        net.train()
        for i in range(steps):
            s = slice(i * args.batch, min(n, (i + 1) * args.batch))
            p = order[s]
            columns = np.where(flip[s, None] == 1, rows[::-1], rows) + dx[s, None]
            batch = padded[p[:, None, None], (dy[s, None] + rows)[:, :, None], columns[:, None, :]]
            t = torch.from_numpy(y[p])
            for group in opt.param_groups:
                group["lr"] = rate(epoch * steps + i, args.epochs * steps, args.peak)
            z = net(to_input(batch))
            loss = F.cross_entropy(z, t)
            opt.zero_grad(set_to_none=True)
            loss.backward()
            opt.step()
            loss_sum += loss.item() * len(p)
            right += (z.argmax(1) == t).sum().item()
            if i % 50 == 0:
                print(f"epoch {epoch} step {i} loss {loss.item():.4f} {time.time() - began:.1f} s", flush=True)
        seconds = time.time() - began
        test_loss, test_right = evaluate(net, tx, ty)
        line = {"epoch": epoch + 1, "lr": round(opt.param_groups[0]["lr"], 6), "trainLoss": round(loss_sum / n, 5),
                "trainAccuracy": round(right / n, 5), "testLoss": round(test_loss, 5), "testAccuracy": test_right / len(tx),
                "seconds": round(seconds, 1)}
        print(json.dumps(line), flush=True)
        with open(log, "a") as f:
            f.write(json.dumps(line) + "\n")
        torch.save({"model": net.state_dict(), "optimizer": opt.state_dict(), "epoch": epoch + 1, "args": vars(args)}, checkpoint + ".part")
        os.replace(checkpoint + ".part", checkpoint)


def export(args):
    """Writes --export from the checkpoint and prints how many of the 10,000 test pictures fp32 and fp16 weights get right."""
    _, _, tx, ty = cifar_data.load_zip(args.data)
    c = torch.load(os.path.join(args.out, "checkpoint.pt"))
    net = cifar_model(c["args"]["model"])
    net.load_state_dict(c["model"])
    full = evaluate(net, tx, ty)[1]
    state = {k: v for k, v in net.state_dict().items() if not k.endswith("num_batches_tracked")}
    safetensors_io.save(args.export, {k: v.half().numpy() for k, v in state.items()}, {"format": "pt"})
    back, _ = safetensors_io.load(args.export)
    net.load_state_dict({k: torch.from_numpy(v.copy()).float() for k, v in back.items()}, strict=False)
    half = evaluate(net, tx, ty)[1]
    print(json.dumps({"model": c["args"]["model"], "epoch": c["epoch"], "epochs": c["args"]["epochs"], "seed": c["args"]["seed"],
                      "fp32Correct": full, "fp16Correct": half, "of": len(tx), "bytes": os.path.getsize(args.export)}))


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--data", required=True, help="the zip of CIFAR-10 JPEG files")
    p.add_argument("--out", required=True, help="folder for checkpoint.pt and log.jsonl")
    p.add_argument("--model", default="resnet20", help="resnet20, resnet56, plain20, ...")
    p.add_argument("--epochs", type=int, default=30)
    p.add_argument("--batch", type=int, default=128)
    p.add_argument("--peak", type=float, default=0.2)
    p.add_argument("--weight-decay", type=float, default=1e-4)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--resume", action="store_true")
    p.add_argument("--export", help="write this safetensors file from the checkpoint instead of training")
    args = p.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    export(args) if args.export else train(args)


if __name__ == "__main__":
    main()
