"""What is on disk about a host's Envoy: where it is, who may start it, which one runs. Small blocking file work.

The process itself is `process.py`.
"""

import fcntl
import json
import os
from pathlib import Path
from typing import Final, Self

from attrs import frozen

from agent import private_file
from store.errors import ProcessFailed

MAX_SOCKET_BYTES: Final = 100
"""Of a unix socket's path. The kernel's bound is 107 (unix(7)); programs differ in whether they count the
final NUL."""

MAX_LOG_BYTES: Final = 10 << 20
_PRIVATE: Final = 0o600


@frozen
class EnvoyState:
    """Which Envoy an agent left running.

    Attributes:
        pid: its number.
        start_time: see `PidFd.start_time`.
        bootstrap_version: `BOOTSTRAP_VERSION` when it was started.
        digest: of the program's path and the bootstrap, as they were when it was started; empty: not known.
    """

    pid: int
    start_time: int
    bootstrap_version: int
    digest: str

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Return the state in *path*; None: no file, or not a whole one (then other means have to find Envoy)."""
        try:
            held = json.loads(path.read_bytes())
            return cls(
                int(held["pid"]), int(held["startTime"]), int(held["bootstrapVersion"]), str(held["digest"])
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, path: Path) -> None:
        """Put the state into *path*, whole or not at all."""
        held = {
            "pid": self.pid,
            "startTime": self.start_time,
            "bootstrapVersion": self.bootstrap_version,
            "digest": self.digest,
        }
        private_file.write(path, json.dumps(held).encode() + b"\n")


def open_log(path: Path) -> int:
    """Return a descriptor that appends to the log *path*, emptied first when it is above `MAX_LOG_BYTES`."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, _PRIVATE)
    if os.fstat(descriptor).st_size > MAX_LOG_BYTES:
        os.ftruncate(descriptor, 0)
    return descriptor


def last_line(path: Path) -> str:
    """Return the last line of the log *path* that is not empty, shortened to 300 characters; empty: there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 4096))
            lines = file.read().decode(errors="replace").split("\n")
    except OSError:
        return ""
    return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "")


def claim(path: Path) -> int | None:
    """Take the lock *path* that a host's Envoy holds all its life, and return its descriptor.

    The descriptor is handed to the Envoy that is started next and closed here. So the kernel knows that one
    runs, from before its start until its end, whatever happens to the agent or to the state file in between.

    Returns:
        None: an Envoy has it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _PRIVATE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def is_claimed(path: Path) -> bool:
    """Return whether a living Envoy holds the lock *path*."""
    if not path.exists():
        return False
    descriptor = claim(path)
    if descriptor is None:
        return True
    os.close(descriptor)
    return False


def check_socket(path: Path) -> None:
    """Refuse a socket path that the kernel would not take.

    Raises:
        ProcessFailed: it is too long; the operator chooses a shorter `runDir`.
    """
    if (length := len(os.fsencode(path))) > MAX_SOCKET_BYTES:
        raise ProcessFailed(
            f"the path of the unix socket {path} has {length} bytes, and {MAX_SOCKET_BYTES} are possible:"
            " set runDir to a shorter path"
        )
