"""kekmodel's CPU augmentation as its users run it: PIL images, one at a time, in loader processes. The set of operations
and their order of cost are that code's; values are drawn alike. Written to cost what it costs, not to equal it bit by bit.
"""
import random

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageEnhance, ImageOps
from torch.utils.data import Dataset

SIZE = 32


def affine(a, b, c, d, e, f):
    return lambda image, m: image.transform(image.size, Image.AFFINE, tuple(v(m) for v in (a, b, c, d, e, f)))


def enhance(kind):
    return lambda image, m: kind(image).enhance(0.05 + 0.9 * m)


def signed(m, limit):
    return random.choice((-1, 1)) * m * limit


OPS = [lambda image, m: ImageOps.autocontrast(image), enhance(ImageEnhance.Brightness), enhance(ImageEnhance.Color),
       enhance(ImageEnhance.Contrast), lambda image, m: ImageOps.equalize(image), lambda image, m: image,
       lambda image, m: ImageOps.posterize(image, 8 - int(4 * m)), lambda image, m: image.rotate(signed(m, 30)),
       enhance(ImageEnhance.Sharpness),
       affine(lambda m: 1, lambda m: signed(m, 0.3), lambda m: 0, lambda m: 0, lambda m: 1, lambda m: 0),
       affine(lambda m: 1, lambda m: 0, lambda m: 0, lambda m: signed(m, 0.3), lambda m: 1, lambda m: 0),
       lambda image, m: ImageOps.solarize(image, 256 - int(256 * m)),
       affine(lambda m: 1, lambda m: 0, lambda m: signed(m, 0.3) * SIZE, lambda m: 0, lambda m: 1, lambda m: 0),
       affine(lambda m: 1, lambda m: 0, lambda m: 0, lambda m: 0, lambda m: 1, lambda m: signed(m, 0.3) * SIZE)]


def weak(image):
    if random.random() < 0.5:
        image = ImageOps.mirror(image)
    padded = Image.fromarray(np.pad(np.asarray(image), ((4, 4), (4, 4), (0, 0)), mode="reflect"))
    y, x = random.randint(0, 8), random.randint(0, 8)
    return padded.crop((x, y, x + SIZE, y + SIZE))


def strong(image):
    image = weak(image)
    for op in random.choices(OPS, k=2):
        if random.random() < 0.5:
            image = op(image, random.randint(1, 9) / 10)
    x, y, half = random.randint(0, SIZE - 1), random.randint(0, SIZE - 1), SIZE // 4
    ImageDraw.Draw(image).rectangle((x - half, y - half, x + half, y + half), (127, 127, 127))
    return image


def to_tensor(image):
    pixels = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8).view(SIZE, SIZE, 3)
    return (pixels.permute(2, 0, 1).float() / 255 - 0.5) / 0.5


class Images(Dataset):
    """`views` looks at every image: weak ones, and a strong one last where asked."""

    def __init__(self, pixels, views, with_strong):
        self.pixels, self.views, self.with_strong = pixels, views, with_strong

    def __len__(self):
        return len(self.pixels)

    def __getitem__(self, i):
        image = Image.fromarray(self.pixels[i])
        last = strong if self.with_strong else weak
        looks = [weak] * (self.views - 1) + [last]
        return [to_tensor(look(image)) for look in looks], i % 10
