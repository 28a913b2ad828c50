"""Embeddings of small images without a network: 8 x 8 grey pixels, each image less its mean and of unit length.

usage: pixels.py FOLDER OUT.npy     FOLDER: as `crc_train data make` writes it, images of 16 x 16
"""
import sys

import numpy as np

folder, out = sys.argv[1:]
records = np.concatenate([np.fromfile(f"{folder}/data_batch_{k}.bin", np.uint8) for k in range(1, 6)]).reshape(-1, 1 + 3 * 16 * 16)
x = records[:, 1:].reshape(-1, 3, 8, 2, 8, 2).mean(axis=(1, 3, 5)).reshape(-1, 64).astype("f4")
x -= x.mean(1, keepdims=True)
x /= np.linalg.norm(x, axis=1, keepdims=True) + 1e-6
np.save(out, x)
