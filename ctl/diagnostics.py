"""Diagnostics as text for people and as JSON for programs. What is said is decided where the rules are (`store/`)."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from rich.text import Text

from ctl.output import style_of, styled
from store.diagnostic import Diagnostic, Level, Place, Related, render_path

WITHOUT_POSITION = frozenset({"unreadable", "no-resources"})
"""Codes that speak of a whole file: no line is shown with them."""

_MAX_SHOWN = 140
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
    return {"file": place.file, "line": place.line, "column": place.column} if place else {}


def _related(related: Related) -> dict[str, object]:
    resource = {"resource": related.resource} if related.resource else {}
    return {**_place(related.place), **resource, "message": related.message}


def in_order(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Return *diagnostics* by file, line and column; files in the order in which they were first named."""
    listed = list(diagnostics)
    files = {file: n for n, file in reversed([*enumerate(one.place.file if one.place else "" for one in listed)])}

    def position(said: Diagnostic) -> tuple[int, int, int]:
        place = said.place or Place("", 0, 0)
        return files[place.file], place.line, place.column

    return sorted(listed, key=position)


def render(said: Diagnostic, sources: Sources) -> Iterator[Text]:
    """Yield the lines of one diagnostic: what and where, the line itself with a mark, the field, related places."""
    expected = f" (expected {said.expected})" if said.expected and said.expected not in said.message else ""
    hint = f"; {said.hint}" if said.hint else ""
    level = (str(said.level), style_of(said.level))
    yield styled(_where(said), level, f": {said.message}{expected}{hint} ", (f"[{said.code}]", "dim"))
    line = sources.line(said.place) if said.place and said.code not in WITHOUT_POSITION else None
    if line is not None and said.place is not None:
        yield from _excerpt(line, said.place)
    if said.resource:
        field = f", {render_path(said.path)}" if said.path else ""
        yield styled("    in ", (f"{said.resource}{field}", "dim"))
    for related in said.related:
        place = f"{related.place}: " if related.place else ""
        yield styled(f"    see {place}{related.message}", f" ({related.resource})" if related.resource else "")


def _where(said: Diagnostic) -> str:
    if said.place is None:
        return ""
    return f"{said.place.file}: " if said.code in WITHOUT_POSITION else f"{said.place}: "


def _excerpt(line: str, place: Place) -> Iterator[Text]:
    """Yield *line* with its number, and a mark below the column. A long line is shown around the column only."""
    column = min(place.column - 1, len(line))
    start = max(0, column - _MAX_SHOWN // 2) if len(line) > _MAX_SHOWN else 0
    shown = "".join(c if c.isprintable() else " " for c in line[start : start + _MAX_SHOWN])
    gutter = f"{place.line:>6} | "
    yield styled((gutter, "dim"), shown)
    yield styled((" " * (len(gutter) - 2) + "| ", "dim"), " " * (column - start), ("^", "bold"))
