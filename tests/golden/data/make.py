#!/usr/bin/env python3
"""Writes the golden files of tests/data into this folder. Needs NumPy, SciPy, Pillow."""
import pathlib
import numpy as np
import scipy.io
from PIL import Image

here = pathlib.Path(__file__).resolve().parent

arrays = {
    "f32_2x3": np.arange(6, dtype="<f4").reshape(2, 3) / 4 - 0.5,
    "f64_scalar": np.array(np.pi),
    "i32_empty": np.zeros((0, 5), "<i4"),
    "i64_3": np.array([-1, 2**40, 7]),
    "u8_2x2x2": np.arange(250, 258).astype(np.uint8).reshape(2, 2, 2),
    "bool_4": np.array([True, False, False, True]),
    "fortran": np.asfortranarray(np.arange(6, dtype="<f4").reshape(2, 3)),
    "big_endian": np.arange(3, dtype=">f4"),
    "f16": np.arange(3, dtype="<f2"),
}
for name, array in arrays.items():
    np.save(here / f"{name}.npy", array)

row, column, channel, n = np.ogrid[:32, :32, :3, :4]
X = ((7 * row + 3 * column + 50 * channel + 11 * n) % 256).astype(np.uint8)
y = np.array([[10], [1], [9], [5]])
scipy.io.savemat(here / "svhn_compressed.mat", {"X": X, "y": y.astype(np.float64)}, do_compression=True)
scipy.io.savemat(here / "svhn_uint8_labels.mat", {"X": X[..., :1], "y": y[:1].astype(np.uint8)}, do_compression=True)
scipy.io.savemat(here / "svhn_wrong_class.mat", {"X": X.astype(np.float64), "y": y}, do_compression=True)
scipy.io.savemat(here / "svhn_bad_label.mat", {"X": X, "y": np.array([[10], [0], [9], [5]], np.float64)}, do_compression=True)
scipy.io.savemat(here / "svhn_few_labels.mat", {"X": X, "y": y[:3].astype(np.float64)}, do_compression=True)

y4, x5 = np.mgrid[:4, :5]
rgb = np.stack([10 * x5, 20 * y4, 5 * (x5 + y4) + 100], -1).astype(np.uint8)
Image.fromarray(rgb).save(here / "rgb.png")
Image.fromarray(rgb[..., 2]).save(here / "grey.png")
Image.fromarray(np.dstack([rgb, np.full((4, 5), 128, np.uint8)])).save(here / "rgba.png")
Image.fromarray(rgb).convert("P", palette=Image.Palette.ADAPTIVE, colors=20).save(here / "palette.png")
