"""What commands import, in the memory of the process that tests fork them from: see warm.py."""

from __future__ import annotations

import importlib
import pkgutil

import apilens

# They bring libraries that start threads when they are imported; a process with threads is none to fork.
_THREADS = ("apilens.s3", "apilens.sources.remote", "apilens.__main__")

for found in pkgutil.walk_packages(apilens.__path__, "apilens."):
    if found.name not in _THREADS:
        importlib.import_module(found.name)
