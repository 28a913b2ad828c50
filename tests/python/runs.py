"""Small runs for the tests, and the command line beside them."""

import os
import pathlib
import subprocess
import tempfile
import unittest

import numpy as np

PROGRAM = pathlib.Path(os.environ.get("CRC_TRAIN", pathlib.Path(__file__).resolve().parents[2] / "build/crc_train"))

# Seconds on one core: 3 classes, 2 rounds of training.
SMALL = {"model": {"depth": 10, "width": 1, "base_channels": 4},
         "ssl": {"batch": 6, "mu": 1, "epochs": 2, "steps_per_epoch": 10, "weak.flip": False, "weak.crop_pad": 1},
         "acquisition": {"name": "crc", "first": "leading", "initial": 12, "budget": 6, "group_size": 3, "rounds": 1},
         "run": {"threads": 1, "device": "cpu"}}
# What nobody should give anywhere, and somebody does.
ODD = [None, "x", b"x", "", "a\0b", 2**70, -(2**70), -1, 0, 1.5, float("nan"), float("inf"), True, object(), [1, [2]], {},
       {1: 2}, (), [None], [[]], np.array(3), np.float32(2), np.array([object()]), np.zeros((2, 2, 2, 2)), lambda: 0, int,
       np.datetime64("2020-01-01"), 1j, range(3), {1, "a"}, [2**70], ["a", 1], [1.5], [True], iter([1])]
CLASSES = ["apple", "pear", "plum"]


def pictures(count=60, seed=0, size=8):
    """uint8 [N,size,size,3] and classes 0 to 2: a bright quarter, noise over it."""
    random = np.random.RandomState(seed)
    labels = random.randint(3, size=count)
    images = random.randint(0, 90, size=(count, size, size, 3))
    half = size // 2
    for image, label in zip(images, labels):
        image[half * (label // 2):half * (label // 2 + 1), half * (label % 2):half * (label % 2 + 1)] += 150
    return images.astype(np.uint8), labels


def rows(count=80, seed=0, width=6):
    """float32 [N,D] in three clusters, and their numbers."""
    random = np.random.RandomState(seed)
    labels = random.randint(3, size=count)
    return (random.randn(count, width) + 3 * np.eye(3, width)[labels]).astype(np.float32), labels


def data(known=12, **changed):
    """Images of which the first `known` have a label, as Run.create takes them."""
    images, labels = pictures()
    test, test_labels = pictures(30, seed=1)
    return {"images": images, "labels": np.where(np.arange(len(labels)) < known, labels, -1), "test_images": test,
            "test_labels": test_labels, "class_names": CLASSES, **changed}


def all_known(**changed):
    return data(known=60, **changed)


def spoken(*arguments, code=None):
    """Runs the command line; its exit code, and all it says."""
    if not PROGRAM.exists():
        raise unittest.SkipTest(f"no {PROGRAM}")
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True)
    assert code in (None, done.returncode), (arguments, done.returncode, done.stderr)
    return done.returncode, done.stdout + done.stderr


def crc_train(*arguments, code=0):
    """The same, with the exit code that is expected; all it says."""
    return spoken(*arguments, code=code)[1]


def results(directory):
    """What must be the same bits, however a run came to its end: name -> bytes; of the ledger, without who answered."""
    directory = pathlib.Path(directory)
    found = {p.relative_to(directory).as_posix(): p.read_bytes()
             for pattern in ("rounds/*/*.safetensors", "rounds/*/query.csv", "rounds/*/scores.npz")
             for p in directory.glob(pattern)}
    found["labels"] = [line.split(b',"source"')[0] for line in (directory / "labels.jsonl").read_bytes().splitlines()]
    return found


class RunTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def refuse(self, kind, words, call, code=None):
        """The exception, its words and its exit code."""
        with self.assertRaises(kind) as caught:
            call()
        for word in [words] if isinstance(words, str) else words:
            self.assertIn(word, str(caught.exception))
        if code is not None:
            self.assertEqual(caught.exception.exit_code, code, caught.exception)
