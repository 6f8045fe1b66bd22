"""Building transactions, without an etcd."""

from typing import Any

import pytest

from store.errors import TooLarge
from store.etcd.txn import (
    MAX_TXN_BYTES,
    MAX_WIDTH,
    Delete,
    DeletePrefix,
    Put,
    Txn,
    Unchanged,
    prefix_range,
    request,
)


def puts(count: int, size: int = 1) -> tuple[Put, ...]:
    return tuple(Put(key=f"k{number:05}", value=b"x" * size) for number in range(count))


def deepest(message: Any) -> int:
    """The largest sum of widths along any path, which etcd limits to 128."""
    children = [op.request_txn for op in message.success if op.HasField("request_txn")]
    return max(len(message.success), len(message.compare)) + max(map(deepest, children), default=0)


def leaves(message: Any) -> list[str]:
    """Keys put, in order."""
    keys: list[str] = []
    for op in message.success:
        keys += leaves(op.request_txn) if op.HasField("request_txn") else [op.request_put.key.decode()]
    return keys


def unchanged(count: int) -> tuple[Unchanged, ...]:
    return tuple(Unchanged(key=f"c{number}", mod_revision=1) for number in range(count))


class TestNesting:
    def test_small_is_flat(self) -> None:
        """A transaction that fits on one level is not nested."""
        message = request(Txn(operations=puts(MAX_WIDTH)))

        assert MAX_WIDTH == len(message.success)
        assert not message.success[0].HasField("request_txn")

    @pytest.mark.parametrize("compares", [0, 1, 70, 90])
    @pytest.mark.parametrize("count", [0, 1, MAX_WIDTH + 1, 1000, 1001, 3601, 12_000])
    def test_no_path_is_too_wide(self, count: int, compares: int) -> None:
        """However many operations there are, all are kept in order, no path is wider than etcd allows."""
        operations = puts(count)

        message = request(Txn(compares=unchanged(compares), operations=operations))

        assert deepest(message) <= 128
        assert [op.key for op in operations] == leaves(message)

    @pytest.mark.parametrize(("compares", "count"), [(121, 1), (120, 121), (110, 12_000)])
    def test_too_many_compares(self, compares: int, count: int) -> None:
        """Compares that leave no width for the operations are too many, and are said to be."""
        with pytest.raises(TooLarge, match=f"{count} operations and {compares} compares"):
            request(Txn(compares=unchanged(compares), operations=puts(count)))


class TestRefusals:
    def test_too_large_names_size_and_limit(self) -> None:
        """Above 1.4 MiB the size and the limit are said."""
        with pytest.raises(TooLarge, match=rf"1[56]\d{{5}} bytes in 1500 operations.*{MAX_TXN_BYTES}"):
            request(Txn(operations=puts(1500, size=1000)))

    @pytest.mark.parametrize(
        "operations",
        [
            (Put(key="a", value=b"1"), *puts(500), Put(key="a", value=b"2")),
            (Put(key="a", value=b"1"), Delete(key="a")),
            (DeletePrefix(prefix="a/"), Put(key="a/b", value=b"1")),
        ],
        ids=["put twice, levels apart", "put and deleted", "put under a deleted prefix"],
    )
    def test_overlap(self, operations: tuple[Put | Delete | DeletePrefix, ...]) -> None:
        """What etcd calls a duplicate key is a bug of the caller, found before anything is sent."""
        with pytest.raises(ValueError, match="may not put"):
            request(Txn(operations=operations))


def test_prefix_range() -> None:
    """A prefix ends before the next byte string of its length; the empty prefix is everything."""
    assert (b"/a/", b"/a0") == prefix_range("/a/")
    assert (b"\0", b"\0") == prefix_range("")
