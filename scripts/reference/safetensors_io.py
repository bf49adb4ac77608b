"""The safetensors format in a page: 8 bytes length, a JSON header, the tensors' bytes (little endian)."""
import json
import struct

import numpy as np

NAMES = {"float16": "F16", "float32": "F32", "float64": "F64", "int64": "I64", "int32": "I32", "uint8": "U8"}
TYPES = {v: k for k, v in NAMES.items()}


def save(path, tensors, metadata=None):
    """tensors: {name: numpy array}, written in the dictionary's order."""
    header, at = {}, 0
    if metadata:
        header["__metadata__"] = {k: str(v) for k, v in metadata.items()}
    for name, a in tensors.items():
        header[name] = {"dtype": NAMES[str(a.dtype)], "shape": list(a.shape), "data_offsets": [at, at + a.nbytes]}
        at += a.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)))
        f.write(text)
        for a in tensors.values():
            f.write(np.ascontiguousarray(a).tobytes())


def load(path):
    """-> ({name: numpy array}, metadata)"""
    data = open(path, "rb").read()
    (n,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8:8 + n])
    meta = header.pop("__metadata__", {})
    body = data[8 + n:]
    out = {}
    for name, e in header.items():
        a, b = e["data_offsets"]
        out[name] = np.frombuffer(body[a:b], dtype=TYPES[e["dtype"]]).reshape(e["shape"])
    return out, meta
