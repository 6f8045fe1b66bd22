"""Files as they arrive: any encoding, any line end, any size, other readers' booleans and numbers."""

import json

import pytest

from store.codec import decode
from store.reader import MAX_DOCUMENTS, MAX_UNREADABLE, read
from store.yaml_nodes import Budget, compose
from store.yaml_values import plain_values

RULE = b"""apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: x}
spec:
  host: a
  subsets:
  - name: v1
    labels: {version: VALUE}
"""


def said(text: bytes) -> list[str]:
    return [f"{one.code} {one.place.line}:{one.place.column}" for one in read(text, "x").diagnostics if one.place]


def judge(text: bytes) -> list[tuple[str, int, str, str | None]]:
    """Return code, line, message and hint of all that is said of *text*."""
    reading = read(text, "x")
    located = [one for document in reading.documents for one in document.locate(decode(document.value)[1])]
    return [(one.code, one.place.line, one.message, one.hint) for one in (*reading.diagnostics, *located) if one.place]


# --- booleans and numbers where text is wanted ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "message", "hint"),
    [
        (b"1", "1 is not a string", 'write "1"'),
        (b"1.0", "1.0 is not a string", 'write "1.0"'),
        (b"1.10", "1.1 is not a string", '1.10 without quotes is 1.1; write "1.10"'),
        (b"010", "8 is not a string", '010 without quotes is 8; write "010"'),
        (b"true", "true is not a string", 'write "true"'),
        (b"no", "false is not a string", 'no without quotes is false; write "no"'),
        (b"On", "true is not a string", 'On without quotes is true; write "On"'),
        (b".nan", "nan is not a string", '.nan without quotes is nan; write ".nan"'),
    ],
)
def test_text_without_its_quotes_is_shown_with_them(value: bytes, message: str, hint: str) -> None:
    """Istio refuses it as well; here the advice is what to write, by how it was written."""
    assert [("wrong-type", 8, message, hint)] == judge(RULE.replace(b"VALUE", value))


@pytest.mark.parametrize("value", [b'"no"', b"'1'", b"!!str 1.10", b"v1", b"y", b"2018-04-25", b"1.2.3"])
def test_text_is_taken_as_it_is(value: bytes) -> None:
    """Quotes, a tag, or a value that nothing else can be."""
    assert [] == judge(RULE.replace(b"VALUE", value))


def test_a_key_that_is_no_text_is_shown_with_quotes() -> None:
    """`on:` would be another key than it looks like."""
    assert [("key", 2, "without quotes, on is not text", 'write "on"')] == judge(b"a:\n  on: x\n")


# --- encodings and line ends ------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", [b"\r\n", b"\r"])
def test_line_ends_of_windows_and_old_macs_are_line_ends(end: bytes) -> None:
    """Values and lines are the same as with line feeds, over several documents, mistakes included."""
    text = b"# c\n---\na: |\n  one\n  two\n---\nb: [\n---\nc: 'x\n\n  y'\n...\n---\nd: @\n"
    unix, other = read(text, "x"), read(text.replace(b"\n", end), "x")

    assert [one.value for one in unix.documents] == [one.value for one in other.documents]
    assert [one.line for one in unix.documents] == [one.line for one in other.documents]
    assert [one.place for one in unix.diagnostics] == [one.place for one in other.diagnostics]


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("a: 1\n".encode("utf-16"), "syntax 1:1", "UTF-16"),
        ("a: 1\nb: 2\n".encode("utf-16-le"), "syntax 1:1", "UTF-16"),
        ("a: 1\nb: 2\n".encode("utf-16-be"), "syntax 1:1", "UTF-16"),
        ("a: 1\n".encode("utf-32"), "syntax 1:1", "UTF-32"),
        ("a: 1\nb: größe\n".encode("latin-1"), "syntax 2:6", "0xf6 is not UTF-8"),
        (b"a: 1\nb: x\0y\n", "syntax 2:5", "U+0000"),
        (b"a: 1\r\rb: x\0y\n", "syntax 3:5", "U+0000"),
        (b"a: 1\n---\n\xef\xbb\xbfb: 2\n", "syntax 3:1", "U+FEFF"),
        (b"\x1f\x8b\x08\x00", "syntax 1:2", "0x8b"),
        (b"\0", "syntax 1:1", "U+0000"),
    ],
)
def test_a_wrong_encoding_is_named(text: bytes, place: str, words: str) -> None:
    """With the place of the first character that shows it."""
    assert [place] == said(text)
    assert words in read(text, "x").diagnostics[0].message


def test_a_byte_order_mark_of_utf_8_is_no_character() -> None:
    """Windows editors write one."""
    (document,) = read(b"\xef\xbb\xbfa: 1\n", "x").documents

    assert ({"a": 1}, 1, 4) == (document.value, document.line, document.place(("a",)).column)


# --- structure --------------------------------------------------------------------------------------------------


def test_markers_are_taken_where_yaml_has_them() -> None:
    """`---` may have a value behind it, `...` ends a document, neither is one inside a line or a literal."""
    text = b"--- {a: 1}\n--- # c\nb: ---\nc: |\n ---\n ...\n...\n# only a comment\n...\n%YAML 1.1\n--- text\n---x: 1\n"
    reading = read(text, "x")

    assert [{"a": 1}, {"b": "---", "c": "---\n...\n"}] == [one.value for one in reading.documents]
    assert ["syntax 12:5"] == said(text)


def test_json_documents_one_after_the_other_want_a_marker() -> None:
    """It is said what is missing between them."""
    (one,) = judge(b'{"a": 1}\n{"b": 2}\n')

    assert ("syntax", 2) == one[:2]
    assert "a line with ---" in one[2]


def test_json_may_escape_what_it_likes() -> None:
    """Slashes, surrogate pairs, tabs."""
    text = '{"a/b": "\\/\\t\\ud83d\\ude00\\u00e9", "c": [1e2, -0.5, null, {}]}'

    assert [json.loads(text)] == [one.value for one in read(text.encode(), "x").documents]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"kind: List\nitems: []\n", []),
        (b"kind: List\n", []),
        (b"kind: List\nitems: null\n", []),
        (b"kind: List\nitems:\n-\n- {kind: A}\n", [({"kind": "A"}, 4)]),
        (b"kind: XList\nitems: [{kind: A}, {kind: List, items: [{a: 1}]}]\n", [({"kind": "A"}, 2), ({"a": 1}, 2)]),
        (b"kind: AllowList\nspec: {}\n", [({"kind": "AllowList", "spec": {}}, 1)]),
        (b"items: [{kind: A}]\n", [({"items": [{"kind": "A"}]}, 1)]),
    ],
)
def test_lists_are_unpacked_and_nothing_else_is(text: bytes, expected: list[tuple[object, int]]) -> None:
    """A kind whose name ends in List is one only when it has items."""
    assert expected == [(one.value, one.line) for one in read(text, "x").documents]


@pytest.mark.parametrize(
    ("text", "column", "hint"),
    [
        ("[*.foo.com]", 5, 'write "*.foo.com"'),
        ("*", 4, 'write "*"'),
        ("*foo", 4, 'if it is text, write "*foo"'),
        ("[a-z]+", 9, "ends at its counterpart: put all of the value in quotes"),
        ("'it's'", 8, "ends at its counterpart: put all of the value in quotes"),
        ("{{ .Values.x }}", 5, "this looks like a template: render it first (helm template)"),
        ("b\n{{- if .x }}\nc: d", 1, "this looks like a template: render it first (helm template)"),
        ("b\n<<<<<<< HEAD\nc: d", 1, "two versions were merged and their conflict is left here: choose one"),
        ("b: c", 5, None),
    ],
)
def test_what_many_do_wrong_is_told_how_to_be_right(text: str, column: int, hint: str | None) -> None:
    """A wildcard or a pattern without quotes, a template that was not rendered, a conflict that was left."""
    (one,) = read(f"a: {text}\n".encode(), "x").diagnostics

    assert one.place is not None
    assert column == one.place.column
    assert hint == one.hint if hint is None else (one.hint or "").endswith(hint)


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("a: 1\nspec: {\n", (2, 7), "this brace is never closed"),
        ("a: 1\nspec: {a: b,\n  c: d\n", (2, 7), "this brace is never closed"),
        ("a: 1\nhosts: [a, b\nkind: x\n", (2, 8), "this bracket is never closed"),
        ("a: \"{\" # [\nb: [{c: }, {\n", (2, 12), "this brace is never closed"),
        ("http:\n- route\n  - destination: x\n", (2, 8), "a colon is missing after route"),
        ("http:\n- match: x\n  route # to\n  - destination: x\n", (3, 8), "a colon is missing after route"),
        ("spec:\n  hosts\n  - a\n  http: []\n", (2, 8), "a colon is missing after hosts"),
        ("spec\n\n  hosts: [a]\n", (1, 5), "a colon is missing after spec"),
        ("a:\n  host:reviews\n  subset: v1\n", (2, 8), "a blank is missing after the colon of host"),
        ("a:\n  subset: v1\n  host:reviews\nb: c\n", (3, 8), "a blank is missing after the colon of host"),
        ("a:\n  b: x-{{ .Values.x }}: 1\n", (2, 8), "render it first (helm template)"),
        ("a: {a: {b: c}, {d: e}}\n", (1, 16), "a brace before it may be missing"),
        ("kind: a\nmetadata: x\nkind: b\n", (3, 1), "a line with --- has to stand before it"),
    ],
)
def test_a_slip_is_told_where_it_was_made(text: str, place: tuple[int, int], words: str) -> None:
    """Not where the parser notices it: what was never closed, a key without colon or without a blank behind it."""
    (one,) = read(text.encode(), "x").diagnostics

    assert one.place is not None
    assert place == (one.place.line, one.place.column)
    assert words in f"{one.message}; {one.hint}"


def test_a_key_without_its_colon_before_a_brace_is_told() -> None:
    """YAML takes it for a key with a blank in it."""
    (document,) = read(b"apiVersion: v1\nkind: Gateway\nmetadata {name: x}\n", "x").documents
    hints = [one.hint for one in decode(document.value)[1]]

    assert "a colon is missing after metadata" in hints


# --- limits -----------------------------------------------------------------------------------------------------


def test_documents_of_a_file_are_limited() -> None:
    """It is said how many are allowed, and where the limit was reached."""
    reading = read(b"a: 1\n---\n" * (MAX_DOCUMENTS + 5), "x")

    assert MAX_DOCUMENTS == len(reading.documents)
    assert ["too-large"] == [one.code for one in reading.diagnostics]
    assert f"more than {MAX_DOCUMENTS} documents" in reading.diagnostics[0].message


def test_unreadable_documents_of_a_file_are_limited() -> None:
    """A file of another sort does not fill the screen."""
    reading = read(b"a: [\n---\n" * 10_000, "x")

    assert MAX_UNREADABLE + 2 == len(reading.diagnostics)
    assert "what follows was not looked at" in reading.diagnostics[-1].message


def test_empty_documents_cost_little() -> None:
    """A million markers are read, and nothing is in them."""
    assert ((), ()) == (read(b"---\n" * 1000, "x").documents, read(b"---\n" * 1000, "x").diagnostics)


@pytest.mark.parametrize(
    "text",
    [
        "a: {b: [1, x, 'no', \"y\"], c: no}\n", "- a\n- {b: 1}\n- [[], {}]\n", "a", "", "# c\n", "a:\n", "? a\n: b\n",
        "a: !!str 1\n", "a: &x 1\nb: *x\n", "a: {<<: {b: 1}}\n", "a: 1\na: 2\n", "1: a\n", "[a]: b\n", "a: ...\n",
        "a: [\n", "[" * 65, "{" * 65, "a: |\n  x\n  y\n", "a: >-\n  x\n\n  y\n", "- - - a\n    - b\n", "{a, b: c}\n",
    ],
)  # fmt: skip
def test_the_fast_reader_says_the_same_or_nothing(text: str) -> None:
    """Of whatever it reads, values and lines are those of the reader that knows every position."""
    fast, budget = plain_values(text, spent := Budget()), Budget()
    if fast is None:
        assert Budget() == spent
        return
    slow = compose(text, 1, budget)

    assert [(one.value, one.line + 1) for one in fast] == [(root.value, root.line) for root in slow.roots]
    assert () == slow.ellipses
    assert budget == spent
