"""What is said to be out of reach is never reached: judged by trying every request of a small world."""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

import pytest
from attrs import frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from store.codec import decode
from store.resources.fields import StringMatch
from store.resources.http_match import HTTPMatchRequest
from store.resources.virtual_service import VirtualService


@frozen
class Request:
    path: str
    method: str
    header: str | None
    parameter: str | None
    port: int
    gateway: str
    labels: Mapping[str, str]


REQUESTS = [
    Request(*values)
    for values in product(
        ("/", "/a", "/A", "/ab", "/a/b", "/b"), ("GET", "POST"), (None, "1", "12"), (None, "1"), (80, 81),
        ("mesh", "edge"), ({}, {"app": "x"}),
    )
]  # fmt: skip


def fits(text: Mapping[str, str] | None, value: str | None, *, fold: bool = False) -> bool:
    """Say whether *value* (None: it is absent) is what *text*, a StringMatch as written, asks for; `.*` is anything."""
    if text is None:
        return True
    if value is None:
        return False
    change = str.lower if fold else str
    if "exact" in text:
        return change(text["exact"]) == change(value)
    return change(value).startswith(change(text.get("prefix", "")))


def matches(block: Mapping[str, Any], request: Request, gateways: list[str], *, labels_at_gateways: bool) -> bool:
    """Say whether *block* takes *request*. Whether labels count where gateways are named is a matter of versions."""
    own = block.get("gateways")
    labels_count = labels_at_gateways or not own
    labels = block.get("sourceLabels", {}).items() <= request.labels.items() or not labels_count
    return (
        request.gateway in (own or gateways)
        and labels
        and block.get("port", request.port) == request.port
        and fits(block.get("uri"), request.path, fold=block.get("ignoreUriCase", False))
        and fits(block.get("method"), request.method)
        and all(fits(text, request.header) for text in block.get("headers", {}).values())
        and all(fits(text, request.parameter) for text in block.get("queryParams", {}).values())
        and not any(fits(text, request.header) for text in block.get("withoutHeaders", {}).values())
    )


PATHS = st.sampled_from(
    [{}, {"prefix": "/"}, {"prefix": ""}, {"prefix": "/a"}, {"prefix": "/A"}, {"prefix": "/a/"}, {"exact": "/a"},
     {"exact": "/A"}, {"exact": "/a/b"}, {"regex": ".*"}]
)  # fmt: skip
TEXTS = st.sampled_from([{}, {"exact": "1"}, {"exact": "12"}, {"prefix": "1"}])
BLOCKS = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(("one", "two")),
        "uri": PATHS,
        "ignoreUriCase": st.booleans(),
        "method": st.sampled_from(({"exact": "GET"}, {"prefix": "G"})),
        "headers": st.dictionaries(st.sampled_from(("x", "X")), TEXTS, max_size=1),
        "withoutHeaders": st.dictionaries(st.sampled_from(("x", "X")), TEXTS, max_size=1),
        "queryParams": st.dictionaries(st.just("q"), TEXTS, max_size=1),
        "port": st.just(80),
        "gateways": st.sampled_from((["mesh"], ["edge"], ["edge", "mesh"])),
        "sourceLabels": st.just({"app": "x"}),
    },
)
RULES = st.lists(st.lists(BLOCKS, max_size=3), min_size=2, max_size=4)


def _positions(rules: list[list[dict[str, Any]]]) -> Iterator[tuple[int, int | None, dict[str, Any]]]:
    for i, blocks in enumerate(rules):
        yield from ((i, j, block) for j, block in enumerate(blocks))
        if not blocks:
            yield i, None, {}


def said_of(spec: Mapping[str, Any]) -> set[tuple[str, tuple[str | int, ...]]]:
    document = {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": "x"}}
    resource, diagnostics = decode({**document, "spec": spec})

    assert resource is not None
    return {(said.code, said.path[1:]) for said in diagnostics if said.code.startswith("IST")}


@settings(max_examples=200, deadline=None)
@given(RULES, st.sampled_from((["mesh"], ["edge", "mesh"])), st.booleans())
def test_what_is_said_to_be_out_of_reach_is_never_reached(
    rules: list[list[dict[str, Any]]], gateways: list[str], labels_at_gateways: bool
) -> None:
    """No request gets to a block of IST0131, nor to any block of a rule of IST0130."""
    http = [{"match": blocks, "route": [{"destination": {"host": "a"}}]} for blocks in rules]
    said = said_of({"hosts": ["a"], "gateways": gateways, "http": http})
    for request in REQUESTS:
        reached = next(
            (
                (i, j)
                for i, j, block in _positions(rules)
                if matches(block, request, gateways, labels_at_gateways=labels_at_gateways)
            ),
            None,
        )
        if reached is not None:
            i, j = reached

            assert ("IST0130", ("http", i)) not in said
            assert ("IST0131", ("http", i, "match", j)) not in said


def http(*matches: list[dict[str, Any]]) -> dict[str, Any]:
    return {"hosts": ["a"], "http": [{"match": each, "route": [{"destination": {"host": "a"}}]} for each in matches]}


BLOCK = ("IST0131", ("http", 1, "match", 0))
COVERED = [
    ([{"uri": {"prefix": "/a"}}], [{"uri": {"prefix": "/ab"}}]),
    ([{"uri": {"prefix": "/a"}}], [{"uri": {"exact": "/a"}}]),
    ([{"uri": {"regex": "/a+"}}], [{"uri": {"regex": "/a+"}, "method": {"exact": "GET"}}]),
    ([{"uri": {"prefix": "/A"}, "ignoreUriCase": True}], [{"uri": {"exact": "/a"}}]),
    ([{"uri": {"prefix": "/A"}, "ignoreUriCase": True}], [{"uri": {"prefix": "/aB"}, "ignoreUriCase": True}]),
    ([{"headers": {"X": {}}}], [{"headers": {"x": {"regex": "a+"}}}]),
    ([{"queryParams": {"q": {"prefix": "1"}}}], [{"queryParams": {"q": {"exact": "1"}}, "port": 80}]),
    ([{"withoutHeaders": {"x": {}}}], [{"withoutHeaders": {"X": {}, "y": {}}}]),
    ([{"sourceLabels": {"a": "1"}}], [{"sourceLabels": {"a": "1", "b": "2"}, "sourceNamespace": "shop"}]),
    ([{"uri": {"prefix": "/a"}}], [{"uri": {"prefix": "/a"}, "gateways": ["mesh"]}]),
]
APART = [
    ([{"uri": {"prefix": "/a/"}}], [{"uri": {"prefix": "/a"}}]),
    ([{"uri": {"prefix": "/a"}}], [{"uri": {"prefix": "/a/b"}, "ignoreUriCase": True}]),
    ([{"uri": {"prefix": "/a"}}], [{"uri": {"regex": "/a.*"}}]),
    ([{"uri": {"prefix": "/a"}, "sourceLabels": {"a": "1"}}], [{"uri": {"prefix": "/a"}, "gateways": ["mesh"]}]),
    ([{"uri": {"prefix": "/a"}}], [{"uri": {"prefix": "/a"}, "gateways": ["edge"]}]),
    ([{"withoutHeaders": {"x": {"exact": "1"}}}], [{"withoutHeaders": {"x": {"exact": "2"}}}]),
    ([{"port": 80}], [{"port": 81}]),
]


@pytest.mark.parametrize(("wide", "narrow"), COVERED)
def test_a_block_behind_a_wider_one_is_ineffective(wide: list[dict[str, Any]], narrow: list[dict[str, Any]]) -> None:
    """Whatever takes all that a later block asks for makes it ineffective."""
    assert BLOCK in said_of(http(wide, narrow))


@pytest.mark.parametrize(("one", "other"), APART)
def test_of_blocks_that_differ_nothing_is_said(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> None:
    """A request that only the later block takes is enough."""
    assert set() == said_of(http(one, other))


def test_many_blocks_are_compared_with_few() -> None:
    """With ten times the blocks of one path, a duplicate is found all the same."""
    blocks = [{"uri": {"prefix": "/a"}, "headers": {"x": {"exact": str(i)}}} for i in range(2000)]

    assert {("IST0131", ("http", 0, "match", 2000))} == said_of(http([*blocks, blocks[1234]]))


def test_defaults_are_no_conditions() -> None:
    """A block without anything takes everything, whatever its name and where it is counted."""
    block = HTTPMatchRequest(name="x", stat_prefix="y", uri=StringMatch(prefix="/"))
    service = VirtualService(hosts=("a",))

    assert block != HTTPMatchRequest()
    assert service.gateways == ()
    assert {("IST0130", ("http", 1))} == said_of(http([{"name": "x", "statPrefix": "y", "uri": {"prefix": "/"}}], []))
