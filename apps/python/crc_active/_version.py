from importlib import metadata

try:
    __version__ = metadata.version("crc-active")
except metadata.PackageNotFoundError:  # from a build folder
    __version__ = "0"
