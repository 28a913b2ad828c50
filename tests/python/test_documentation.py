"""The Python that README.md and docs/python.md show runs, and prints what stands below it."""

import pathlib
import re

import pytest

OTHERS = {"baal", "modAL", "pandas", "skactiveml", "sklearn", "torch", "tqdm"}  # whose loops the pages show
ROOT = pathlib.Path(__file__).parents[2]


@pytest.mark.parametrize("page", ["README.md", "docs/python.md"])
def test_the_examples_run(page, capsys):
    text = (ROOT / page).read_text()
    namespace, found = {}, 0
    for match in re.finditer(r"```python\n(.*?)```\n(?:```\n(.*?)```)?", text, re.DOTALL):
        try:
            exec(match[1], namespace)
        except ModuleNotFoundError as missing:
            if missing.name.split(".")[0] not in OTHERS:
                raise
            print(f"left out: {page} has a block that wants {missing.name}")
            continue
        printed = capsys.readouterr().out
        if match[2]:
            assert printed == match[2], page
        found += 1
    assert found
