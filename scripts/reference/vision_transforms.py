"""Golden hashes of torchvision's transforms on PIL images for test/vision/transforms.test.ts.

Run: python3 scripts/reference/vision_transforms.py [SHARED [PACKAGES]] (Debian's python3-torchvision). With SHARED, the folder that
holds photos/ and data/, real photographs are added: five of scikit-image's and five of CIFAR-10's. With PACKAGES, the folder where
Debian's python3-skimage and python3-sklearn lie (/usr/lib/python3/dist-packages, or unpacked by dpkg -x), eight more.
"""
import hashlib
import io
import json
import pathlib
import sys
import zipfile

import numpy as np
import PIL
import torch
import torchvision
from PIL import Image
from torchvision.transforms import functional as F
from torchvision.transforms._presets import ImageClassification
from torchvision.transforms import InterpolationMode

from vision_resize import pixels

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = ROOT / "test/golden/vision/transforms.json"


def sha(b):
    return hashlib.sha256(b).hexdigest()[:32]


PRESETS = {
    "v1": ImageClassification(crop_size=224),
    "v2": ImageClassification(crop_size=224, resize_size=232),
    "timm288": ImageClassification(crop_size=288, resize_size=303, interpolation=InterpolationMode.BICUBIC),
    "cifar": ImageClassification(crop_size=32, resize_size=32),
    "padded": ImageClassification(crop_size=65, resize_size=50),
}


def cases_of(name, image):
    for preset, t in PRESETS.items():
        small = F.center_crop(F.resize(image, t.resize_size, interpolation=t.interpolation), t.crop_size)
        y = t(image)
        yield {"image": name, "preset": preset, "size": image.size, "pixels": sha(small.tobytes()),
               "values": sha(y.contiguous().numpy().tobytes()), "head": [float(v) for v in y[:, 0, 0]]}


out = []
for i, size in enumerate([(300, 200), (200, 301), (33, 65), (32, 32), (1, 900), (700, 2), (225, 224), (451, 300)]):
    image = Image.frombytes("RGB", size, pixels(50 + i, size[0] * size[1] * 3))
    out += [{**c, "seed": 50 + i} for c in cases_of(f"synthetic {i}", image)]

# Every 8-bit value in every channel, through each normalisation: torch, and numpy as Keras's preprocess_input does it.
ramp = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, 1).reshape(16, 16, 3)
tables = {"torch": F.normalize(F.convert_image_dtype(F.pil_to_tensor(Image.fromarray(ramp)), torch.float),
                               (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)).permute(1, 2, 0).contiguous().numpy()}
x = ramp.astype(np.float32)[..., ::-1].copy()
for c, m in enumerate([103.939, 116.779, 123.68]):
    x[..., c] -= m
tables["caffe"] = x
x = ramp.astype(np.float32)
x /= 127.5
x -= 1.0
tables["tf"] = x
tables = {k: sha(np.ascontiguousarray(v).tobytes()) for k, v in tables.items()}

photos = []
if len(sys.argv) > 1:
    shared = pathlib.Path(sys.argv[1])
    archive = zipfile.ZipFile(shared / "data/cifar10-jpeg.zip")
    files = [(f"photos/{n}", None) for n in ["astronaut.png", "cat.png", "coffee.png", "horse.png", "rocket.jpg"]]
    files += [(n, archive.read(n)) for n in sorted(n for n in archive.namelist() if n.endswith(".jpg") and "test/" in n)[::2000]]
    packages = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else "/usr/lib/python3/dist-packages")
    own = [f"skimage/data/{n}" for n in ["brick.png", "camera.png", "clock_motion.png", "coins.png", "gravel.png", "hubble_deep_field.jpg"]]
    for name in own + [f"sklearn/datasets/images/{n}" for n in ["china.jpg", "flower.jpg"]]:
        files.append((name, (packages / name).read_bytes()))
    for name, data in files:
        image = Image.open(io.BytesIO(data) if data else shared / name).convert("RGB")
        photos.append({"image": name, "decoded": sha(image.tobytes()), "cases": list(cases_of(name, image))})
elif OUT.exists():
    photos = json.loads(OUT.read_text())["photos"]

head = {"pillow": PIL.__version__, "torch": torch.__version__, "torchvision": torchvision.__version__, "tables": tables}
dump = lambda v: json.dumps(v, separators=(",", ":"))
OUT.write_text(dump(head)[:-1] + ',"cases":[\n' + ",\n".join(map(dump, out)) + '\n],"photos":[\n' + ",\n".join(map(dump, photos)) + "\n]}\n")
print(len(out), "cases,", len(photos), "photographs,", OUT.stat().st_size, "bytes")
