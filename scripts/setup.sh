#!/usr/bin/env bash
# Installs what the build needs on Debian or Ubuntu (nothing if all of it is there) and configures build/.
# usage: scripts/setup.sh [cmake options]
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(g++ cmake ninja-build pkg-config libdnnl-dev libopenblas-dev liblapacke-dev librandom123-dev libstb-dev
          libcli11-dev libtomlplusplus-dev nlohmann-json3-dev libfmt-dev libxxhash-dev libcpp-httplib-dev libpugixml-dev libjpeg-dev zlib1g-dev libgtest-dev libgmock-dev)
missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  if ! command -v apt-get >/dev/null; then
    echo "setup: this is not Debian or Ubuntu; install the equivalents of: ${missing[*]}" >&2
    exit 69
  fi
  sudo=""
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "setup: run as root: apt-get install ${missing[*]}" >&2; exit 69; }
    sudo=sudo
  fi
  echo "setup: installing ${missing[*]}"
  $sudo apt-get -qq update
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null
fi

# Configuring again costs a second; only do it when something asks for it.
if [ ! -f build/build.ninja ] || [ $# -gt 0 ]; then
  cmake --preset default "$@"
fi
