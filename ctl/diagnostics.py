"""Diagnostics as text for people and as JSON for programs. What is said is decided where the rules are (`store/`)."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from rich.cells import cell_len
from rich.text import Text

from ctl.output import style_of, styled
from store.diagnostic import Diagnostic, Level, Place, Related, render_path

WITHOUT_POSITION = frozenset({"unreadable", "no-resources"})
"""Codes that speak of a whole file: no line is shown with them."""

_MAX_SHOWN = 140
_GUTTER = 7
"""Columns left of an excerpt, for the line's number."""

_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


class Sources:
    """The texts that were read, for showing the line that a diagnostic is about."""

    def __init__(self, texts: Mapping[str, bytes]) -> None:
        self._texts = texts
        self._lines: dict[str, list[str]] = {}

    def line(self, place: Place) -> str | None:
        """Return the line of *place* without its end, or None when we did not read that file or it is shorter."""
        if place.file not in self._texts:
            return None
        if place.file not in self._lines:
            self._lines[place.file] = _LINE_BREAK.split(self._texts[place.file].decode(errors="replace"))
        lines = self._lines[place.file]
        return lines[place.line - 1] if 0 < place.line <= len(lines) else None


def summary(diagnostics: Sequence[Diagnostic], *, files: int, resources: int) -> dict[str, int]:
    """Return the counts of the contract's `summary`."""
    counts = {level: sum(one.level is level for one in diagnostics) for level in Level}
    return {
        "files": files,
        "resources": resources,
        "errors": counts[Level.ERROR],
        "warnings": counts[Level.WARNING],
        "infos": counts[Level.INFO],
    }


def to_json(said: Diagnostic) -> dict[str, object]:
    """Return *said* as the contract has it; what is not known is left out."""
    fields = {
        **_place(said.place),
        "level": str(said.level),
        "code": said.code,
        "resource": said.resource,
        "path": render_path(said.path) or None,
        "message": said.message,
        "expected": said.expected,
        "hint": said.hint,
        "related": [_related(one) for one in said.related] or None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _place(place: Place | None) -> dict[str, object]:
    if place is None:
        return {}
    column = {"column": place.column} if place.column else {}
    return {"file": place.file, "line": place.line, **column}


def _related(related: Related) -> dict[str, object]:
    resource = {"resource": related.resource} if related.resource else {}
    return {**_place(related.place), **resource, "message": related.message}


def in_order(diagnostics: Iterable[Diagnostic], files: Iterable[str] = ()) -> list[Diagnostic]:
    """Return *diagnostics* by file, line and column.

    Args:
        diagnostics: in any order; those of one place keep theirs.
        files: the order of files; others come after them, as they were first named.
    """
    listed = list(diagnostics)
    order = dict.fromkeys([*files, *(one.place.file if one.place else "" for one in listed)])
    rank = {file: n for n, file in enumerate(order)}

    def position(said: Diagnostic) -> tuple[int, int, int]:
        place = said.place or Place("", 0, 0)
        return rank[place.file], place.line, place.column

    return sorted(listed, key=position)


def render(said: Diagnostic, sources: Sources) -> Iterator[Text]:
    """Yield the lines of one diagnostic.

    The first says where, how bad and what; then come the line itself with a mark below the column, and one line each
    for what was expected, what to do, which field it is, and other places:

        a.yaml:4:7: error[unknown-field]: unknown field "ur"
             4 |     - ur: {exact: /a}
               |       ^
               = expected one of headers, uri
               = hint: did you mean "uri"?
               = in VirtualService default/reviews, spec.http[0].match[0].ur
    """
    yield styled(_where(said), (f"{said.level}[{said.code}]", style_of(said.level)), f": {_printable(said.message)}")
    line = sources.line(said.place) if said.place and said.code not in WITHOUT_POSITION else None
    if line is not None and said.place is not None:
        yield from _excerpt(line, said.place)
    if said.expected and said.expected not in said.message:
        yield _note(f"expected {said.expected}")
    if said.hint:
        yield _note("hint: ", (_printable(said.hint), "bold"))
    if said.resource:
        field = f", {render_path(said.path)}" if said.path else ""
        yield _note((_printable(f"in {said.resource}{field}"), "dim"))
    for related in said.related:
        place = f"{related.place}: " if related.place else ""
        yield _note(f"see {place}{related.message}", f" ({related.resource})" if related.resource else "")


def _where(said: Diagnostic) -> str:
    if said.place is None:
        return ""
    return f"{said.place.file}: " if said.code in WITHOUT_POSITION else f"{said.place}: "


def _note(*parts: str | tuple[str, str]) -> Text:
    return styled((" " * _GUTTER + "= ", "dim"), *parts)


def _excerpt(line: str, place: Place) -> Iterator[Text]:
    """Yield *line* with its number, and a mark below the column. A long line is shown around the column only."""
    column = min(max(place.column - 1, 0), len(line))
    start = max(0, column - _MAX_SHOWN // 2) if len(line) > _MAX_SHOWN else 0
    shown = _printable(line[start : start + _MAX_SHOWN]).rstrip()
    before = _printable(line[start:column])
    yield styled((f"{place.line:>{_GUTTER - 1}} | ", "dim"), shown)
    yield styled((" " * _GUTTER + "| ", "dim"), " " * _width(before), ("^", "bold"))


def _printable(text: str) -> str:
    """Return *text* without what a terminal would obey: escape sequences, direction marks, line breaks."""
    return text if text.isascii() and text.isprintable() else "".join(c if c.isprintable() else " " for c in text)


def _width(text: str) -> int:
    """Return how many cells of a terminal *text* takes."""
    return len(text) if text.isascii() else cell_len(text)
