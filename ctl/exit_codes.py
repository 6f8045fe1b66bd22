"""What the exit code of every command means, in one place."""

from enum import IntEnum

from store.errors import Conflict, MeshError, ProcessFailed, StoreUnavailable


class ExitCode(IntEnum):
    """How a command ended.

    Attributes:
        YES: it is so, or it was done.
        NO: it is not so: differences, findings, nothing found.
        INVALID: the command line or a document is wrong; nothing was done.
        CONFLICT: somebody else changed what we were about to change; nothing was done.
        REJECTED: a host refused what this apply changed.
        TIMEOUT: not every host has answered in time, or before Ctrl-C stopped the waiting; the change itself is made.
        UNAVAILABLE: etcd cannot be reached.
    """

    YES = 0
    NO = 1
    INVALID = 2
    CONFLICT = 3
    REJECTED = 4
    TIMEOUT = 5
    UNAVAILABLE = 6


_CODES: tuple[tuple[type[MeshError], ExitCode], ...] = (
    (Conflict, ExitCode.CONFLICT),
    (StoreUnavailable, ExitCode.UNAVAILABLE),
    (ProcessFailed, ExitCode.NO),
    (MeshError, ExitCode.INVALID),  # what remains is about what was asked for: too large, an endpoint that is none
)


def of_error(error: MeshError) -> ExitCode:
    """Return the code of a command that *error* ended."""
    return next(code for kind, code in _CODES if isinstance(error, kind))
