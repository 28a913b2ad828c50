"""The Python that the documentation shows runs, and prints what stands below it."""

import pathlib
import re
import textwrap

import pytest

OTHERS = {"baal", "modAL", "pandas", "pyarrow", "safetensors", "skactiveml", "sklearn", "torch", "tqdm"}  # may be missing
ROOT = pathlib.Path(__file__).parents[2]
PAGES = ["README.md", "docs/python.md", "docs/selecting.md", "docs/weights.md"]

# What a reader has before the block of that number.
BEFORE = {
    ("docs/selecting.md", 0): """
        import numpy as np, torch
        from torch.utils.data import DataLoader, TensorDataset
        model, device = torch.nn.Module(), "cpu"
        model.fc = torch.nn.Linear(4, 3)
        model.forward = lambda x: model.fc(x)
        train_set, labeled = TensorDataset(torch.rand(10, 4), torch.zeros(10)), np.arange(3)
    """,
    ("docs/selecting.md", 1): """
        import numpy, pandas
        pandas.DataFrame({"embedding": list(numpy.ones((5, 2)))}).to_parquet("H.parquet")
    """,
    ("docs/weights.md", 0): f"""
        import sys, numpy as np, torch
        from crc_active import Run
        sys.path.insert(0, {str(ROOT / "docs" / "examples")!r})
        images = np.random.RandomState(0).randint(0, 255, (20, 8, 8, 3)).astype(np.uint8)
        own = {{"model": {{"depth": 10, "width": 1, "base_channels": 4}}, "acquisition": {{"first": "given", "rounds": 0}},
               "ssl": {{"batch": 4, "mu": 1, "epochs": 1, "steps_per_epoch": 1}}, "run.device": "cpu"}}
        Run.create("runs/own", own, {{"images": images, "labels": np.arange(20) % 2}}).train()
        images = torch.from_numpy(images)
    """,
}


def run(page, number, code, namespace):
    """Whether it did: False where it wants a package that is not here."""
    try:
        exec(textwrap.dedent(BEFORE.get((page, number), "")), namespace)
        exec(textwrap.dedent(code), namespace)
    except ImportError as missing:
        if missing.name and missing.name.split(".")[0] not in OTHERS:
            raise
        return False
    return True


@pytest.mark.parametrize("page", PAGES)
def test_the_examples_run(page, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    text = (ROOT / page).read_text()
    blocks = list(re.finditer(r"```python\n(.*?)```\n(?:```\n(.*?)```)?", text, re.DOTALL))
    assert blocks
    namespace = {}
    for number, block in enumerate(blocks):
        if not run(page, number, block[1], namespace):
            print(f"left out: {page} has a block that wants a package that is not here")
            continue
        printed = capsys.readouterr().out
        if block[2]:
            assert printed == block[2], page
