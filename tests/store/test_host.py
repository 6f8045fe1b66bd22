"""Records about hosts and applies: read back as written; garbage is a BadHostRecord and nothing worse."""

import json
import math
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.host import (
    MAX_BYTES,
    BadHostRecord,
    Head,
    HostRecord,
    HostStatus,
    Rejection,
    Seen,
    TypeCounts,
    apply_number,
    pack,
    to_json,
    unpack,
)

text = st.text(max_size=6)
number = st.integers(0, 2**40)
time = st.floats(allow_nan=False, allow_infinity=False)
maybe = st.none() | text
texts = st.lists(text, max_size=3).map(tuple)
ips = st.ip_addresses().map(str)
listens = st.tuples(ips, st.integers(1, 65535)).map(
    lambda at: f"[{at[0]}]:{at[1]}" if ":" in at[0] else f"{at[0]}:{at[1]}"
)
listened = st.lists(listens, max_size=3).map(tuple)
heads = st.builds(Head, text, text, time, text, number, text, maybe)
hosts = st.builds(
    HostRecord,
    name=text,
    instance=text,
    agent=text,
    envoy=maybe,
    address=text,
    gateway_bind=ips,
    labels=st.dictionaries(text, text, max_size=3),
    namespace=text,
    http_proxy=listened,
    outbound_policy=text,
    resolvers=listened,
    since=time,
)
rejections = st.builds(Rejection, text, text, maybe, maybe, st.none() | number, texts)
counts = st.builds(TypeCounts, number, number, number, number)
statuses = st.builds(
    HostStatus,
    apply=maybe,
    revision=number,
    active_apply=maybe,
    active_revision=number,
    rejections=st.lists(rejections, max_size=2).map(tuple),
    held=maybe,
    notes=texts,
    xds=st.dictionaries(text, counts, max_size=2),
    envoy_state=text,
    envoy_version=maybe,
    agent_version=maybe,
    envoy_restarts=number,
    envoy_exit=maybe,
    left=st.booleans(),
)
anyone = heads | hosts | statuses | st.builds(Seen, text, text, number)
CLASSES: tuple[type[Any], ...] = (Head, HostRecord, HostStatus, Seen)


@given(anyone)
def test_what_is_packed_is_unpacked(value: Any) -> None:
    """A record comes back equal, and is packed into the same bytes again."""
    again = unpack(pack(value), type(value))

    assert value == again
    assert pack(value) == pack(again)


@given(st.dictionaries(text, text, min_size=2, max_size=5))
def test_equal_values_are_equal_bytes(labels: dict[str, str]) -> None:
    """The order in which a mapping was filled is not written: equal states cause no second write."""
    turned = dict(reversed(labels.items()))

    assert pack(HostRecord("h", labels=labels)) == pack(HostRecord("h", labels=turned))


@given(anyone, text.filter(lambda name: name.startswith("x")) | st.just("later"), st.integers(0, 9))
def test_fields_of_a_newer_version_are_dropped(value: Any, name: str, more: int) -> None:
    """A record with one more field is read as if it had none."""
    plain = {**msgpack.unpackb(pack(value)), name: more}

    assert value == unpack(msgpack.packb(plain), type(value))


def test_fields_of_an_older_version_have_defaults() -> None:
    """A record with its first fields only is read; one without what it cannot be without is not."""
    assert HostRecord("h") == unpack(msgpack.packb({"name": "h"}), HostRecord)

    with pytest.raises(BadHostRecord):
        unpack(msgpack.packb({"agent": "1"}), HostRecord)


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | text | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=8,
)


@st.composite
def misfits(draw: st.DrawFn) -> tuple[type[Any], bytes]:
    """A class, and a record of it in which one field holds anything."""
    value = draw(anyone)
    plain = msgpack.unpackb(pack(value))
    plain[draw(st.sampled_from(sorted(plain)))] = draw(anything)
    return type(value), msgpack.packb(plain)


def read_all(cls: type[Any], data: bytes) -> None:
    """Read *data*; whatever is read at all has the types that its class says, so that it can be packed again."""
    try:
        found = unpack(data, cls)
    except BadHostRecord:
        return
    assert found == unpack(pack(found), cls)
    assert to_json(found) == json.loads(json.dumps(to_json(found), allow_nan=False))


@given(misfits(), st.binary(max_size=60), anything)
def test_garbage_is_a_bad_host_record(misfit: tuple[type[Any], bytes], data: bytes, plain: object) -> None:
    """Neither bytes that are nothing nor a record with something odd in it raise anything but BadHostRecord."""
    read_all(*misfit)
    for cls in CLASSES:
        read_all(cls, data)
        read_all(cls, msgpack.packb(plain))


@pytest.mark.parametrize(
    "plain",
    [
        {"apply": None, "verdict": "active"},
        {"apply": "1-0000", "verdict": 1},
        {"apply": "1-0000", "verdict": "active", "milliseconds": 1.5},
        {"apply": "1-0000", "verdict": "active", "milliseconds": math.inf},
        {"apply": "1-0000", "verdict": "active", "milliseconds": True},
    ],
)
def test_a_field_of_another_type_is_not_turned_into_one(plain: dict[str, object]) -> None:
    """None is not the apply "None", and 1.5 is not 1."""
    with pytest.raises(BadHostRecord):
        unpack(msgpack.packb(plain), Seen)


def test_depth_and_size_are_bounded() -> None:
    """A record that nests without end, or is larger than any of ours, is refused before it is built."""
    with pytest.raises(BadHostRecord):
        unpack(b"\x91" * 100_000 + b"\xc0", Seen)

    with pytest.raises(BadHostRecord, match="1000001 bytes"):
        unpack(b"\x00" * (MAX_BYTES + 1), Seen)


def test_json_leaves_out_what_is_none() -> None:
    """`-o json` shows what there is, nested values too."""
    status = HostStatus(
        apply="3-0000", rejections=(Rejection("routes/a", "no", others=("x",)),), xds={"routes": TypeCounts(1)}
    )

    plain = to_json(status)

    assert {"xds": "routes/a", "message": "no", "others": ["x"]} == plain["rejections"][0]
    assert {"routes": {"accepted": 1, "warming": 0, "active": 0, "rejected": 0}} == plain["xds"]
    assert not {"held", "active_apply"} & plain.keys()


@pytest.mark.parametrize(
    ("apply_id", "expected"),
    [("12-ab12", 12), ("7", 7), ("", 0), ("x-1", 0), ("-1", 0), ("²-0000", 0), ("٣-0000", 0), ("9" * 5000, 0)],
)
def test_apply_numbers(apply_id: str, expected: int) -> None:
    """An id that has no number counts as none: it sorts before all others, and nothing is raised."""
    assert expected == apply_number(apply_id)
    assert expected == Head(apply_id, "", 0.0, "", 0, "").number


@pytest.mark.parametrize(
    "wrong",
    [
        *({"http_proxy": ["abc"]}, {"http_proxy": ["127.0.0.1:0"]}, {"http_proxy": ["127.0.0.1:99999999999"]}),
        *({"resolvers": ["x:53"]}, {"gateway_bind": "everywhere"}),
    ],
)
def test_a_record_that_no_compiler_could_use_is_refused(wrong: dict[str, Any]) -> None:
    """Addresses are checked when a record is read: whoever compiles takes its word for them."""
    with pytest.raises(BadHostRecord):
        unpack(msgpack.packb({"name": "vm-1", **wrong}), HostRecord)
