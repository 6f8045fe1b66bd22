"""Bytes → documents that know their lines."""

import json
import math
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.codec import decode
from store.diagnostic import Place
from store.reader import MAX_FILE_BYTES, Document, Reading, read

SEED = Path(__file__).parents[1] / "seed"


def values(text: bytes) -> list[object]:
    return [document.value for document in read(text, "x").documents]


def said(text: bytes) -> list[str]:
    return [f"{one.code} {one.place.line}:{one.place.column}" for one in read(text, "x").diagnostics if one.place]


def only(text: str) -> Document:
    (document,) = read(text.encode(), "x").documents
    return document


# --- seed -------------------------------------------------------------------------------------------------------


def judge(name: str) -> tuple[list[str], list[str]]:
    """Return the kinds that were understood, and `line code` of all that was said."""
    reading = read((SEED / name).read_bytes(), name)
    diagnostics = list(reading.diagnostics)
    kinds = []
    for document in reading.documents:
        resource, found = decode(document.value)
        diagnostics += document.locate(found)
        kinds += [resource.kind] if resource else []
    return kinds, sorted(f"{one.place.line} {one.code}" for one in diagnostics if one.place)


@pytest.mark.parametrize(
    ("name", "kinds", "diagnostics"),
    [
        ("virtualservice-reviews.yaml", ["VirtualService"], []),
        ("destinationrule-reviews.yaml", ["DestinationRule"], []),
        ("virtualservice-bookinfo-gateway.yaml", [], ["15 ellipsis"]),
        ("virtualservice-bookinfo.yaml", [], ["21 ellipsis"]),
        ("gateway-bookinfo.yaml", ["Gateway"], ["10 not-supported", "13 not-supported"]),
        ("serviceentry-foo-ext.yaml", ["ServiceEntry"], ["5 not-supported"]),
        ("destinationrule-foo-ext.yaml", ["DestinationRule"], ["8 not-supported"]),
        ("legacy-routerules-reviews.yaml", [], ["14 old-kind", "2 old-kind"]),
    ],
)
def test_the_announced_examples_are_accepted_or_refused_on_the_right_line(
    name: str, kinds: list[str], diagnostics: list[str]
) -> None:
    """Each example as it was printed: run as it is, or refused where the reason stands."""
    assert (kinds, diagnostics) == judge(name)


# --- values -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on", True), ("No", False), ("OFF", False), ("yEs", "yEs"), ("'no'", "no"), ("y", "y"),
        ("true", True), ("False", False), ("~", None), ("", None), ("null", None),
        ("2018-04-25", "2018-04-25"), ("12:30:45", "12:30:45"), ("010", 8), ("08", 8.0), ("0x1F", 31),
        ("-0b11", -3), ("0o17", 15), ("1_000", 1000), ("0x", "0x"), ("1.10", 1.1), ("-", [None]),
        ("80", 80), ("-5", -5), ("+5", 5), ("1.5", 1.5), ("1e3", 1000.0), (".5", 0.5), ("1e999", "1e999"),
        (".inf", math.inf), ("-.Inf", -math.inf), ("!!str no", "no"), ("!!bool off", False),
        ("18446744073709551615", 2**64 - 1), ("18446744073709551616", 2.0**64), ("'80'", "80"),
        ("!!str 80", "80"), ("!!int 80", 80), ("!!float 1", 1), ("1.2.3", "1.2.3"),
        ("9" * 5000, "9" * 5000), ("v1", "v1"), ("|\n  ...\n", "...\n"), ("'...'", "..."),
    ],
)  # fmt: skip
def test_scalars_mean_what_json_would_mean(text: str, value: object) -> None:
    """As `kubectl` and Istio read them: YAML 1.1 with its many booleans and numbers; dates are text."""
    (document,) = values(f"a: {text}".encode()) if text != "-" else values(b"a:\n  -")

    assert {"a": value} == document
    assert type(value) is type(document["a"])


def test_json_is_read_as_well() -> None:
    """Indented with spaces or tabs."""
    written = {"a": [1, 2.5, True, None, "x/é\n😀\\"], "b": {}}
    for indent in (None, 2, "\t"):
        assert [written] == values(json.dumps(written, indent=indent).encode())


def test_documents_are_separate_and_empty_ones_are_skipped() -> None:
    """A mistake in one leaves the others readable, each with its own line."""
    reading = read(b"# only a comment\n---\na: 1\n---\n---\nb: [\n--- # x\nc: 2\n...\n---\nnull\n", "x")

    assert [{"a": 1}, {"c": 2}] == [one.value for one in reading.documents]
    assert [3, 8] == [one.line for one in reading.documents]
    assert ["syntax"] == [one.code for one in reading.diagnostics]


def test_a_list_is_flattened_and_positions_are_kept() -> None:
    """The items of a List are documents of their own, on their own lines."""
    reading = read(
        b"apiVersion: v1\nkind: List\nitems:\n- kind: A\n  spec: {x: 1}\n- kind: VList\n  items: [{kind: B}]\n", "x"
    )

    assert [{"kind": "A", "spec": {"x": 1}}, {"kind": "B"}] == [one.value for one in reading.documents]
    assert Place("x", 5, 13) == reading.documents[0].place(("spec", "x"))
    assert ["wrong-type 2:8"] == said(b"kind: List\nitems: 5")


def test_merge_keys_and_aliases_work_as_in_kubectl() -> None:
    """Own keys win over merged ones."""
    assert [{"a": {"x": 1, "z": 2}, "b": {"z": 3, "x": 1}, "c": {"x": 1, "z": 2}}] == values(
        b"a: &a {x: 1, z: 2}\nb: {<<: *a, z: 3}\nc: *a\n"
    )


def test_a_number_as_key_is_its_text() -> None:
    """As in `kubectl`: JSON has only strings as keys."""
    assert [{"80": {"a": 1}}] == values(b"80: {a: 1}\n")


# --- places -----------------------------------------------------------------------------------------------------

TEXT = """\
kind: VirtualService
metadata:
  name: reviews
spec:
  hosts:
    - a
  traffic_policy:
      load_balancer: {simple: X}
  name: foo
"""


@pytest.mark.parametrize(
    ("path", "key", "line", "column"),
    [
        ((), False, 1, 1),
        (("kind",), False, 1, 7),
        (("kind",), True, 1, 1),
        (("spec", "hosts", 0), False, 6, 7),
        (("spec", "hosts", 0), True, 6, 7),
        (("spec", "hosts", 5), False, 6, 5),
        (("spec", "nothing", "here"), False, 5, 3),
        (("spec", "nothing"), True, 4, 1),
        (("spec", "trafficPolicy", "loadBalancer", "simple"), False, 8, 31),
        (("spec", "host"), False, 9, 9),
    ],
)
def test_a_path_is_found_or_its_nearest_ancestor(
    path: tuple[str | int, ...], key: bool, line: int, column: int
) -> None:
    """Also in snake_case, and in the spelling of 2018."""
    assert Place("x", line, column) == only(TEXT).place(path, key=key)


def test_diagnostics_get_place_and_resource() -> None:
    """Unknown fields at their key, wrong values at the value."""
    text = (
        "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: x, namespace: shop}\n"
        "spec:\n  host: 5\n  hots: a\n"
    )
    document = only(text)
    located = document.locate(decode(document.value)[1])

    assert [("unknown-field", 6, 3), ("wrong-type", 5, 9)] == [
        (one.code, one.place.line, one.place.column) for one in located if one.place
    ]
    assert {"DestinationRule shop/x"} == {one.resource for one in located}


# --- refusals ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"a: 1\na: 2\n", ["duplicate-key 2:1"]),
        (b"1.5: x\n", ["key 1:1"]),
        (b"true: x\n", ["key 1:1"]),
        (b"~: x\n", ["key 1:1"]),
        (b"80: x\n'80': y\n", ["duplicate-key 2:1"]),
        (b"[a]: x\n", ["key 1:1"]),
        (b"a: !!binary aGk=\n", ["tag 1:4"]),
        (b"a: !x {}\n", ["tag 1:4"]),
        (b"a: !!int x\n", ["tag 1:4"]),
        (b"a: !!int true\n", ["tag 1:4"]),
        (b"a: *b\n", ["alias 1:4"]),
        (b"a: &a [*a]\n", ["alias 1:8"]),
        (b"a: {<<: 1}\n", ["merge 1:9"]),
        (b"a:\n  b: \xff\n", ["syntax 2:6"]),
        (b"a: \x01\n", ["syntax 1:4"]),
        (b"\xff\xfea\x00", ["syntax 1:1"]),
        (b"a:\n\tb: 1\n", ["syntax 2:1"]),
        (b"a: b: c\n", ["syntax 1:5"]),
        (b"x: 1\na: 'b\nc: d\n", ["syntax 2:4"]),
        (b"a: @x\n", ["syntax 1:4"]),
        (b"a: ...\n", ["ellipsis 1:4"]),
        (b"a:\n- ...\n", ["ellipsis 2:3"]),
        (b"a: b\n  ...\n", ["ellipsis 2:3"]),
        (b"h:\n  - a\n  ...\n  ... # more\nx:\n  ...\n", ["ellipsis 3:3", "ellipsis 4:3", "ellipsis 6:3"]),
        (b"a:\n  ...\n---\nb:\n  ...\n", ["ellipsis 2:3", "ellipsis 5:3"]),
        (b"a: |\n  ...\nb: ]\n", ["syntax 3:4"]),
        (b"[" * 65, ["too-deep 1:65"]),
        (b"x" * (MAX_FILE_BYTES + 1), ["too-large 1:1"]),
    ],
)
def test_what_cannot_be_read_is_refused_where_it_stands(text: bytes, expected: list[str]) -> None:
    """One diagnostic a mistake, and no document."""
    assert expected == said(text)
    assert [] == values(text)


BOMB = b"a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"a%d: &a%d [%s]\n" % (i, i, b",".join([b"*a%d" % (i - 1)] * 10)) for i in range(1, 30)
)
MERGE_BOMB = b"a0: &a0 {x: 1}\n" + b"".join(
    b"a%d: &a%d {<<: *a%d, b%d: *a%d}\n" % (i, i, i - 1, i, i - 1) for i in range(1, 200)
)


@pytest.mark.parametrize(
    "text", [BOMB, MERGE_BOMB, b"[" * MAX_FILE_BYTES, b"- " * (MAX_FILE_BYTES // 2), b"{a: " * 10**6]
)
def test_bombs_cost_neither_time_nor_memory(text: bytes) -> None:
    """Aliases of aliases and endless nesting end within a second and 100 MB."""
    tracemalloc.start()
    start = time.perf_counter()
    try:
        reading = read(text, "x")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert 1.0 > time.perf_counter() - start
    assert 100_000_000 > peak
    assert () == reading.documents
    assert 1 == len(reading.diagnostics)


@given(
    st.binary(max_size=200)
    | st.text(st.sampled_from("abc:-?&*!|>'\"%@`{}[],#~. \t\n\r\u2028\ufeff\x85é<=0"), max_size=60).map(str.encode)
)
def test_reading_never_raises(text: bytes) -> None:
    """Whatever the bytes are, the answer is a Reading, and every diagnostic has a place."""
    reading = read(text, "x")

    assert isinstance(reading, Reading)
    assert all(one.place is not None and one.place.file == "x" for one in reading.diagnostics)
    for document in reading.documents:
        document.locate(decode(document.value)[1])


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("spec:\n\ta: b\n", 2, 1),
        ("spec:\n  a:\n  \t- b\n", 3, 3),
        ("a:\n  b: c\n\td: e\n", 3, 1),
        ('a:\n  b: "x"\n\tc: d\n', 3, 1),
        ("a:\n- b: 1\n\tc: 2\n", 3, 1),
        ("a:\n  b:\n\t\tc: 1\n", 3, 1),
    ],
)
def test_a_tab_as_indentation_is_named_at_the_tab(text: str, line: int, column: int) -> None:
    """Nobody is told to put a value in quotes because of a tab before it."""
    (said,) = read(text.encode(), "f").diagnostics

    assert "a tab as indentation: YAML wants spaces" == said.message
    assert Place("f", line, column) == said.place


@pytest.mark.parametrize("text", ['{\n\t"a": @}', '{\n\t"a": 1\n\t"b": 2}', '{\n\t"a": [\n\t@]}', "a: @b"])
def test_a_tab_that_does_no_harm_is_not_blamed(text: str) -> None:
    """Inside brackets a tab is a blank like others."""
    (said,) = read(text.encode(), "f").diagnostics

    assert "tab" not in said.message
