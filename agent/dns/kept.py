"""The last good addresses of names, on disk: what a host that restarts without DNS goes on serving.

One JSON file, written whole beside the old one and renamed over it. What is torn, too large or not ours is
ignored: addresses come back from DNS, wrong ones do harm.
"""

import hashlib
import json
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from attrs import frozen

from agent import private_file

FORMAT = 1
MAX_BYTES = 8 * 1024 * 1024
"""About 100,000 names; beyond it, names that were wanted longest ago are left out."""
KEEP_SECONDS = 7 * 24 * 3600.0
"""How long a name that nobody wants any more stays on disk."""


@frozen
class Kept:
    """The last good addresses of one name.

    Attributes:
        addresses: sorted, never empty.
        wanted_at: seconds since the epoch, when the configuration last needed the name, as far as we wrote.
    """

    addresses: tuple[str, ...]
    wanted_at: float


def load(path: Path) -> dict[str, Kept]:
    """Return name → what was kept; empty when the file is absent, unreadable, torn or somebody else's."""
    try:
        if path.stat().st_size > MAX_BYTES:
            return {}
        document = json.loads(path.read_bytes())
        entries = document["names"]
        if document["format"] != FORMAT or document["digest"] != _digest(entries):
            return {}
        return {name: _entry(entry) for name, entry in entries.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}


def save(path: Path, names: Mapping[str, Kept]) -> None:
    """Write *names*, readable by this user only. A reader, or a crash, meets the old file or the new one.

    Raises:
        OSError: the file cannot be written; the old one is untouched.
    """
    entries = _within_limit(names)
    text = json.dumps({"format": FORMAT, "digest": _digest(entries), "names": entries}, separators=(",", ":"))
    private_file.write(path, text.encode())


def expire(names: Mapping[str, Kept], *, now: float) -> dict[str, Kept]:
    """Return *names* without those that were last wanted more than `KEEP_SECONDS` before *now*."""
    return {name: kept for name, kept in names.items() if now - kept.wanted_at <= KEEP_SECONDS}


def _within_limit(names: Mapping[str, Kept]) -> dict[str, dict[str, Any]]:
    entries: dict[str, dict[str, Any]] = {}
    room = MAX_BYTES - 200  # the frame around the entries
    for name, kept in sorted(names.items(), key=lambda item: (-item[1].wanted_at, item[0])):
        entry = {"addresses": list(kept.addresses), "wanted_at": kept.wanted_at}
        room -= len(json.dumps({name: entry}))
        if room < 0:
            break
        entries[name] = entry
    return entries


def _entry(entry: Any) -> Kept:
    addresses = tuple(str(ip_address(address)) for address in entry["addresses"])
    if not addresses:
        raise ValueError("no address")
    return Kept(addresses, float(entry["wanted_at"]))


def _digest(entries: Any) -> str:
    return hashlib.sha256(json.dumps(entries, sort_keys=True).encode()).hexdigest()
