"""The digest of a set of records: of the set, not of the way to it, and different for different sets."""

from hypothesis import given
from hypothesis import strategies as st

from store import digest

records = st.dictionaries(st.text(max_size=4), st.binary(max_size=4), max_size=6)


@given(records, st.data())
def test_order_does_not_matter(items: dict[str, bytes], data: st.DataObject) -> None:
    """The same records in any order have one digest."""
    shuffled = data.draw(st.permutations(list(items.items())))

    assert digest.digest_of(items.items()) == digest.digest_of(shuffled)


@given(records, records)
def test_a_change_gives_what_counting_anew_gives(before: dict[str, bytes], after: dict[str, bytes]) -> None:
    """Going from one set to another, record by record, ends at the other's digest."""
    total = digest.digest_of(before.items())
    for key in sorted(before.keys() | after.keys()):
        total = digest.replace(total, key, before.get(key), after.get(key))

    assert digest.digest_of(after.items()) == total


@given(records, records)
def test_different_sets_differ(one: dict[str, bytes], other: dict[str, bytes]) -> None:
    """Equal digests mean equal sets."""
    same = digest.digest_of(one.items()) == digest.digest_of(other.items())

    assert (one == other) == same


def test_a_record_is_bound_to_its_key() -> None:
    """Bytes that move from the key to the value, or to another key, are noticed."""
    hashes = {digest.record_hash("a", b"b"), digest.record_hash("ab", b""), digest.record_hash("b", b"a")}

    assert 3 == len(hashes)


def test_rendering_has_one_width() -> None:
    """A digest is 32 hex digits, small ones too."""
    assert "0" * 31 + "f" == digest.render(15)
    assert 32 == len(digest.render(digest.digest_of([("a", b"b")])))
