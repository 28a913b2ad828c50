"""The pages of the documentation site: README.md and docs/ as they are, notebooks as Markdown, and references from what the
programs and interfaces say of themselves.   usage: docs_pages.py BUILD_DIRECTORY PAGES_DIRECTORY
"""

import ast
import json
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
ELSEWHERE = ["CONTRIBUTING.md", "CHANGELOG.md", "bench/README.md", "tests/emulator/README.md"]  # pages outside docs/


def notebook(path: pathlib.Path) -> str:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    shown = {"markdown": "{}", "code": "```python\n{}\n```"}
    text = "\n\n".join(shown[cell["cell_type"]].format("".join(cell["source"])) for cell in cells)
    return f"{text}\n\nThis page as a notebook: `docs/notebooks/{path.name}`.\n"


def said(program: pathlib.Path, *words: str) -> str:
    run = subprocess.run([program, *words, "--help"], capture_output=True, text=True, check=True)
    return run.stdout.replace(str(program), program.name).strip()


def commands(build: pathlib.Path) -> str:
    text = "# Commands\n\nWhat `--help` says.\n"
    for name in ("crc_train", "crc_select", "crc_bench"):
        whole = said(build / name)
        text += f"\n## {name}\n\n```text\n{whole}\n```\n"
        listed = whole.partition("Subcommands:\n")[2].split("\n\n")[0]
        for command in re.findall(r"^  ([a-z-]+)  ", listed, re.M):
            text += f"\n### {name} {command}\n\n```text\n{said(build / name, command)}\n```\n"
            for below in re.findall(r"^  ([a-z-]+)  ", said(build / name, command).partition("Subcommands:\n")[2], re.M):
                text += f"\n#### {name} {command} {below}\n\n```text\n{said(build / name, command, below)}\n```\n"
    return text


def signature(node: ast.AST) -> str:
    if isinstance(node, ast.ClassDef):
        return f"class {node.name}"
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"{node.name}({ast.unparse(node.args)}){returns}"


def entry(node: ast.AST, level: int) -> str:
    public = not node.name.startswith("_")
    if not public:
        return ""
    text = f"\n{'#' * level} {node.name}\n\n```python\n{signature(node)}\n```\n"
    if doc := ast.get_docstring(node):
        text += f"\n```text\n{doc}\n```\n"
    if isinstance(node, ast.ClassDef):
        for member in node.body:
            if isinstance(member, ast.FunctionDef):
                text += entry(member, level + 1)
    return text


def python_interface() -> str:
    package = ROOT / "apps/python/crc_active"
    text = "# Python interface\n\nWhat the sources of `crc_active` say; [python.md](../python.md) is the guide.\n"
    for name in ("selecting", "selection", "run", "weights", "strategies", "errors"):
        module = ast.parse((package / f"{name}.py").read_text(encoding="utf-8"))
        entries = [entry(node, 3) for node in module.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
        if any(entries):
            doc = ast.get_docstring(module) or ""
            text += f"\n## {name}\n" + (f"\n{doc}\n" if doc else "") + "".join(entries)
    return text


def main(build: pathlib.Path, pages: pathlib.Path) -> None:
    shutil.rmtree(pages, ignore_errors=True)
    shutil.copytree(ROOT / "docs", pages, ignore=shutil.ignore_patterns("notebooks", "CMakeLists.txt"))
    for path in sorted((ROOT / "docs/notebooks").glob("*.ipynb")):
        (pages / "notebooks").mkdir(exist_ok=True)
        (pages / "notebooks" / path.with_suffix(".md").name).write_text(notebook(path), encoding="utf-8")
    for name in ELSEWHERE:
        (pages / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, pages / name)
    shutil.copy(ROOT / "README.md", pages / "index.md")
    shutil.copytree(ROOT / "bench/results", pages / "bench/results", dirs_exist_ok=True)
    (pages / "wide.css").write_text(
        ".md-grid { max-width: 84rem; }\n"  # lines of code are up to 140 letters
        ".md-typeset table:not([class]) code { word-break: normal; }\n"  # names stay whole: a table may be scrolled
        ".md-typeset table:not([class]) td:last-child { min-width: 12rem; }\n", encoding="utf-8")
    (pages / "reference").mkdir()
    (pages / "reference/commands.md").write_text(commands(build), encoding="utf-8")
    (pages / "reference/python.md").write_text(python_interface(), encoding="utf-8")
    header = (ROOT / "crc/select.h").read_text(encoding="utf-8")
    (pages / "reference/cpp.md").write_text(
        "# C++ interface\n\nThe one public header, `<crc/select.h>`; [python.md](../python.md#c), \"C++\", is the guide.\n\n"
        f"```cpp\n{header}```\n", encoding="utf-8")
    for page in pages.rglob("*.md"):  # docs/ is the site's root now, and notebooks are pages
        text = page.read_text(encoding="utf-8")
        within = "../" * len(page.relative_to(pages).parent.parts)
        text = re.sub(r"\]\((?:\.\./)*docs/", f"]({within}", text)
        if page.parent == pages:
            text = re.sub(r"\]\(\.\./(?=bench/|tests/|CONTRIBUTING|CHANGELOG)", "](", text)
            text = text.replace("](../README.md", "](index.md")
        text = re.sub(r"\]\(((?:\.\./)?notebooks/[\w-]+)\.ipynb\)", r"](\1.md)", text)
        page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]))
