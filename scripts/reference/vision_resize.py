"""Golden hashes of Pillow's resize for test/vision/resize.test.ts. Run: python3 scripts/reference/vision_resize.py (Debian's python3-pil)."""
import hashlib
import json
import pathlib
import random

import PIL
from PIL import Image

OUT = pathlib.Path(__file__).resolve().parents[2] / "test/golden/vision/resize.json"
FILTERS = {"nearest": Image.NEAREST, "box": Image.BOX, "bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC}


def pixels(seed, count):
    """xorshift32 bytes; test/vision/pixels.ts is its twin."""
    x = seed or 1
    out = bytearray(count)
    for i in range(count):
        x ^= (x << 13) & 0xFFFFFFFF
        x ^= x >> 17
        x ^= (x << 5) & 0xFFFFFFFF
        # Every third value is an extreme, so that bicubic overshoots and is clipped.
        out[i] = 0 if x % 6 == 0 else 255 if x % 6 == 3 else (x >> 8) & 255
    return bytes(out)


def main():
    rng = random.Random(1)
    sizes = [((w, h), (ow, oh)) for (w, h), (ow, oh) in [
        ((1, 1), (1, 1)), ((1, 1), (7, 5)), ((9, 1), (3, 1)), ((1, 9), (1, 20)), ((5, 7), (1, 1)), ((2, 2), (224, 3)), ((640, 2), (1, 2)),
        ((32, 32), (32, 32)), ((32, 32), (32, 16)), ((32, 32), (47, 32)), ((451, 300), (384, 256)), ((300, 451), (232, 348)), ((33, 17), (224, 115)), ((640, 427), (336, 224)),
    ]]
    while len(sizes) < 60:
        sizes.append(((rng.randint(1, 90), rng.randint(1, 90)), (rng.randint(1, 130), rng.randint(1, 130))))
    cases = []
    for i, (size, out) in enumerate(sizes):
        for name, resample in FILTERS.items():
            channels = 1 if i % 4 == 3 else 3
            seed = 1000 + i
            image = Image.frombytes("L" if channels == 1 else "RGB", size, pixels(seed, size[0] * size[1] * channels))
            raw = image.resize(out, resample).tobytes()
            case = {"seed": seed, "channels": channels, "from": size, "to": out, "filter": name, "sha256": hashlib.sha256(raw).hexdigest()[:32]}
            if len(raw) <= 24:
                case["pixels"] = list(raw)
            cases.append(case)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases)
    OUT.write_text('{"pillow":"%s","cases":[\n%s\n]}\n' % (PIL.__version__, lines))
    print(len(cases), "cases,", OUT.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
