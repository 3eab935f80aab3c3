"""The version of this package, as its metadata tell it."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("placement")
except PackageNotFoundError:  # run from a source tree that is not installed
    __version__ = "0"
