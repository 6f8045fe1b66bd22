"""How answers are printed: tables, JSON, YAML, colour. stdout is data, stderr is talk.

Colour and progress are for terminals; in a pipe everything is plain text. What a verdict or a diagnostic says is not
decided here.
"""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click
from rich.console import Console
from rich.text import Text

_STYLES: Mapping[str, str] = {
    "created": "green", "configured": "yellow", "deleted": "magenta", "unchanged": "dim",
    "active": "green", "live": "green", "unaffected": "dim", "gone": "dim",
    "warming": "yellow", "offline": "yellow", "stale": "yellow", "timeout": "red", "rejected": "red", "unread": "red",
    "held": "red",
    "error": "bold red", "warning": "bold yellow", "info": "bold blue",
}  # fmt: skip
"""Words that have a colour, wherever they stand alone."""


def style_of(word: str) -> str:
    """Return the style of a verdict, result or level; none for any other word."""
    return _STYLES.get(word, "")


def styled(*parts: str | tuple[str, str]) -> Text:
    """Return a line of plain parts and (text, style) parts."""
    return Text.assemble(*parts)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[Text]:
    """Return the lines of a table: columns as wide as their widest cell, nothing cut off, no blanks at the end."""
    body = [list(map(_one_line, row)) for row in rows]
    widths = [max(len(row[i]) for row in (header, *body)) for i in range(len(header))]
    return [_row(header, widths, heading=True), *(_row(row, widths) for row in body)]


def _row(cells: Sequence[str], widths: Sequence[int], *, heading: bool = False) -> Text:
    line = Text()
    for cell, width in zip(cells, widths, strict=True):
        line.append(cell, "bold" if heading else style_of(cell.partition(" ")[0]))
        line.append(" " * (width - len(cell) + 3))
    line.rstrip()
    return line


def _one_line(cell: str) -> str:
    return " ".join(cell.split())


def show(lines: Iterable[Text | str]) -> None:
    """Print *lines* to stdout."""
    _print(lines, stderr=False)


def talk(lines: Iterable[Text | str]) -> None:
    """Print *lines* to stderr."""
    _print(lines, stderr=True)


def _print(lines: Iterable[Text | str], *, stderr: bool) -> None:
    console = terminal(stderr=stderr)
    for line in lines:
        if console.is_terminal:
            console.print(line, soft_wrap=True)
        else:
            click.echo(line.plain if isinstance(line, Text) else line, err=stderr)


def terminal(*, stderr: bool) -> Console:
    """Return the console of one stream. It knows whether it is a terminal; with NO_COLOR it takes none for one.

    Who sets NO_COLOR wants no escapes at all, and rich would leave bold and dim in (https://no-color.org).
    """
    forced = False if os.environ.get("NO_COLOR") else None
    return Console(stderr=stderr, highlight=False, markup=False, emoji=False, force_terminal=forced)


def print_object(value: object, output: str) -> None:
    """Print *value*, plain data, to stdout as JSON or YAML.

    Args:
        output: `json` or `yaml`.
    """
    click.echo(render_yaml(value) if output == "yaml" else json.dumps(value, indent=2, ensure_ascii=False))


def render_yaml(value: Any) -> str:
    """Return *value* as YAML that reads back as the same value, keys in their order, without a newline at its end."""
    import yaml

    from store.yaml_nodes import reads_as_text

    class Dumper(yaml.SafeDumper):
        """Quotes what our reader would take for something else though YAML 1.1 does not: `1e5`, an ellipsis."""

        def represent_text(self, text: str) -> yaml.ScalarNode:
            node: yaml.ScalarNode = self.represent_str(text)
            if not reads_as_text(text):
                node.style = "'"
            if "\x85" in text:  # a line break to YAML 1.1, which other quotes fold
                node.style = '"'
            return node

    Dumper.add_representer(str, Dumper.represent_text)
    text: str = yaml.dump(value, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=100)
    return text.removesuffix("\n").removesuffix("\n...").rstrip("\n")


def plural(count: int, word: str) -> str:
    """Return how many of *word* there are: `1 file`, `2 files`."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def ago(seconds: float) -> str:
    """Return how long ago something was, in its two largest units at most: `3m`, `2h5m`, `4d`."""
    whole = max(0, int(seconds))
    days, hours, minutes = whole // 86400, whole // 3600 % 24, whole // 60 % 60
    if days:
        return f"{days}d{hours}h" if hours and days < 10 else f"{days}d"
    if hours:
        return f"{hours}h{minutes}m" if minutes else f"{hours}h"
    return f"{minutes}m" if minutes else f"{whole}s"
