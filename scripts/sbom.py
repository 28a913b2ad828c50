"""What the programs are made of, as an SPDX 2.3 document on stdout: the libraries that travel with them and those that were
compiled in, by the Debian package that each file belongs to.   usage: sbom.py VERSION BUILD_DIRECTORY INSTALLED_TREE
"""

import hashlib
import json
import pathlib
import re
import subprocess
import sys
import time

HEADERS = {  # compiled in: no file of theirs is in the tree
    "libcli11-dev": "BSD-3-Clause", "nlohmann-json3-dev": "MIT", "librandom123-dev": "BSD-3-Clause",
    "libstb-dev": "MIT OR Unlicense", "libxxhash-dev": "BSD-2-Clause",
}


def said(*words: str) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip()


def owner(library: str, directories: list[pathlib.Path]) -> str | None:
    """The package of a library of this name on this system."""
    for directory in directories:
        for path in (directory / library, (directory / library).resolve()):
            if path.exists() and (found := said("dpkg-query", "-S", str(path))):
                return found.split(":")[0]
    found = said("dpkg-query", "-S", f"*/{library}")
    return found.split(":")[0] if found else None


def main(version: str, build: pathlib.Path, tree: pathlib.Path) -> None:
    cache = (build / "CMakeCache.txt").read_text(encoding="utf-8")
    folders = {pathlib.Path(path).parent for path in re.findall(r"=(/\S+/lib\S*\.so\S*)", cache)}
    packages, files = {}, []
    for path in sorted(p for p in tree.rglob("*") if p.is_file() and not p.is_symlink()):
        content = path.read_bytes()
        files.append({"fileName": f"./{path.relative_to(tree)}", "SPDXID": f"SPDXRef-file-{len(files)}", "checksums": [
            {"algorithm": "SHA1", "checksumValue": hashlib.sha1(content).hexdigest()},  # SPDX demands it
            {"algorithm": "SHA256", "checksumValue": hashlib.sha256(content).hexdigest()}]})
        if ".so" in path.name and not path.name.startswith(("libcrc", "libcu")):
            if package := owner(path.name, sorted(folders)):
                packages.setdefault(package, []).append(path.name)
            else:
                packages.setdefault(path.name, []).append(path.name)
    for package in HEADERS:
        packages.setdefault(package, [])
    commit = said("git", "rev-parse", "HEAD")
    document = {
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": f"crc-{version}",
        "documentNamespace": f"https://spdx.org/spdxdocs/crc-{version}-{commit}",
        "creationInfo": {"created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(said("git", "log", "-1", "--format=%ct") or 0))),
                         "creators": ["Tool: scripts/sbom.py"]},
        "packages": [{"name": "crc", "SPDXID": "SPDXRef-crc", "versionInfo": version, "downloadLocation": "NOASSERTION",
                      "filesAnalyzed": False, "licenseDeclared": "Apache-2.0", "comment": f"commit {commit}"}],
        "relationships": [{"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-crc"}],
        "files": files,
    }
    for package, libraries in sorted(packages.items()):
        known = said("dpkg-query", "-W", "-f=${Version}", package)
        identity = "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", package)
        document["packages"].append({
            "name": package, "SPDXID": identity, "versionInfo": known or "NOASSERTION", "downloadLocation": "NOASSERTION",
            "filesAnalyzed": False, "licenseDeclared": HEADERS.get(package, "NOASSERTION"),
            "comment": ", ".join(libraries) if libraries else "headers, compiled in"})
        document["relationships"].append({"spdxElementId": "SPDXRef-crc", "relatedSpdxElement": identity,
                                          "relationshipType": "CONTAINS" if libraries else "STATIC_LINK"})
    json.dump(document, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main(sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]))
