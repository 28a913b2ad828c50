"""Weights files as NumPy arrays, and as PyTorch modules.

>>> w = load("runs/fruit/rounds/03/weights.safetensors")
>>> w["conv1.weight"].shape, w.metadata["crc.model.wiring"]
>>> net = to_torch(w)                              # torch.nn.Module, the same function
"""

from __future__ import annotations

import os
from collections.abc import Mapping

import numpy as np

from . import _crc
from ._inputs import as_array, boolean, path as path_of, shown
from .errors import MissingPackage, WrongType, error_of

_DTYPES = {"f32": np.float32, "f64": np.float64, "u8": np.uint8, "i32": np.int32, "i64": np.int64}
_NAMES = {np.dtype(dtype): name for name, dtype in _DTYPES.items()}


class Weights(dict):
    """Name -> array, with what the file says beside them (docs/weights.md).

    Names and shapes are PyTorch's: convolutions [K,C,R,R], linear layers [out,in]. metadata: str -> str.
    """

    def __init__(self, arrays=(), metadata: Mapping[str, str] | None = None):
        super().__init__(arrays)
        self.metadata = dict(metadata or {})


def load(path) -> Weights:
    """A safetensors file; bf16 and fp16 become fp32. Of a run's file, its checksum is checked.

    Raises FileNotFoundError; ValueError (65): not such a file, or damaged.
    """
    tensors, metadata = _crc.load_tensors(path_of(path, "path"))
    weights = Weights(metadata=metadata)
    for name, dtype, shape, values in tensors:
        if dtype == "bf16":  # the upper half of a float
            weights[name] = (np.frombuffer(values, np.uint16).astype(np.uint32) << 16).view(np.float32).reshape(shape)
        else:
            weights[name] = np.frombuffer(values, _DTYPES[dtype]).reshape(shape).copy()
    return weights


def save(path, weights: Mapping[str, np.ndarray], metadata: Mapping[str, str] | None = None,
         overwrite: bool = False) -> None:
    """A safetensors file, whole or not at all. metadata: that of ``load``'s result where none is given.

    Raises FileExistsError: unless ``overwrite``; TypeError: an array of another type than float32, float64, uint8,
    int32, int64, float16 (becomes fp32).
    """
    path = path_of(path, "path")
    if not boolean(overwrite, "overwrite") and os.path.lexists(path):
        raise error_of(73, f"{path} exists; name another file, or overwrite=True")
    said = getattr(weights, "metadata", {}) if metadata is None else metadata
    for given, what in ((weights, "weights are"), (said, "metadata is")):
        if not isinstance(given, Mapping):
            raise WrongType(f"{what} {shown(given)}; give a dict by name")
    tensors = []
    for name, values in weights.items():
        array = as_array(values, str(name), "a weights file holds arrays")
        if array.dtype == np.float16:
            array = array.astype(np.float32)
        if array.dtype not in _NAMES:
            raise WrongType(f"{name} is {array.dtype}; a weights file holds {', '.join(map(str, _NAMES))}")
        tensors.append((str(name), _NAMES[array.dtype], list(array.shape), array.tobytes()))
    _crc.save_tensors(path, tensors, {str(k): str(v) for k, v in said.items()})


def to_torch(weights: Mapping[str, np.ndarray], **model):
    """The network as a torch.nn.Module in evaluation mode, with these weights and this file's names.

    Its input: images [N,3,H,W] in 0..1, which it normalises as the training did; or rows [N,D] as the run saw them.
    Its output: logits [N,C]; ``features(x)`` is the input of the last layer.
    model: what the file does not say itself: name="wrn", depth=28, width=2, wiring="raw_x", slope=0.1, ...
    (docs/config.md, [model]). Raises ValueError: something is missing; ImportError: no PyTorch.
    """
    try:
        from ._torch import build
    except ImportError as error:
        raise MissingPackage("to_torch() needs PyTorch; pip install torch") from error
    return build(weights, dict(getattr(weights, "metadata", {})), model)
