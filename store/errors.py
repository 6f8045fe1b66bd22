"""What the world can do to us: one small tree, told apart by whose turn it is now.

A mistake of a user in a document is a `Diagnostic`, never one of these. A bug of ours is any other exception.
The exit code of each lives in `ctl/exit_codes.py`.
"""


class MeshError(Exception):
    """The world failed. The message says what, and what to do about it."""


class StoreUnavailable(MeshError):  # noqa: N818 - named as what it reports
    """etcd cannot be reached, or does not answer in time. Try again later."""


class Conflict(MeshError):  # noqa: N818
    """Somebody else changed what we were about to change, or holds what we want to hold."""


class TooLarge(MeshError):  # noqa: N818
    """More than one etcd transaction takes. The caller has to send less."""


class ProcessFailed(MeshError):  # noqa: N818
    """A program that we need (Envoy, etcd) did not start or did not do what it was told."""
