"""CIFAR-10 for the reference scripts, as uint8 arrays [N, 32, 32, 3] (R, G, B) and int64 labels.

load_zip(path): the zip of JPEG files, train/<class>/NNNN.jpg and test/<class>/NNNN.jpg; classes in alphabetical order are
CIFAR-10's own order; pictures are sorted by path. Decoded by Pillow once, then kept in a cache beside the system's
temporary files. load_bin(path): CIFAR-10's binary format (1 label byte, 3072 bytes of planes), .gz or not.
"""
import gzip
import io
import os
import tempfile
import zipfile

import numpy as np

MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)


def load_zip(path):
    cache = os.path.join(tempfile.gettempdir(), f"cifar10-{os.path.getsize(path)}.npz")
    if not os.path.exists(cache):
        from PIL import Image
        arrays = {}
        with zipfile.ZipFile(path) as z:
            names = sorted(n for n in z.namelist() if n.endswith(".jpg"))
            classes = sorted({n.split("/")[1] for n in names})
            for split in ("train", "test"):
                part = [n for n in names if n.startswith(split + "/")]
                arrays[split + "_x"] = np.stack([np.asarray(Image.open(io.BytesIO(z.read(n))).convert("RGB")) for n in part])
                arrays[split + "_y"] = np.array([classes.index(n.split("/")[1]) for n in part], np.int64)
        np.savez(cache + ".part.npz", **arrays)
        os.replace(cache + ".part.npz", cache)
    d = np.load(cache)
    return d["train_x"], d["train_y"], d["test_x"], d["test_y"]


def load_bin(path):
    data = (gzip.open if path.endswith(".gz") else open)(path, "rb").read()
    a = np.frombuffer(data, np.uint8).reshape(-1, 3073)
    return a[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).copy(), a[:, 0].astype(np.int64)
