"""What one transaction is, and how etcd wants it spelled. Pure: nothing is sent from here.

etcd takes 128 operations or compares (`--max-txn-ops`) in one level, so a large one is a tree, and still one
revision. What a level uses is missing on the levels below: the widths along any path may add up to 128
(etcd: `checkTxnRequest` in api/v3rpc/key.go). So two levels hold 60 × 60 operations, three 40 × 40 × 40.
In the whole tree a key may be put only once, and not be deleted as well.
https://etcd.io/docs/v3.5/learning/api/#transaction
"""

import math
from collections.abc import Sequence
from typing import Any

from attrs import frozen
from etcd3 import etcdrpc

from store.errors import TooLarge

# etcd's limit is 128; 120 divides evenly, and four levels hold more than MAX_TXN_BYTES has room for.
MAX_WIDTH = 120
_MAX_LEVELS = 4
# etcd takes 1.5 MiB (`--max-request-bytes`), counted with its own wrapping.
MAX_TXN_BYTES = int(1.4 * 1024 * 1024)


@frozen
class Put:
    """Write a key.

    Attributes:
        key: the whole key.
        value: replaces what is there.
        lease: id of the lease the key lives by; 0 = none.
    """

    key: str
    value: bytes
    lease: int = 0


@frozen
class Delete:
    """Remove one key; one that is not there is no mistake."""

    key: str


@frozen
class DeletePrefix:
    """Remove every key that begins with `prefix`; "" removes all there is."""

    prefix: str


Op = Put | Delete | DeletePrefix


@frozen
class Unchanged:
    """The key's last change is the one we saw.

    Attributes:
        key: the whole key.
        mod_revision: revision of its last change; 0 = it must not exist.
    """

    key: str
    mod_revision: int


@frozen
class Txn:
    """Do all operations in one revision, if all compares hold; else do nothing.

    Attributes:
        compares: none = always.
        operations: in any order; each key put at most once, and not deleted too.
    """

    compares: tuple[Unchanged, ...] = ()
    operations: tuple[Op, ...] = ()


@frozen
class Committed:
    """What etcd answered.

    Attributes:
        succeeded: all compares held, and all operations are done.
        revision: the store's revision after it (its own, if it changed something).
    """

    succeeded: bool
    revision: int


def prefix_range(prefix: str) -> tuple[bytes, bytes]:
    """First key and end (exclusive) of all keys under a prefix; "" is every key."""
    start = prefix.encode()
    if not start:
        return b"\0", b"\0"
    return start, start[:-1] + bytes([start[-1] + 1])  # UTF-8 has no byte 0xff, so nothing carries over


def request(txn: Txn) -> Any:
    """Spell a transaction as etcd's TxnRequest, nested where one level cannot hold it.

    Raises:
        TooLarge: above MAX_TXN_BYTES, or more compares than one level holds; the caller has to split it.
        ValueError: a key is put twice, or put and deleted; our own bug.
    """
    _refuse_overlaps(txn.operations)
    widths = _widths(len(txn.compares), len(txn.operations))
    message = etcdrpc.TxnRequest(
        compare=[_compare(compare) for compare in txn.compares],
        success=_fold([_operation(op) for op in txn.operations], widths),
    )
    size = message.ByteSize()
    if size > MAX_TXN_BYTES:
        count = len(txn.operations)
        raise TooLarge(
            f"nothing was changed: a transaction of {size} bytes in {count} operations ({_kib(size)}); the limit is"
            f" {MAX_TXN_BYTES} bytes ({_kib(MAX_TXN_BYTES)}); split the files over several applies"
        )
    return message


def _kib(size: int) -> str:
    return f"{size / 1024:.0f} KiB"


def committed(response: Any) -> Committed:
    """Read etcd's TxnResponse to a `request`."""
    return Committed(succeeded=response.succeeded, revision=response.header.revision)


def _refuse_overlaps(operations: Sequence[Op]) -> None:
    puts: set[str] = set()
    for op in operations:
        if isinstance(op, Put):
            if op.key in puts:
                raise ValueError(f"a transaction may not put a key twice: {op.key}")
            puts.add(op.key)
    for op in operations:
        if isinstance(op, Delete) and op.key in puts:
            raise ValueError(f"a transaction may not put and delete a key: {op.key}")
        if isinstance(op, DeletePrefix) and any(key.startswith(op.prefix) for key in puts):
            raise ValueError(f"a transaction may not put a key under a prefix that it deletes: {op.prefix}")


def _operation(op: Op) -> Any:
    match op:
        case Put():
            put = etcdrpc.PutRequest(key=op.key.encode(), value=op.value, lease=op.lease)
            return etcdrpc.RequestOp(request_put=put)
        case Delete():
            return etcdrpc.RequestOp(request_delete_range=etcdrpc.DeleteRangeRequest(key=op.key.encode()))
        case DeletePrefix():
            start, end = prefix_range(op.prefix)
            delete = etcdrpc.DeleteRangeRequest(key=start, range_end=end)
            return etcdrpc.RequestOp(request_delete_range=delete)


def _compare(compare: Unchanged) -> Any:
    return etcdrpc.Compare(
        key=compare.key.encode(),
        target=etcdrpc.Compare.MOD,
        result=etcdrpc.Compare.EQUAL,
        mod_revision=compare.mod_revision,
    )


def _widths(compares: int, operations: int) -> tuple[int, ...]:
    """How wide each level may be, outermost first; compares stand on the outermost and count there too."""
    for levels in range(1, _MAX_LEVELS + 1):
        outer = max(compares, MAX_WIDTH // levels)
        inner = (MAX_WIDTH - outer) // (levels - 1) if levels > 1 else 0
        if outer <= MAX_WIDTH and operations <= outer * inner ** (levels - 1):
            return (outer, *[inner] * (levels - 1))
    raise TooLarge(
        f"nothing was changed: {operations} operations and {compares} compares are more than one transaction takes;"
        " split the files over several applies"
    )


def _fold(operations: Sequence[Any], widths: tuple[int, ...]) -> Sequence[Any]:
    capacity = math.prod(widths[1:])  # of each child
    if capacity == 1:
        return operations
    chunks = (operations[at : at + capacity] for at in range(0, len(operations), capacity))
    children = (etcdrpc.TxnRequest(success=_fold(chunk, widths[1:])) for chunk in chunks)
    return [etcdrpc.RequestOp(request_txn=child) for child in children]
