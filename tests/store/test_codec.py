"""Documents ↔ resources and records ↔ bytes."""

from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.codec import MAX_RECORD_BYTES, BadRecord, Record, Source, decode, encode, pack, understand, unpack
from store.diagnostic import render_path
from store.resources.resolution import Resolution
from store.resources.service_entry import ServiceEntry
from store.resources.virtual_service import VirtualService

RULE: dict[str, Any] = {
    "apiVersion": "networking.istio.io/v1alpha3",
    "kind": "DestinationRule",
    "metadata": {"name": "reviews"},
    "spec": {"host": "reviews"},
}


def said(document: object) -> list[str]:
    return [f"{one.code} {render_path(one.path)}" for one in decode(document)[1]]


# --- decode ---------------------------------------------------------------------------------------------------

TOP = [
    ({}, []),
    ({"status": {"conditions": []}}, []),
    ({"apiVersion": "networking.istio.io/v1"}, []),
    ({"apiVersion": None}, ["missing-field "]),
    ({"apiVersion": "networking.istio.io/v2"}, ["unknown-version apiVersion"]),
    ({"apiVersion": "security.istio.io/v1"}, ["unknown-version apiVersion"]),
    ({"apiVersion": []}, ["unknown-version apiVersion"]),
    ({"kind": None}, ["missing-field "]),
    ({"kind": 5}, ["wrong-type kind"]),
    ({"kind": "destinationrule"}, ["unknown-kind kind"]),
    ({"kind": "Sidecar", "spec": {"egress": [{"hosts": ["./*"]}]}}, ["not-supported kind"]),
    ({"kind": "EnvoyFilter"}, ["not-a-mesh-resource kind"]),
    ({"kind": "RouteRule"}, ["old-kind kind"]),
    ({"extra": 1}, ["unknown-field extra"]),
    ({7: 1}, ["wrong-type "]),
    ({"metadata": None}, ["missing-field "]),
    ({"metadata": {}}, ["missing-field metadata"]),
    ({"metadata": []}, ["wrong-type metadata"]),
    ({"metadata": {"name": "A"}}, ["bad-value metadata.name"]),
    ({"metadata": {"name": "a" * 254}}, ["bad-value metadata.name"]),
    ({"metadata": {"name": "a.b", "namespace": "a.b"}}, ["bad-value metadata.namespace"]),
    ({"metadata": {"name": "a", "uid": "x", "generation": 3, "creationTimestamp": None}}, []),
    ({"metadata": {"name": "a", "labels": {"a": 1}}}, ["wrong-type metadata.labels.a"]),
    ({"spec": None}, ["missing-field "]),
    ({"spec": "x"}, ["wrong-type spec"]),
    ({"spec": {"host": "\ud800"}}, ["bad-value spec.host"]),
    ({"spec": {"host": b"x"}}, ["wrong-type spec.host"]),
    ({"spec": {"host": "a", 5: 1}}, ["wrong-type spec"]),
    ({"spec": {"host": "a", "traffic_policy": None, "trafficPolicy": {"loadBalancer": {}}}}, []),
    (
        {"spec": {"host": "a", "traffic_policy": {"loadBalancer": {}}, "trafficPolicy": {"loadBalancer": {}}}},
        ["conflict spec.trafficPolicy"],
    ),
    ({"metadata": {"name": "A"}, "spec": {"hots": "a"}}, ["bad-value metadata.name", "unknown-field spec.hots"]),
]


@pytest.mark.parametrize(("change", "expected"), TOP)
def test_every_mistake_is_named_with_its_path_from_the_root(change: dict[Any, object], expected: list[str]) -> None:
    """A document with one part changed gives exactly the expected codes and paths."""
    assert expected == said({**RULE, **change})


def route(**rule: object) -> dict[str, object]:
    http = [{"route": [{"destination": {"host": "reviews"}}], **rule}]
    return {**RULE, "kind": "VirtualService", "spec": {"hosts": ["a"], "http": http}}


def to(destination: object) -> dict[str, object]:
    return route(route=[{"destination": destination}])


ADVICE = [
    ({**RULE, "kind": "VirtualService", "spec": {"hosts": "reviews", "http": []}}, "write [reviews]"),
    ({**RULE, "kind": "VirtualService", "spec": {"hosts": "*.mesh", "http": []}}, 'write ["*.mesh"]'),
    ({**RULE, "kind": "VirtualService", "spec": {"hosts": 5, "http": []}}, None),
    (route(match={"uri": {"exact": "/a"}}), "put it in a list: “- ” before its first key, or [{…}]"),
    (to({"host": "reviews", "port": 9080}), "write {number: 9080}"),
    (to({"host": "reviews", "port": "http"}), None),
    (to("reviews"), "write {host: reviews}"),
    (to(["reviews"]), None),
    (to({"host": ["reviews"]}), "write reviews"),
    (to({"host": ["a", "b"]}), None),
    (route(rewrite="/foo"), "write {uri: /foo}"),
    (route(redirect="/x", route=[]), "write {uri: /x}"),
    (route(timeout="5sec"), 'write "5s"'),
    (route(timeout="1 m"), 'write "1m"'),
    (route(timeout="0.5 Hours"), 'write "0.5h"'),
    (route(timeout="3 millis"), 'write "3ms"'),
    (route(timeout="soon"), None),
    (route(timeout="3 months"), None),
    (route(retries={"attempts": "3%"}), "write 3"),
    (route(match=[{"headers": [{"name": "x"}]}]), "it is no list: write each name as a key, without “- ”"),
    (
        {**RULE, "kind": "DestinationRule", "spec": {"host": "a", "subsets": {"v1": {"labels": {"version": "v1"}}}}},
        "it is a list: write “- name: v1”, and the rest below it",
    ),
    ({**RULE, "kind": "Gateway", "spec": {"selector": "istio=edge", "servers": []}}, "write {istio: edge}"),
    (route(match=[{"uri": "/a"}]), "write {exact: /a} or {prefix: /a} or {regex: /a}"),
]


@pytest.mark.parametrize(("document", "expected"), ADVICE)
def test_a_value_without_its_brackets_is_shown_with_them(document: object, expected: str | None) -> None:
    """Where a list or a mapping is wanted, the advice is what to write, if what was meant is plain."""
    hints = [one.hint for one in decode(document)[1] if one.code == "wrong-type"]

    assert [expected] == hints


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (to({"host": "http://reviews:9080"}), "write host: reviews, and beside it port: {number: 9080}"),
        (to({"host": "reviews:9080"}), "write host: reviews, and beside it port: {number: 9080}"),
        (to({"host": "re_views:9080"}), None),
        ({**RULE, "kind": "DestinationRule", "spec": {"host": "https://a.com/x"}}, "write a.com"),
        ({**RULE, "kind": "VirtualService", "spec": {"hosts": ["a.com:80"], "http": []}}, "write a.com"),
    ],
)
def test_a_url_is_shown_without_what_makes_it_one(document: object, expected: str | None) -> None:
    """Where a host is wanted, the host in it is what was meant."""
    hints = [one.hint for one in decode(document)[1] if one.code == "bad-host"]

    assert [expected] == hints


def entry(name: str = "x", **spec: object) -> dict[str, object]:
    head = {"apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry", "metadata": {"name": name}}
    return {**head, "spec": {"hosts": ["a.mesh"], "resolution": "STATIC", **spec}}


HTTP_PORT = {"number": 80, "name": "http", "protocol": "HTTP"}

SEVERAL = [
    (
        entry(
            resolution="STATC",
            ports=[{**HTTP_PORT, "protocol": "HTTPP"}],
            endpoints=[{"address": "not/an/ip"}],
        ),
        ["bad-value spec.resolution", "bad-value spec.ports[0].protocol", "bad-value spec.endpoints[0].address"],
    ),
    (
        entry(
            "X_y",
            ports=[{"number": "80"}],
            endpoints=[{"address": "10.0.0.1", "weight": -1, "ports": {"a": 99999}}],
        ),
        [
            "bad-value metadata.name",
            "missing-field spec.ports[0]",
            "bad-value spec.endpoints[0].weight",
            "bad-value spec.endpoints[0].ports.a",
        ],
    ),
    (entry(hosts=5, ports=[HTTP_PORT]), ["wrong-type spec.hosts"]),
    (
        entry(ports=[{**HTTP_PORT, "name": 5}], endpoints=[{"address": "10.0.0.1", "ports": {"http": 80}}]),
        ["wrong-type spec.ports[0].name"],
    ),
    (
        {
            **RULE,
            "kind": "VirtualService",
            "spec": {
                "hosts": ["a"],
                "http": [
                    {
                        "rewrite": {"uriRegexRewrite": {"match": 5, "rewrite": "\\1"}},
                        "route": [{"destination": {"host": "a"}}],
                    }
                ],
            },
        },
        ["wrong-type spec.http[0].rewrite.uriRegexRewrite.match"],
    ),
    (entry(hosts=None, location="HERE"), ["bad-value spec.location", "missing-field spec"]),
    (entry(ports=[HTTP_PORT, 5, {**HTTP_PORT, "number": 0}]), [
        "wrong-type spec.ports[1]", "bad-value spec.ports[2].number", "duplicate spec.ports[2].name"
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("document", "expected"), SEVERAL)
def test_one_mistake_does_not_hide_the_others(document: object, expected: list[str]) -> None:
    """A value of the wrong type is left out, and the rest is judged; nothing is said that it alone would cause."""
    assert sorted(expected) == sorted(said(document))
    assert decode(document)[0] is None


def test_an_unknown_field_says_what_was_possible_and_what_was_probably_meant() -> None:
    """`expected` lists the fields, `hint` the nearest."""
    (one,) = decode({**RULE, "spec": {"hots": "reviews"}})[1]

    assert "one of exportTo, host, subsets, trafficPolicy, workloadSelector" == one.expected
    assert 'did you mean "host"?' == one.hint


def test_an_unknown_kind_is_compared_without_case() -> None:
    """`virtualservice` is told to be `VirtualService`."""
    (one,) = decode({**RULE, "kind": "virtualservice"})[1]

    assert 'did you mean "VirtualService"?' == one.hint


def test_a_kind_of_before_v1alpha3_is_named_as_such() -> None:
    """`RouteRule` is not merely unknown: its author is told where it belongs."""
    (one,) = decode({**RULE, "kind": "RouteRule"})[1]

    assert "before v1alpha3" in one.message


def test_the_first_name_of_a_service_entry_is_taken_with_a_warning() -> None:
    """`ExternalService` with `discovery` becomes a ServiceEntry, and both old words are named."""
    spec = {"hosts": ["a.com"], "discovery": "DNS"}
    resource, diagnostics = decode({**RULE, "kind": "ExternalService", "spec": spec})

    assert resource is not None
    assert ("ServiceEntry", ServiceEntry(hosts=("a.com",), resolution=Resolution.DNS)) == (resource.kind, resource.spec)
    assert ["old-spelling", "old-spelling"] == [one.code for one in diagnostics]


def test_the_settings_of_the_mesh_have_one_name() -> None:
    """Who chose another one is told which."""
    settings = {"apiVersion": "meshctl/v1", "kind": "MeshConfig", "metadata": {"name": "default"}, "spec": {}}
    (one,) = decode(settings)[1]

    assert 'write "name: mesh"' == one.hint


def test_a_gateway_has_no_dot_in_its_name() -> None:
    """VirtualServices could not name it."""
    server = {"hosts": ["*"], "port": {"number": 80, "name": "http", "protocol": "HTTP"}}
    gateway = {**RULE, "kind": "Gateway", "metadata": {"name": "a.b"}, "spec": {"servers": [server]}}

    assert ["bad-value metadata.name"] == said(gateway)


def test_nothing_but_a_mapping_is_a_document() -> None:
    """A list or a scalar is refused as a whole."""
    for document in (None, 5, "x", [RULE], b""):
        assert ["wrong-type "] == said(document)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1h30m", 5400.0), ("250ms", 0.25), (".5s", 0.5), ("1.s", 1.0), ("1.5h", 5400.0), ("1m0.5s", 60.5), ("+3s", 3.0)],
)
def test_durations_are_those_of_go(text: str, seconds: float) -> None:
    """Every spelling that Go's ParseDuration takes is taken."""
    http = [{"route": [{"destination": {"host": "a"}}], "timeout": text}]
    resource, _ = decode({**RULE, "kind": "VirtualService", "spec": {"hosts": ["a"], "http": http}})

    assert resource is not None
    assert isinstance(resource.spec, VirtualService)
    assert seconds == resource.spec.http[0].timeout


# --- encode -------------------------------------------------------------------------------------------------


def test_defaults_are_left_out_of_what_is_written() -> None:
    """What the author did not write is not written either."""
    resource, _ = decode(RULE)

    assert resource is not None
    assert RULE == encode(resource)


# --- understand -------------------------------------------------------------------------------------------------

keys = st.text(max_size=3) | st.sampled_from(
    ["apiVersion", "kind", "metadata", "spec", "host", "hosts", "http", "name"]
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=5)
    | st.binary(max_size=3)
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys | st.integers(-9, 9), inner, max_size=5),
    max_leaves=20,
)


@given(anything, st.sampled_from(["VirtualService", "Gateway", "DestinationRule", "ServiceEntry"]))
def test_understand_never_raises(value: object, kind: str) -> None:
    """Whatever is stored is either understood or reported."""
    for document in (value, {**RULE, "kind": kind, "spec": value}, {**RULE, "metadata": value}):
        resource, diagnostics = understand(document)

        assert (resource is None) == any(one.is_error for one in diagnostics)


@pytest.mark.parametrize(
    "change",
    [
        {"spec": {"host": "a", "brandNew": 1}},
        {"spec": {"host": "a", "exportTo": ["."]}},
        {"kind": "Brand"},
        {"kind": "Sidecar", "spec": {"egress": [{"hosts": ["./*"]}]}},
        {"apiVersion": "networking.istio.io/v3"},
    ],
)
def test_what_only_a_newer_version_knows_is_said_so(change: dict[str, object]) -> None:
    """A stored field, kind or version that we do not know is `needs-newer-agent`, and there is no resource."""
    resource, diagnostics = understand({**RULE, **change})

    assert resource is None
    assert ["needs-newer-agent"] == [one.code for one in diagnostics]


# --- records ----------------------------------------------------------------------------------------------------

RECORD = Record(RULE, Source("a.yaml", 3), 7, "apply-1", "shop", {"reviews": "240.240.0.1"})

documents = st.dictionaries(
    st.text(max_size=4),
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
        max_leaves=15,
    ),
    max_size=4,
)


@given(documents, st.integers(0, 2**63), st.none() | st.text(max_size=4))
def test_a_record_comes_back_as_it_was(document: dict[str, object], created: int, part_of: str | None) -> None:
    """unpack(pack(r)) == r."""
    record = Record(document, Source("a", 1), created, "x", part_of, {"a": "b"})

    assert record == unpack(pack(record))


@given(st.binary() | anything.map(msgpack.packb))
def test_bytes_that_are_no_record_are_a_bad_record_and_nothing_else(data: bytes) -> None:
    """unpack either returns a record or raises BadRecord."""
    try:
        unpack(data)
    except BadRecord:
        return


@given(st.data())
def test_a_record_with_any_part_exchanged_is_read_or_refused(data: st.DataObject) -> None:
    """The same, close to real records."""
    plain = msgpack.unpackb(pack(RECORD))
    plain[data.draw(st.sampled_from(sorted(plain)))] = data.draw(anything)
    try:
        unpack(msgpack.packb(plain))
    except BadRecord:
        return


def test_equal_records_are_equal_bytes() -> None:
    """The order of keys does not show: the digest of a mesh depends on it."""
    turned = Record(dict(reversed(RULE.items())), Source("a.yaml", 3), 7, "apply-1", "shop", {"reviews": "240.240.0.1"})

    assert RECORD == turned
    assert pack(RECORD) == pack(turned)


def test_fields_of_a_newer_record_are_left_out() -> None:
    """A record of the next version is read without what only that version knows."""
    plain = msgpack.unpackb(pack(RECORD))

    assert RECORD == unpack(msgpack.packb({**plain, "brandNew": [1], "source": {**plain["source"], "column": 3}}))


def test_records_have_a_size_and_a_depth() -> None:
    """Neither pack nor unpack takes more than the limits."""
    deep: Any = 1
    for _ in range(100):
        deep = [deep]
    for document in ({"a": "x" * MAX_RECORD_BYTES}, {"a": deep}, {"a": b"bytes"}, {"a": 2**70}, {"a": "\ud800"}):
        with pytest.raises(BadRecord):
            pack(Record(document, Source("a", 1), 1, "x"))
    for data in (
        b"\x91" * 400 + b"\x01",
        b"\x91" * 100_000,
        b"\xc0" * (MAX_RECORD_BYTES + 1),
        msgpack.packb({"document": deep}),
    ):
        with pytest.raises(BadRecord):
            unpack(data)
