"""Writes augment.txt: what Pillow makes of small generated images, one CRC-32 per operation, value and image.

Run: python3 make_augment.py > augment.txt     (made with Pillow 9.4.0)
Line: operation value pattern width height crc32(result, height x width x 3 bytes)
tests/kernels/augment/ops_test.cpp generates the same images with the same integer arithmetic.
"""
import zlib

from PIL import Image, ImageEnhance, ImageFilter, ImageOps


def affine(*coefficients):
    return lambda image, v: image.transform(
        image.size, Image.AFFINE, [v if c == "v" else c for c in coefficients])


def rescale(method):
    def operation(image, v):
        w, h = image.size
        return image.crop((v * w, v * h, w * (1 - v), h * (1 - v))).resize(image.size, method)
    return operation


def cutout(image, side):
    image, (w, h) = image.copy(), image.size
    for x in range(max(0, w // 2 - side // 2), min(w, w // 2 + side // 2)):
        for y in range(max(0, h // 2 - side // 2), min(h, h // 2 + side // 2)):
            image.putpixel((x, y), (127, 127, 127))
    return image


FACTORS = [0, 0.14, 0.5, 0.86, 1, 1.72]
PIXELS = [-9, -0.5, 0.49, 3, 8.7]
SHEARS = [-0.27, 0, 0.03, 0.3, -1]
SHARES = [0, 0.03125, 0.07, 0.125, 0.2, 0.25]
OPERATIONS = {
    "autocontrast": (lambda image, v: ImageOps.autocontrast(image), [0]),
    "brightness": (lambda image, v: ImageEnhance.Brightness(image).enhance(v), FACTORS),
    "color": (lambda image, v: ImageEnhance.Color(image).enhance(v), FACTORS),
    "contrast": (lambda image, v: ImageEnhance.Contrast(image).enhance(v), FACTORS),
    "equalize": (lambda image, v: ImageOps.equalize(image), [0]),
    "identity": (lambda image, v: image, [0]),
    "invert": (lambda image, v: ImageOps.invert(image), [0]),
    "posterize": (lambda image, v: ImageOps.posterize(image, v), [1, 4, 7, 8]),
    "rotate": (lambda image, v: image.rotate(v), [-27, -3, 12.3456, 30, 45, 90, 180, 270]),
    "sharpness": (lambda image, v: ImageEnhance.Sharpness(image).enhance(v), FACTORS),
    "shear_x": (affine(1, "v", 0, 0, 1, 0), SHEARS),
    "shear_y": (affine(1, 0, 0, "v", 1, 0), SHEARS),
    "solarize": (lambda image, v: ImageOps.solarize(image, v), [0, 26, 128.5, 231, 256]),
    "translate_x": (affine(1, 0, "v", 0, 1, 0), PIXELS),
    "translate_y": (affine(1, 0, 0, 0, 1, "v"), PIXELS),
    "blur": (lambda image, v: image.filter(ImageFilter.BLUR), [0]),
    "smooth": (lambda image, v: image.filter(ImageFilter.SMOOTH), [0]),
    "cutout": (cutout, [0, 1, 6, 7, 16, 200]),
    "rescale_lanczos": (rescale(Image.Resampling.LANCZOS), SHARES),
    "rescale_bicubic": (rescale(Image.Resampling.BICUBIC), SHARES),
    "rescale_bilinear": (rescale(Image.Resampling.BILINEAR), SHARES),
    "rescale_box": (rescale(Image.Resampling.BOX), SHARES),
    "rescale_hamming": (rescale(Image.Resampling.HAMMING), SHARES),
    "rescale_nearest": (rescale(Image.Resampling.NEAREST), SHARES),
}
IMAGES = [("noise", 16, 16), ("narrow", 32, 32), ("ramp", 17, 23), ("few", 32, 32), ("flat", 16, 16),
          ("narrow", 23, 17), ("noise", 64, 64), ("noise", 2, 5)]


def generate(pattern, width, height):
    state, out = 1, bytearray()

    def noise():
        nonlocal state
        state = (state * 1664525 + 1013904223) % 2**32
        return state >> 24

    for y in range(height):
        for x in range(width):
            for c in range(3):
                out.append({
                    "noise": lambda: noise(),
                    "narrow": lambda: 90 + noise() // 8 + noise() // 8,
                    "ramp": lambda: (7 * x + 5 * y + 40 * c) % 256,
                    "few": lambda: noise() % 5 * 50 + 3,
                    "flat": lambda: 40 + 50 * c,
                }[pattern]())
    return Image.frombytes("RGB", (width, height), bytes(out))


for name, (operation, values) in OPERATIONS.items():
    for value in values:
        for pattern, width, height in IMAGES:
            result = operation(generate(pattern, width, height), value)
            print(name, value, pattern, width, height, format(zlib.crc32(result.tobytes()), "08x"))
