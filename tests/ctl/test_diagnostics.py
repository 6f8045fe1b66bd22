"""Diagnostics as text and as JSON."""

from attrs import evolve

from ctl.diagnostics import Sources, in_order, render, summary, to_json
from store.diagnostic import Diagnostic, Level, Place, Related

TEXT = b"spec:\n  http:\n  - match:\n    - ur: {exact: /a}\n"
SAID = Diagnostic(
    Level.ERROR,
    "unknown-field",
    'unknown field "ur"',
    ("spec", "http", 0, "match", 0, "ur"),
    "VirtualService default/reviews",
    Place("a.yaml", 4, 7),
    "one of headers, uri",
    'did you mean "uri"?',
    [Related("the other one", Place("b.yaml", 3, 1), "Gateway default/g")],  # type: ignore[list-item]  # as in inputs
)


def plain(said: Diagnostic, text: bytes = TEXT) -> list[str]:
    return [line.plain for line in render(said, Sources({"a.yaml": text}))]


def test_text_says_where_what_why_and_shows_the_line() -> None:
    """The first line can be clicked in an editor; the source line bears a mark below the column."""
    expected = [
        'a.yaml:4:7: error[unknown-field]: unknown field "ur"',
        "     4 |     - ur: {exact: /a}",
        "       |       ^",
        "       = expected one of headers, uri",
        '       = hint: did you mean "uri"?',
        "       = in VirtualService default/reviews, spec.http[0].match[0].ur",
        "       = see b.yaml:3:1: the other one (Gateway default/g)",
    ]

    assert expected == plain(SAID)


def test_what_is_not_known_has_no_line() -> None:
    """A file that cannot be read has no position, and what was expected is not said twice."""
    unreadable = Diagnostic(Level.ERROR, "unreadable", "cannot be read: x", place=Place("b.yaml", 1))
    said = Diagnostic(Level.WARNING, "c", "a, b is wrong", place=Place("b.yaml", 9, 2), expected="a, b")

    assert ["b.yaml: error[unreadable]: cannot be read: x"] == plain(unreadable)
    assert ["b.yaml:9:2: warning[c]: a, b is wrong"] == plain(said)
    assert ["info[c]: m"] == plain(Diagnostic(Level.INFO, "c", "m"))


def test_the_mark_stands_below_wide_characters_too() -> None:
    """A terminal shows some characters in two cells."""
    said = Diagnostic(Level.ERROR, "c", "m", place=Place("a.yaml", 1, 6))

    assert "       |        ^" == plain(said, "a: 日本 x".encode())[2].rstrip()


def test_long_lines_and_control_characters_do_not_reach_the_terminal() -> None:
    """A line of a megabyte is shown around the column only, and escape sequences are blanked."""
    text = b"\x1b[31m" + b"x" * 100_000
    said = Diagnostic(Level.ERROR, "c", "m", place=Place("a.yaml", 1, 50_000))

    _, shown, mark = plain(said, text)

    assert len(shown) < 200
    assert "\x1b" not in shown
    assert "x" == shown[mark.index("^")]


def test_json_has_the_names_of_the_contract() -> None:
    """Every field of the contract is there when it is known, and left out when it is not."""
    expected = {
        "file": "a.yaml",
        "line": 4,
        "column": 7,
        "level": "error",
        "code": "unknown-field",
        "resource": "VirtualService default/reviews",
        "path": "spec.http[0].match[0].ur",
        "message": 'unknown field "ur"',
        "expected": "one of headers, uri",
        "hint": 'did you mean "uri"?',
        "related": [
            {"file": "b.yaml", "line": 3, "column": 1, "resource": "Gateway default/g", "message": "the other one"}
        ],
    }

    assert expected == to_json(SAID)
    assert {"level": "info", "code": "c", "message": "m"} == to_json(Diagnostic(Level.INFO, "c", "m"))


def test_a_line_whose_column_nobody_knows_has_none() -> None:
    """A stored resource keeps the line where its document began: no field stands in column 1."""
    said = evolve(SAID, place=Place("a.yaml", 4, 0), related=())
    first, *_ = plain(said, b"")

    assert first.startswith("a.yaml:4: error")
    assert "column" not in to_json(said)


def test_counts_are_by_level() -> None:
    """The summary counts what was said, and names what was read."""
    expected = {"files": 2, "resources": 3, "errors": 1, "warnings": 1, "infos": 0}
    warning = Diagnostic(Level.WARNING, "c", "m")

    assert expected == summary([SAID, warning], files=2, resources=3)


def test_diagnostics_are_told_by_file_and_line() -> None:
    """Files stay in the order they were given; inside a file, lines rise."""
    said = [Diagnostic(Level.ERROR, "c", "m", place=Place(file, line)) for file, line in [("b", 9), ("a", 1), ("b", 2)]]

    ordered = [str(each.place) for each in in_order(said)]

    assert ["b:2:1", "b:9:1", "a:1:1"] == ordered


def test_order_is_of_files_as_given_then_of_places() -> None:
    """Whoever said it first, the first file's findings come first."""
    places = [("b", 1, 1), ("a", 2, 1), ("a", 1, 5), ("a", 1, 4), ("c", 1, 1)]
    said = [Diagnostic(Level.ERROR, "c", "m", place=Place(*place)) for place in places]

    ordered = [str(one.place) for one in in_order(said, ["a", "b"])]

    assert ["a:1:4", "a:1:5", "a:2:1", "b:1:1", "c:1:1"] == ordered
