"""Journal entries: read back as written, in parts that etcd takes; anything else is a BadJournal and nothing worse."""

import os
import zlib

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.journal import PART_BYTES, BadJournal, Change, Entry, parse, render

values = st.none() | st.binary(max_size=20)
entries = st.builds(
    Entry,
    apply=st.text(max_size=8),
    parent=st.none() | st.text(max_size=8),
    author=st.text(max_size=8),
    time=st.floats(allow_nan=False),
    message=st.text(max_size=20),
    changes=st.dictionaries(st.text(max_size=8), st.builds(Change, values, values), max_size=5),
)


@given(entries)
def test_what_is_rendered_is_parsed(entry: Entry) -> None:
    """An entry comes back equal."""
    assert entry == parse(render(entry))


def test_large_entries_come_in_parts() -> None:
    """No part is above 512 KiB, and all of them together are the entry; without one they are none."""
    entry = Entry("1-0000", None, "a", 0.0, "", {f"k{i}": Change(None, os.urandom(300_000)) for i in range(4)})
    parts = render(entry)

    assert 3 == len(parts)
    assert all(len(part) <= PART_BYTES for part in parts)
    assert entry == parse(parts)

    for missing in range(3):
        with pytest.raises(BadJournal):
            parse([part for n, part in enumerate(parts) if n != missing])


def test_a_bomb_is_refused() -> None:
    """A small entry that unpacks to a large one is not unpacked."""
    bomb = zlib.compress(msgpack.packb({"apply": "a" * 100_000}))

    with pytest.raises(BadJournal, match="too large"):
        parse([bomb], max_bytes=1000)


def test_fields_of_a_newer_version_are_left_out() -> None:
    """Versions one apart read each other's journal."""
    entry = Entry("1-0000", None, "a", 1.0, "", {})
    plain = {**msgpack.unpackb(zlib.decompress(render(entry)[0])), "later": 5}

    assert entry == parse([zlib.compress(msgpack.packb(plain))])


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text(max_size=5) | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)
misfits = st.fixed_dictionaries(
    dict.fromkeys(("apply", "parent", "author", "time", "message"), anything),
    optional={"changes": anything | st.dictionaries(st.text(max_size=3), anything, max_size=2)},
)


@given(st.lists(st.binary(max_size=50), max_size=3), anything | misfits)
def test_garbage_is_a_bad_journal(parts: list[bytes], plain: object) -> None:
    """Neither bytes that are nothing nor a well packed something else raise anything but BadJournal."""
    packed = msgpack.packb(plain)
    for garbage in (parts, [zlib.compress(packed)], [packed], [zlib.compress(packed[:-1])]):
        try:
            found = parse(garbage)
        except BadJournal:
            continue
        assert isinstance(found.apply, str)
        assert all(isinstance(change.after, bytes | None) for change in found.changes.values())
