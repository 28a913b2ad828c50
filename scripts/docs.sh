#!/usr/bin/env bash
# Builds the documentation site into build-docs/site, from README.md, docs/, the programs' --help and the interfaces' sources;
# a link that leads nowhere, or a page that no menu has, is an error. pip fetches MkDocs into build-docs/venv at the first time.
# The pages may be opened as files, but browsers let search work only where they are served: --serve, or any web server.
# usage: scripts/docs.sh [--serve]      after cmake --build build; CRC_DOCS_PYTHON: a python that has mkdocs-material
set -euo pipefail
cd "$(dirname "$0")/.."
build=${CRC_BUILD:-build}
for program in crc_train crc_select crc_bench; do
  [ -x "$build/$program" ] || { echo "docs: there is no $build/$program, whose --help is a page; cmake --build $build makes it" >&2; exit 66; }
done
python=${CRC_DOCS_PYTHON:-build-docs/venv/bin/python}
if [ -z "${CRC_DOCS_PYTHON:-}" ] && ! "$python" -c 'import material' 2> /dev/null; then
  python3 -m venv build-docs/venv
  build-docs/venv/bin/pip install -q 'mkdocs-material >=9.5, <10'
fi
"$python" scripts/docs_pages.py "$build" build-docs/pages
if [ "${1:-}" = --serve ]; then exec "$python" -m mkdocs serve; fi
NO_MKDOCS_2_WARNING=1 "$python" -m mkdocs build --quiet --strict
echo "docs: build-docs/site/index.html, $(find build-docs/site -name '*.html' | wc -l) pages, $(du -sh build-docs/site | cut -f1)"
