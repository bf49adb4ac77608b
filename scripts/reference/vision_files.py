"""Small picture files of every kind with Pillow's pixels, for test/vision/decode.test.ts. Run: python3 scripts/reference/vision_files.py"""
import base64
import hashlib
import io
import json
import pathlib
import struct
import zlib

import PIL
from PIL import Image, ImageOps

from vision_resize import pixels

OUT = pathlib.Path(__file__).resolve().parents[2] / "test/golden/vision/files.json"
W, H = 21, 13
files = []


def smooth(mode, seed=7, size=(W, H)):
    """A picture that JPEG can keep: a few random colours, interpolated."""
    bands = len(mode)
    return Image.frombytes(mode, (5, 4), pixels(seed, 20 * bands)).resize(size, Image.BICUBIC)


def add(name, data, pixel_mode="RGB"):
    image = Image.open(io.BytesIO(data))
    upright = ImageOps.exif_transpose(image)
    rgb = upright.convert(pixel_mode).tobytes()
    files.append({"name": name, "mode": image.mode, "size": upright.size, "sha256": hashlib.sha256(rgb).hexdigest()[:32],
                  "data": base64.b64encode(data).decode(), **({"rgb": base64.b64encode(rgb).decode()} if "CMYK" in name else {})})


def saved(image, fmt, **options):
    out = io.BytesIO()
    image.save(out, fmt, **options)
    return out.getvalue()


def exif(orientation, big=False):
    e = ">" if big else "<"
    head = (b"MM\0*" if big else b"II*\0") + struct.pack(e + "I", 8)
    entries = [(0x010E, 2, 4, b"abc\0"), (0x0112, 3, 1, struct.pack(e + "HH", orientation, 0))]
    body = struct.pack(e + "H", len(entries)) + b"".join(struct.pack(e + "HHI", t, k, n) + v for t, k, n, v in entries)
    return head + body + struct.pack(e + "I", 0)


# JPEG
for name, ss in (("444", 0), ("422", 1), ("420", 2)):
    for progressive in (False, True):
        add(f"{name}{'-progressive' if progressive else ''}.jpg", saved(smooth("RGB"), "JPEG", quality=80, subsampling=ss, progressive=progressive))
add("grey.jpg", saved(smooth("L"), "JPEG"))
add("restart.jpg", saved(smooth("RGB", size=(40, 33)), "JPEG", restart_marker_rows=1))
add("one.jpg", saved(smooth("RGB", size=(1, 1)), "JPEG"))
cmyk = saved(smooth("CMYK"), "JPEG", quality=90)
add("CMYK.jpg", cmyk)
adobe = cmyk.index(b"Adobe")
add("CMYK-ycck.jpg", cmyk[: adobe + 11] + b"\2" + cmyk[adobe + 12 :])
for o in range(1, 9):
    add(f"orientation{o}.jpg", saved(smooth("RGB"), "JPEG", quality=60, exif=b"Exif\0\0" + exif(o, big=o % 2 == 0)))


# PNG: Pillow writes neither interlaced pictures nor 16-bit colour, so these are written here.
def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(color, depth, interlaced, seed, extra=b"", size=(W, H), filters=True):
    samples = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[color]
    w, h = size
    values = pixels(seed, w * h * samples * (2 if depth == 16 else 1))
    get = (lambda i: (values[2 * i] << 8) | values[2 * i + 1]) if depth == 16 else (lambda i: values[i] >> (8 - depth))
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)] if interlaced else [(0, 0, 1, 1)]
    unit = max(1, samples * depth // 8)
    raw = b""
    for x0, y0, dx, dy in passes:
        if x0 >= w or y0 >= h:
            continue
        before = None
        for n, y in enumerate(range(y0, h, dy)):
            bits = "".join(format(get((y * w + x) * samples + s), f"0{depth}b") for x in range(x0, w, dx) for s in range(samples))
            bits += "0" * (-len(bits) % 8)
            row = bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))
            kind = n % 5 if filters else 0
            up = before or bytes(len(row))
            out = bytearray()
            for i, v in enumerate(row):
                a, b = (row[i - unit] if i >= unit else 0), up[i]
                c = up[i - unit] if i >= unit else 0
                p = a + b - c
                order = sorted([(abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c)])
                out.append((v - [0, a, b, (a + b) // 2, order[0][2]][kind]) & 255)
            raw += bytes([kind]) + bytes(out)
            before = row
    packed = zlib.compress(raw, 9)
    half = len(packed) // 2
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, depth, color, 0, 0, interlaced)) + extra
            + chunk(b"IDAT", packed[:half]) + chunk(b"IDAT", packed[half:]) + chunk(b"IEND", b""))


for interlaced in (0, 1):
    tag = "-interlaced" if interlaced else ""
    for depth in (1, 2, 4, 8):
        add(f"grey{depth}{tag}.png", png(0, depth, interlaced, 20 + depth))
        palette = chunk(b"PLTE", pixels(3, 3 * (1 << depth)))
        add(f"palette{depth}{tag}.png", png(3, depth, interlaced, 30 + depth, palette))
    add(f"rgb8{tag}.png", png(2, 8, interlaced, 41))
    add(f"rgb16{tag}.png", png(2, 16, interlaced, 42))
    add(f"grey-alpha8{tag}.png", png(4, 8, interlaced, 43))
    add(f"grey-alpha16{tag}.png", png(4, 16, interlaced, 44))
    add(f"rgba8{tag}.png", png(6, 8, interlaced, 45))
    add(f"rgba16{tag}.png", png(6, 16, interlaced, 46))
add("palette-transparent.png", png(3, 8, 0, 50, chunk(b"PLTE", pixels(3, 768)) + chunk(b"tRNS", bytes(range(200)))))
add("rgb-transparent.png", png(2, 8, 0, 51, chunk(b"tRNS", b"\0\1\0\2\0\3")))
add("one-interlaced.png", png(2, 8, 1, 52, size=(1, 1)))
add("narrow-interlaced.png", png(2, 8, 1, 53, size=(3, 9)))
add("exif6.png", png(2, 8, 0, 54, chunk(b"eXIf", exif(6))))
add("text-and-time.png", png(0, 8, 0, 55, chunk(b"tEXt", b"Comment\0hello") + chunk(b"tIME", b"\7\xe0\1\1\0\0\0") + chunk(b"gAMA", struct.pack(">I", 45455))))
OUT.write_text('{"pillow":"%s","files":[\n%s\n]}\n' % (PIL.__version__, ",\n".join(json.dumps(f, separators=(",", ":")) for f in files)))
print(len(files), "files,", OUT.stat().st_size, "bytes", {f["mode"] for f in files})
