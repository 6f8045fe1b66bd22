"""The journal entry of an apply: every changed key with its record before and after. It outlives etcd's compaction."""

import zlib
from collections.abc import Mapping, Sequence
from types import NoneType
from typing import Any

import msgpack
from attrs import frozen

PART_BYTES = 512 * 1024
KEPT_APPLIES = 200


@frozen
class Change:
    """One key of an apply. *before* and *after* are packed records; None is absent."""

    before: bytes | None
    after: bytes | None


@frozen
class Entry:
    """What one apply did.

    Attributes:
        apply, parent: ids; parent None for the first.
        author, time, message: as in its `head`.
        changes: etcd key below the prefix → change.
    """

    apply: str
    parent: str | None
    author: str
    time: float
    message: str
    changes: Mapping[str, Change]


class BadJournal(ValueError):  # noqa: N818
    """The parts do not make an entry: one is missing, or something else wrote them."""


def render(entry: Entry) -> tuple[bytes, ...]:
    """Return the entry, compressed, in parts of at most `PART_BYTES`."""
    plain = {
        "apply": entry.apply,
        "parent": entry.parent,
        "author": entry.author,
        "time": entry.time,
        "message": entry.message,
        "changes": {key: [change.before, change.after] for key, change in sorted(entry.changes.items())},
    }
    data = zlib.compress(msgpack.packb(plain, use_bin_type=True), level=6)
    return tuple(data[i : i + PART_BYTES] for i in range(0, len(data), PART_BYTES))


def parse(parts: Sequence[bytes], *, max_bytes: int = 64 * 1024 * 1024) -> Entry:
    """Return the entry that *parts*, in order, hold.

    Raises:
        BadJournal: they hold none, or one of more than *max_bytes* unpacked.
    """
    try:
        unpacker = zlib.decompressobj()
        data = unpacker.decompress(b"".join(parts), max_bytes)
        if unpacker.unconsumed_tail or not unpacker.eof:
            raise BadJournal("the entry is cut short or too large")
        return _entry(msgpack.unpackb(data, raw=False))
    except (zlib.error, msgpack.UnpackException, ValueError, TypeError, KeyError, AttributeError) as e:
        raise e if isinstance(e, BadJournal) else BadJournal(f"not a journal entry: {e}") from e


def _entry(plain: Any) -> Entry:
    """Return the entry in *plain*; fields that only a newer version knows are left out."""
    return Entry(
        apply=_a(str, plain["apply"]),
        parent=_a((str, NoneType), plain["parent"]),
        author=_a(str, plain["author"]),
        time=_a((int, float), plain["time"]),
        message=_a(str, plain["message"]),
        changes={
            _a(str, key): Change(_a((bytes, NoneType), before), _a((bytes, NoneType), after))
            for key, (before, after) in plain["changes"].items()
        },
    )


def _a(cls: type | tuple[type, ...], value: Any) -> Any:
    """Return *value*, which has to be a *cls*."""
    if not isinstance(value, cls):
        raise TypeError(f"{type(value).__name__} in a wrong place")
    return value
