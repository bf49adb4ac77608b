"""Writes test/golden/checkpoints: small files of torch.save and what PyTorch reads from them.

usage: python3 scripts/reference/make_checkpoints.py     (needs torch and numpy)
"""
import argparse, collections, hashlib, io, json, os, pickle, struct, tarfile, zipfile
import numpy as np
import torch

OUT = os.path.join(os.path.dirname(__file__), "..", "..", "test", "golden", "checkpoints")
os.makedirs(OUT, exist_ok=True)
torch.manual_seed(7)

NAMES = {torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64",
         torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL"}


def path(name):
    return os.path.join(OUT, name)


def expectation(tensors):
    return {name: {"dtype": NAMES[t.dtype], "shape": list(t.shape),
                   "values": [float(v) for v in t.detach().to(torch.float32).reshape(-1)]}
            for name, t in tensors.items()}


base = torch.arange(60, dtype=torch.float32) / 7
image = torch.randn(4, 3, 3, 2)
mixed = collections.OrderedDict()
mixed["float"] = torch.randn(2, 3)
mixed["half"] = torch.randn(5).half()
mixed["bfloat"] = torch.randn(5).bfloat16()
mixed["double"] = torch.randn(3, dtype=torch.float64)
mixed["long"] = torch.tensor([-1, 0, 2 ** 40, -(2 ** 62)])
mixed["int"] = torch.tensor([-5, 7], dtype=torch.int32)
mixed["short"] = torch.tensor([-300, 300], dtype=torch.int16)
mixed["char"] = torch.tensor([-128, 127], dtype=torch.int8)
mixed["byte"] = torch.tensor([0, 255], dtype=torch.uint8)
mixed["bool"] = torch.tensor([True, False, True])
mixed["scalar"] = torch.tensor(3.25)
mixed["count"] = torch.tensor(12345678901)
mixed["empty"] = torch.zeros(0, 3)
mixed["shared.whole"] = base
mixed["shared.view"] = base[12:24].view(3, 4)
mixed["shared.transposed"] = base.view(5, 12).t()
mixed["shared.every_third"] = base[1::3]
mixed["shared.expanded"] = base[2:5].expand(4, 3)
mixed["transposed.long"] = torch.arange(6).view(2, 3).t()
mixed["transposed.half"] = torch.randn(3, 4).half().t()
mixed["transposed.byte"] = torch.arange(6, dtype=torch.uint8).view(2, 3).t()
mixed["channels_last"] = image.contiguous(memory_format=torch.channels_last)
mixed["parameter"] = torch.nn.Parameter(torch.randn(2))
mixed._metadata = collections.OrderedDict([("", {"version": 1})])

torch.save(mixed, path("mixed.pth"))
torch.save(mixed, path("mixed-legacy.pth"), _use_new_zipfile_serialization=False)
for protocol in 3, 4, 5:
    torch.save(mixed, path(f"mixed-protocol{protocol}.pth"), pickle_protocol=protocol)
torch.save(mixed, path("mixed-legacy-protocol4.pth"), pickle_protocol=4, _use_new_zipfile_serialization=False)
with open(path("mixed.json"), "w") as f:
    json.dump(expectation(mixed), f)

# The same, through a zip program that deflates; and as a big-endian machine would write it.
source = zipfile.ZipFile(path("mixed.pth"))
with zipfile.ZipFile(path("mixed-deflated.pth"), "w", zipfile.ZIP_DEFLATED) as target:
    for name in source.namelist():
        target.writestr(name, source.read(name))
keys = {}


class Storages(pickle.Unpickler):
    def persistent_load(self, pid):
        keys[pid[2]] = pid[1]
        return torch.zeros(0).storage()

    def find_class(self, module, name):
        if module == "torch" and name.endswith("Storage"):
            return name
        if module == "torch._utils":
            return lambda *args: None
        return super().find_class(module, name)


Storages(io.BytesIO(source.read("mixed/data.pkl"))).load()
SIZES = {"DoubleStorage": 8, "LongStorage": 8, "FloatStorage": 4, "IntStorage": 4, "HalfStorage": 2,
         "BFloat16Storage": 2, "ShortStorage": 2}
with zipfile.ZipFile(path("mixed-bigendian.pth"), "w") as target:
    for name in source.namelist():
        data = source.read(name)
        key = name.rpartition("/data/")[2]
        if key in keys and SIZES.get(keys[key], 1) > 1:
            data = np.frombuffer(data, f"<u{SIZES[keys[key]]}").byteswap().tobytes()
        target.writestr(name, data)
    target.writestr("mixed/byteorder", b"big")

# A training script's checkpoint.
net = torch.nn.DataParallel(torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2)))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [3, 5])
net(torch.randn(4, 3)).sum().backward()
optimizer.step()
nested = {"epoch": 3, "arch": "tiny", "state_dict": net.state_dict(), "best_prec1": np.float64(91.5),
          "accuracy": torch.tensor(0.75), "optimizer": optimizer.state_dict(), "scheduler": scheduler.state_dict(),
          "args": argparse.Namespace(lr=0.1, name="run")}
torch.save(nested, path("nested.pth"))
torch.save(nested, path("nested-legacy.pth"), _use_new_zipfile_serialization=False)
with open(path("nested.json"), "w") as f:
    json.dump(expectation({k[len("module."):]: v for k, v in net.state_dict().items()}), f)

# Narrowing: the same numbers by PyTorch. Exponents reach below f16's subnormals and, for bf16, far up.
wide = torch.randn(512) * torch.exp2(torch.randint(-26, 15, (512,)).float())
torch.save({"f32": wide, "f16": wide.half(), "bf16": wide.bfloat16()}, path("narrow.pth"))


# What must be refused.
class Evil:
    def __init__(self, call, *args):
        self.how = call, args

    def __reduce__(self):
        return self.how


def in_zip(name, data):
    with zipfile.ZipFile(path(name), "w") as target:
        target.writestr("archive/data.pkl", data)
        target.writestr("archive/version", b"3\n")


marker = "touch /tmp/resnet-ts-was-here"
in_zip("os-system.pth", pickle.dumps({"weight": Evil(os.system, marker)}, 2))
in_zip("eval.pth", pickle.dumps({"weight": Evil(eval, "1 + 1")}, 4))
torch.save({"weight": Evil(os.system, marker)}, path("os-system-legacy.pth"), _use_new_zipfile_serialization=False)
torch.save(torch.nn.Linear(2, 2), path("whole-model.pth"))
torch.save(torch.randn(3), path("single-tensor.pth"))
torch.jit.save(torch.jit.script(torch.nn.ReLU()), path("torchscript.pt"))
with open(path("plain-pickle.pkl"), "wb") as f:
    pickle.dump({"a": 1}, f)
with tarfile.open(path("very-old.tar"), "w") as tar:
    for name in "tensors", "storages", "pickle":
        tar.addfile(tarfile.TarInfo(name), None)

# safetensors by hand, as its reference writes it.
tensors = {"a": torch.randn(2, 3), "b.half": torch.randn(4).half(), "c.bf16": torch.randn(2, 2).bfloat16(),
           "d.long": torch.tensor(7), "e.double": torch.randn(2, dtype=torch.float64), "10": torch.tensor([1.0]),
           "2": torch.tensor([2.0]), "mask": torch.tensor([True, False]), "none": torch.zeros(0)}
header, data = {"__metadata__": {"format": "pt"}}, b""
for name, t in tensors.items():
    raw = (t.view(torch.int16) if t.dtype == torch.bfloat16 else t).numpy().tobytes()
    header[name] = {"dtype": NAMES[t.dtype], "shape": list(t.shape), "data_offsets": [len(data), len(data) + len(raw)]}
    data += raw
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)
with open(path("plain.safetensors"), "wb") as f:
    f.write(struct.pack("<Q", len(text)) + text + data)
with open(path("plain.json"), "w") as f:
    json.dump(expectation(tensors), f)

# Files that are too large to commit: SHA-256 of all values as f32, one tensor after the other in the file's order.
shared = os.environ.get("RESNET_TS_SHARED", os.path.join(os.path.dirname(__file__), "..", "..", "..", "shared"))
digests = {}
for name in "resnet20-12fca82f.th", "resnet56-4bfd9763.th":
    digest = hashlib.sha256()
    for tensor in torch.load(os.path.join(shared, "weights", name), map_location="cpu")["state_dict"].values():
        digest.update(tensor.float().contiguous().numpy().tobytes())
    digests[name] = digest.hexdigest()
with open(path("shared.json"), "w") as f:
    json.dump(digests, f)
