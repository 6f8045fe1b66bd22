"""The order-free digest of a set of records: each record's hash, summed. A change costs what it changes."""

import hashlib
from collections.abc import Iterable

_MODULUS = 1 << 128


def record_hash(key: str, value: bytes) -> int:
    """Return the hash of one record, bound to its key."""
    bound = key.encode(errors="surrogateescape") + b"\0" + value
    return int.from_bytes(hashlib.blake2b(bound, digest_size=16).digest(), "big")


def digest_of(items: Iterable[tuple[str, bytes]]) -> int:
    """Return the digest of all *items* (key below the prefix's `resources/`, record)."""
    return sum(record_hash(key, value) for key, value in items) % _MODULUS


def replace(digest: int, key: str, before: bytes | None, after: bytes | None) -> int:
    """Return *digest* after the record of *key* went from *before* to *after* (None: absent)."""
    if before is not None:
        digest -= record_hash(key, before)
    if after is not None:
        digest += record_hash(key, after)
    return digest % _MODULUS


def render(digest: int) -> str:
    """Return the digest as `head` holds it."""
    return f"{digest:032x}"
