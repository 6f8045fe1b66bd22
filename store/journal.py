"""The journal entry of an apply: every changed key with its record before and after. It outlives etcd's compaction."""

import zlib
from collections.abc import Mapping, Sequence

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
        plain = msgpack.unpackb(data, raw=False)
        changes = {key: Change(before, after) for key, (before, after) in plain.pop("changes").items()}
        return Entry(**plain, changes=changes)
    except (zlib.error, msgpack.UnpackException, ValueError, TypeError, KeyError, AttributeError) as e:
        raise BadJournal(f"not a journal entry: {e}") from e
