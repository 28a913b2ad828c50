"""Arrays for the scripts here, where Python is and NumPy may not be."""
import struct
from pathlib import Path


def save_bytes(path, descr, shape, data):
    """A .npy file of an array in C order, `data` as NumPy's `descr` says."""
    head = repr({"descr": descr, "fortran_order": False, "shape": shape})
    head += " " * (-(len(head) + 11) % 64) + "\n"
    Path(path).write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + data)


def save(path, descr, shape, code, numbers):
    """The same of numbers, which struct packs as `code`."""
    save_bytes(path, descr, shape, struct.pack(f"<{len(numbers)}{code}", *numbers))
