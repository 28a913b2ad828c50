"""The Python that README.md and docs/python.md show runs, and prints what stands below it."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[2]


@pytest.mark.parametrize("page", ["README.md", "docs/python.md"])
def test_the_examples_run(page, capsys):
    text = (ROOT / page).read_text()
    namespace, found = {}, 0
    for match in re.finditer(r"```python\n(.*?)```\n(?:```\n(.*?)```)?", text, re.DOTALL):
        exec(match[1], namespace)
        printed = capsys.readouterr().out
        if match[2]:
            assert printed == match[2], page
        found += 1
    assert found
