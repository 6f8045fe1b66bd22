"""The last complete `config/` on disk, so that a host that restarts while etcd is away serves what it served.

Raw records as etcd held them, with a checksum; the generation before is kept beside it, should this one be torn.
"""

import hashlib
import logging
from pathlib import Path

import msgpack
import trio
from attrs import frozen

from agent import private_file

log = logging.getLogger(__name__)

MAX_BYTES = 1 << 30
_FORMAT = 1


@frozen
class Cached:
    """A copy of `config/`.

    Attributes:
        items: (key, value), `head` included.
        revision: of etcd when it was complete.
        good: (key, value) of the last good version of those *items* that could not be read.
    """

    items: tuple[tuple[str, bytes], ...]
    revision: int
    good: tuple[tuple[str, bytes], ...] = ()


class Cache:
    """Keeps the copy in *directory*, which exists."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / "config.cache"
        self._before = directory / "config.cache.1"

    def __repr__(self) -> str:
        return f"<Cache {self._file}>"

    async def load(self) -> Cached | None:
        """Return the newest copy that is whole; None when there is none."""
        for file in (self._file, self._before):
            cached = await trio.to_thread.run_sync(_read, file)
            if cached is not None:
                return cached
        return None

    async def save(self, copy: Cached) -> None:
        """Keep *copy*. A full or read-only disk is no reason to stop serving: the copy stays old, the log says so."""
        await trio.to_thread.run_sync(self._write, copy)

    def _write(self, copy: Cached) -> None:
        body = msgpack.packb([_FORMAT, copy.revision, copy.items, copy.good], use_bin_type=True)
        try:
            new = private_file.draft(self._file, hashlib.sha256(body).digest() + body)
            if self._file.exists():
                self._file.replace(self._before)
            new.replace(self._file)
        except OSError as e:
            log.warning("cannot keep a copy of the configuration in %s: %s", self._file, e.strerror)


def _read(file: Path) -> Cached | None:
    try:
        data = file.read_bytes() if file.stat().st_size <= MAX_BYTES else b""
        digest, body = data[:32], data[32:]
        if hashlib.sha256(body).digest() != digest:
            return None
        version, revision, *lists = msgpack.unpackb(body, raw=False)
        items, good = (tuple((key, value) for key, value in each) for each in lists[:2])
    except (OSError, ValueError, TypeError, msgpack.UnpackException):
        return None
    return Cached(items, revision, good) if version == _FORMAT else None
