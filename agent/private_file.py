"""Files that no other user may read, replaced in one step: a reader, or a crash, meets the old one or the new one.

Small blocking work, for whoever keeps something on this host's disk. What is in the files is theirs to know.
"""

import os
from contextlib import suppress
from pathlib import Path


def write(path: Path, content: bytes) -> None:
    """Replace *path* by *content*.

    Raises:
        OSError: it cannot be written; the old file is untouched.
    """
    draft(path, content).replace(path)


def draft(path: Path, content: bytes) -> Path:
    """Write *content* beside *path*, on the disk for good; return the file, for the caller to put in its place.

    Raises:
        OSError: it cannot be written; nothing is left of it.
    """
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)  # whoever could read an earlier one, shall not this one
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        with suppress(OSError):
            beside.unlink()
        raise
    return beside
