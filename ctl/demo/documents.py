"""The documents that the demo applies, with the ports of this run filled in.

What has no ports (the rules) is written out byte for byte, so that the examples remain the examples.
"""

import importlib.resources
from collections.abc import Mapping
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template


class _Document(Template):
    """`@{name}` is filled in; `$`, which ends regular expressions, is not special."""

    delimiter = "@"


def write(directory: Path, ports: Mapping[str, int]) -> None:
    """Write `bookshop/` (the shop as it is set up) and `changes/` (what the tour does to it) into *directory*.

    Args:
        directory: an existing one.
        ports: name of a place in the documents, such as `reviews_v1` → port.

    Raises:
        KeyError: a document wants a port that *ports* has not: a bug of ours.
    """
    _copy(importlib.resources.files("ctl.demo").joinpath("resources"), directory, ports)


def _copy(source: Traversable, target: Path, ports: Mapping[str, int]) -> None:
    for entry in source.iterdir():
        if entry.is_dir():
            (target / entry.name).mkdir(exist_ok=True)
            _copy(entry, target / entry.name, ports)
        elif entry.name.endswith(".yaml"):
            text = entry.read_text(encoding="utf-8")
            (target / entry.name).write_text(_Document(text).substitute(ports), encoding="utf-8")
