"""What can go wrong in a call to etcd, and what it means for a second attempt.

gRPC's exceptions are translated here, once, and travel no further than the bridge. `CallFailed` is for the
rooms of this folder; everything else in this file is what callers see. No I/O here.
"""

import re

import grpc
from attrs import frozen

from store.errors import Conflict, MeshError, StoreUnavailable, TooLarge


class OutcomeUnknown(StoreUnavailable):
    """A transaction was sent and not answered: applied or not, nobody knows. Read before trying again."""


class LeaseLost(MeshError):  # noqa: N818 - named as what it reports
    """The lease has expired or was revoked, and its keys with it. Grant another and write the keys again."""


class Compacted(Exception):  # noqa: N818 - an answer that the reader acts on, not a failing world
    """History from the wanted revision on is gone: list at the current revision, then watch from the next.

    Attributes:
        revision: the revision up to which history is known to be gone; 0 when etcd did not say.
    """

    def __init__(self, revision: int) -> None:
        super().__init__(f"etcd has compacted the wanted history (up to revision {revision})")
        self.revision = revision


class ClusterChanged(Exception):  # noqa: N818 - an answer that the reader acts on
    """Another cluster answers, or this one went back (restored from a backup): list again and compare."""


@frozen
class CallFailed(Exception):  # noqa: N818
    """One attempt at one endpoint failed.

    Attributes:
        reason: in plain words, to stand after "does not answer:" or "refuses:".
        text: what etcd or gRPC said, unchanged.
        elsewhere: another endpoint, or the same one a little later, may answer better.
        unapplied: the request has certainly changed nothing and never will.
    """

    reason: str
    text: str = ""
    elsewhere: bool = True
    unapplied: bool = False

    def __str__(self) -> str:
        return self.reason


# What gRPC says when it never had a connection to send anything on.
_NEVER_SENT = ("failed to connect to all addresses", "errors resolving", "DNS resolution failed")
# What etcd answers before it proposes anything (etcd: api/v3rpc/rpctypes/error.go).
_NOT_PROPOSED = ("etcdserver: no leader", "etcdserver: too many requests")
_TRANSIENT = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.ABORTED,
)
_PLAIN_WORDS = (
    (re.compile(r"Connection refused", re.I), "connection refused"),
    (re.compile(r"SETTINGS|Deadline Exceeded|timed? ?out after|Timeout occurred", re.I), "no answer in time"),
    (re.compile(r"ping timeout|keepalive", re.I), "no answer to pings"),
    (re.compile(r"errors resolving|DNS resolution|lookup failed", re.I), "its name cannot be resolved"),
    (re.compile(r"No route to host|Network is unreachable", re.I), "no route to it"),
    (re.compile(r"Socket closed|reset by peer|Broken pipe|GOAWAY|Stream removed", re.I), "connection lost"),
)


def from_rpc(error: grpc.RpcError) -> CallFailed:
    """Translate what gRPC raised (every `RpcError` of a call has `code` and `details`)."""
    code, text = error.code(), error.details() or ""
    unsent = code is grpc.StatusCode.UNAVAILABLE and text.startswith(_NEVER_SENT)
    return CallFailed(
        reason=_plain(code, text),
        text=text,
        elsewhere=code in _TRANSIENT or text.startswith(_NOT_PROPOSED),
        unapplied=unsent or text.startswith(_NOT_PROPOSED) or code not in _TRANSIENT,
    )


def _plain(code: grpc.StatusCode, text: str) -> str:
    if text.startswith("etcdserver: "):
        return text.removeprefix("etcdserver: ")
    for pattern, words in _PLAIN_WORDS:
        if pattern.search(text):
            return words
    return text or code.name.replace("_", " ").lower()


def refused(url: str, failed: CallFailed) -> Exception:
    """What to raise for an answer that no other endpoint would better.

    Returns:
        Compacted (revision 0: etcd does not say), LeaseLost, Conflict (the lease id is taken), TooLarge, or
        else StoreUnavailable, which names a full database (NOSPACE) as such.
    """
    if "has been compacted" in failed.text:
        return Compacted(0)
    if "requested lease not found" in failed.text:
        return LeaseLost(f"etcd at {url} knows no such lease: it has expired or was revoked")
    if "lease already exists" in failed.text:
        return Conflict(f"etcd at {url} already holds a lease of this id")
    if "request is too large" in failed.text or "message larger than max" in failed.text:
        return TooLarge(f"etcd at {url} refuses the request: {failed.reason}; send less at once")
    if "database space exceeded" in failed.text:
        return StoreUnavailable(
            f"etcd at {url} is out of space (NOSPACE alarm) and takes no writes: "
            "compact, defragment and disarm the alarm"
        )
    return StoreUnavailable(f"etcd at {url} refuses: {failed.reason}")


def silent(failures: dict[str, CallFailed]) -> str:
    """One sentence for endpoints that all failed: URL → why."""
    return "; ".join(f"etcd at {url} does not answer: {failed.reason}" for url, failed in failures.items())
