#!/usr/bin/env python3
"""Writes augment_random.txt: every operation at 300 random values on 300 random 32x32 images, as Pillow does them.

Run: python3 make_augment_random.py > augment_random.txt     (made with Pillow 9.4.0; needs NumPy)
Line: operation group crc32 of the group's 30 results, one after the other. tests/kernels/augment/ops_test.cpp makes the
same images and values from the same integer hash.
"""
import contextlib, io, zlib
import numpy as np
from PIL import Image

with contextlib.redirect_stdout(io.StringIO()):
    from make_augment import OPERATIONS

SIDE, GROUPS, EACH = 32, 10, 30
FACTOR, SHEAR, SHIFT, SHARE = (0, 2), (-0.3, 0.3), (-10, 10), (0, 0.25)
RANGES = {"brightness": FACTOR, "color": FACTOR, "contrast": FACTOR, "sharpness": FACTOR, "posterize": (1, 9), "rotate": (-360, 360),
          "shear_x": SHEAR, "shear_y": SHEAR, "solarize": (0, 256), "translate_x": SHIFT, "translate_y": SHIFT, "cutout": (0, 33)}
WHOLE = ("posterize", "cutout")


def mix(x):
    x = (x ^ (x >> 16)) * 0x7FEB352D & 0xFFFFFFFF
    x = (x ^ (x >> 15)) * 0x846CA68B & 0xFFFFFFFF
    return x ^ (x >> 16)


def generate(stream):
    n = np.arange(SIDE * SIDE * 3, dtype=np.uint64)
    h = mix(mix(n) + stream * 0x9E3779B9 & 0xFFFFFFFF) >> 24
    x, y, c = n // 3 % SIDE, n // 3 // SIDE, n % 3
    v = [h, 90 + h // 8, h % 5 * 50 + 3, (7 * x + 5 * y + 40 * c + h // 16) % 256][stream % 4]
    return Image.frombytes("RGB", (SIDE, SIDE), v.astype(np.uint8).tobytes())


for place, (name, (operation, _)) in enumerate(OPERATIONS.items()):
    low, high = RANGES.get(name, SHARE if name.startswith("rescale") else (0, 0))
    for group in range(GROUPS):
        crc = 0
        for k in range(EACH):
            stream = (place * GROUPS + group) * EACH + k
            value = low + (high - low) * (mix(stream + 77) / 2**32)
            result = operation(generate(stream), int(value) if name in WHOLE else value)
            crc = zlib.crc32(result.tobytes(), crc)
        print(name, group, format(crc, "08x"))
