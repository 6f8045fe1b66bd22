"""YAML text → values that know their position, from the parser's events, counted before anything is built.

What differs from YAML 1.1, on purpose: only `true` and `false` are booleans (`on`, `off`, `yes`, `no` stay text), dates
stay text, and so do numbers that JSON would not write that way (`010`, `0x1F`, `1_000`, `.inf`). Merge keys (`<<`)
work as in `kubectl`. Nothing here knows what a document means.
"""

import math
import re
from typing import Any

import yaml
from attrs import Factory, define, evolve, frozen

from store.diagnostic import Diagnostic, Level, Place

MAX_DEPTH = 64
MAX_NODES = 500_000
MAX_ALIAS_NODES = 100_000

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLS = {word: word.lower() == "true" for word in ("true", "True", "TRUE", "false", "False", "FALSE")}
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)", re.ASCII)
_FLOAT = re.compile(r"[-+]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{1,9})?", re.ASCII)
_CORE = "tag:yaml.org,2002:"
_ELLIPSIS = re.compile(r"[ \t]+(\.\.\.|…)[ \t]*(#.*)?\r?")


@frozen
class Node:
    """A value and where it stands.

    Attributes:
        value: plain: dict, list, str, int, float, bool or None.
        line, column: from 1, of its first character.
        items: for a list, the nodes of its items; for a mapping, key → (node of the key, node of the value).
        size: how many nodes it is, with every alias written out.
        height: how deep it nests; 0 is a scalar.
    """

    value: Any
    line: int
    column: int
    items: Any = None
    size: int = 1
    height: int = 0


class Refusal(Exception):  # noqa: N818 - carries a diagnostic out of the parser
    """This text is no document of ours. Caught by `store/reader.py`, always.

    Attributes:
        said: why, with line and column of the file, without the file's name.
        lines: other lines of the text, from 0, that the parser named.
    """

    def __init__(self, said: Diagnostic, lines: frozenset[int] = frozenset()) -> None:
        super().__init__(said.message)
        self.said = said
        self.lines = lines


@define
class Budget:
    """What a whole file may still use: nodes it writes, and nodes that its aliases stand for."""

    nodes: int = MAX_NODES
    alias_nodes: int = MAX_ALIAS_NODES


def said_at(code: str, message: str, line: int, column: int = 1, *, hint: str | None = None) -> Diagnostic:
    """Return an error with a position in a file that the caller knows."""
    return Diagnostic(Level.ERROR, code, message, place=Place("", line, column), hint=hint)


def compose(text: str, first_line: int, budget: Budget) -> tuple[list[Node], list[Diagnostic]]:
    """Read the documents in *text*.

    Args:
        text: YAML.
        first_line: number of its first line in the file.
        budget: what the file may still use; is used up.

    Returns:
        The documents' roots, and a diagnostic for each ellipsis that stands where a value could.

    Raises:
        Refusal: it is not YAML, or YAML that no document needs, or over the budget. Nothing else.
    """
    builder = _Builder(text, first_line, budget)
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            builder.take(event)
    except yaml.YAMLError as wrong:
        raise _syntax(wrong, first_line, text) from wrong
    return builder.roots, builder.ellipses


@define
class _Frame:
    """A list or mapping that is not closed yet."""

    line: int
    column: int
    anchor: str | None
    items: Any
    key: Node | None = None
    merged: list[Node] = Factory(list)
    size: int = 1
    height: int = 0


class _Builder:
    def __init__(self, text: str, first_line: int, budget: Budget) -> None:
        self.roots: list[Node] = []
        self.ellipses: list[Diagnostic] = []
        self._text = text
        self._lines: list[str] = []  # made when an ellipsis may be among them
        self._first_line = first_line
        self._budget = budget
        self._stack: list[_Frame] = []
        self._anchors: dict[str, Node | None] = {}  # None: still open

    def take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._spend(event)
            self._add(self._scalar(event), event.anchor, plain=event.implicit[0])
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._spend(event)
            self._open(event)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            frame = self._stack.pop()
            self._add(self._close(frame), frame.anchor)
        elif isinstance(event, yaml.AliasEvent):
            self._add(self._alias(event), None)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._anchors = {}

    def _refuse(self, code: str, message: str, event: Any, hint: str | None = None) -> Refusal:
        return Refusal(said_at(code, message, *self._position(event), hint=hint))

    def _position(self, event: Any) -> tuple[int, int]:
        if isinstance(event, Node):
            return event.line, event.column
        return event.start_mark.line + self._first_line, event.start_mark.column + 1

    def _spend(self, event: Any) -> None:
        self._budget.nodes -= 1
        if self._budget.nodes < 0:
            raise self._refuse("too-large", f"the file holds more than {MAX_NODES} values", event, "split it")

    def _open(self, event: Any) -> None:
        mapping = isinstance(event, yaml.MappingStartEvent)
        if event.tag not in (None, "!", _CORE + ("map" if mapping else "seq")):
            raise self._refuse("tag", f"the tag {_shown(event.tag)} has no meaning here", event)
        if len(self._stack) >= MAX_DEPTH:
            raise self._refuse("too-deep", f"nested deeper than {MAX_DEPTH}", event)
        if event.anchor:
            self._anchors[event.anchor] = None
        self._stack.append(_Frame(*self._position(event), event.anchor, {} if mapping else []))

    def _alias(self, event: Any) -> Node:
        node = self._anchors.get(event.anchor)
        if node is None:
            inside = event.anchor in self._anchors
            message = (
                "an alias stands inside what it means" if inside else f"no anchor &{event.anchor} before this alias"
            )
            raise self._refuse("alias", message, event)
        self._budget.alias_nodes -= node.size
        if self._budget.alias_nodes < 0:
            raise self._refuse("too-large", f"aliases stand for more than {MAX_ALIAS_NODES} values", event)
        if len(self._stack) + node.height > MAX_DEPTH:
            raise self._refuse("too-deep", f"nested deeper than {MAX_DEPTH}", event)
        line, column = self._position(event)
        return evolve(node, line=line, column=column)

    def _scalar(self, event: Any) -> Node:
        line, column = self._position(event)
        text: str = event.value
        if event.implicit[0]:
            self._note_ellipsis(event, text)
            return Node(resolve(text), line, column)
        if event.tag in (None, "!", _CORE + "str"):
            return Node(text, line, column)
        kind = event.tag.removeprefix(_CORE)
        value = resolve(text)
        types: dict[str, tuple[type, ...]] = {
            "int": (int,),
            "float": (int, float),
            "bool": (bool,),
            "null": (type(None),),
        }
        if kind not in types:
            raise self._refuse("tag", f"the tag {_shown(event.tag)} has no meaning here", event)
        if not isinstance(value, types[kind]) or (isinstance(value, bool) and kind != "bool"):
            raise self._refuse("tag", f"this is not what its tag !!{kind} says", event)
        return Node(value, line, column)

    def _note_ellipsis(self, event: Any, text: str) -> None:
        if text in ("...", "…"):
            self.ellipses.append(ellipsis_at(*self._position(event)))
        elif event.end_mark.line > event.start_mark.line and ("..." in text or "…" in text):
            self._lines = self._lines or self._text.split("\n")
            for number, line in enumerate(self._lines[event.start_mark.line + 1 : event.end_mark.line + 1]):
                if is_ellipsis(line):
                    at = self._first_line + event.start_mark.line + 1 + number
                    self.ellipses.append(ellipsis_at(at, first_column(line)))

    def _close(self, frame: _Frame) -> Node:
        if isinstance(frame.items, list):
            value: Any = [item.value for item in frame.items]
        else:
            for other in frame.merged:
                for key, pair in other.items.items():
                    frame.items.setdefault(key, pair)
            value = {key: item.value for key, (_, item) in frame.items.items()}
        return Node(value, frame.line, frame.column, frame.items, frame.size, frame.height + 1)

    def _add(self, node: Node, anchor: str | None, *, plain: bool = False) -> None:
        if anchor:
            self._anchors[anchor] = node
        if not self._stack:
            self.roots.append(node)
            return
        frame = self._stack[-1]
        frame.size += node.size
        frame.height = max(frame.height, node.height)
        if isinstance(frame.items, list):
            frame.items.append(node)
        elif frame.key is None:
            frame.key = self._key(frame, node, plain=plain)
        else:
            key, frame.key = frame.key, None
            if key.value is _MERGE:
                frame.merged += self._merged(node)
            else:
                frame.items[key.value] = (key, node)

    def _key(self, frame: _Frame, node: Node, *, plain: bool) -> Node:
        if plain and node.value == "<<":
            return evolve(node, value=_MERGE)
        if plain and type(node.value) is int:  # JSON has only strings there, and `kubectl` makes one of it
            node = evolve(node, value=str(node.value))
        if not isinstance(node.value, str):
            raise self._refuse("key", "a key that is not a string", node, "put it in quotes")
        earlier = frame.items.get(node.value)
        if earlier is not None:
            message = f"the key {_shown(node.value)} is here twice; the first is on line {earlier[0].line}"
            raise self._refuse("duplicate-key", message, node)
        return node

    def _merged(self, node: Node) -> list[Node]:
        nodes = node.items if isinstance(node.items, list) else [node]
        if not all(isinstance(one.items, dict) for one in nodes):
            raise self._refuse("merge", '"<<" takes a mapping, or a list of mappings', node)
        return list(nodes)


_MERGE = object()


def resolve(text: str) -> str | int | float | bool | None:
    """Return what a plain scalar means, by the rules at the top of this file."""
    if text in _NULLS:
        return None
    if text in _BOOLS:
        return _BOOLS[text]
    if text[0] not in "+-.0123456789":
        return text
    if _INTEGER.fullmatch(text) and len(text) <= 21:
        number = int(text)
        if -(2**63) <= number < 2**64:
            return number
    if len(text) < 400 and _FLOAT.fullmatch(text) and math.isfinite(float(text)):
        return float(text)
    return text


def is_ellipsis(line: str) -> bool:
    """Say whether *line* holds nothing but an indented ellipsis."""
    return _ELLIPSIS.fullmatch(line) is not None


def ellipsis_at(line: int, column: int) -> Diagnostic:
    """Return the diagnostic for an ellipsis."""
    message = "an ellipsis stands for something that was left out; it has to be filled in"
    return said_at("ellipsis", message, line, column, hint="write what belongs here, or remove the line")


def first_column(line: str) -> int:
    """Return the column of the first character of *line* that is no blank."""
    return len(line) - len(line.lstrip()) + 1


def _shown(text: str) -> str:
    return f'"{text if len(text) <= 60 else text[:59] + "…"}"'


# --- syntax errors ------------------------------------------------------------------------------------------

_PLAIN_WORDS = (
    ("could not find expected ':'", "a key without a colon, or text at the indentation of a key"),
    (
        "mapping values are not allowed",
        "a colon where no key can be: wrong indentation, or a value that needs quotes",
    ),
    (
        "did not find expected key",
        "wrong indentation: here is neither a key of the mapping above nor its end",
    ),
    (
        "did not find expected '-' indicator",
        "wrong indentation: here is neither a list item nor the end of the list",
    ),
    (
        "block sequence entries are not allowed",
        "a list item where none can be: it belongs on a line of its own",
    ),
    ("did not find expected ',' or ']'", "a list in brackets without comma or closing bracket"),
    ("did not find expected ',' or '}'", "a mapping in braces without comma or closing brace"),
    ("unexpected end of stream", "a quotation mark is never closed"),
    ("unexpected document indicator", "a quotation mark is never closed"),
    ("cannot start any token", "a character that cannot start a value: put the value in quotes"),
    (
        "unknown escape character",
        "an unknown escape in double quotes: write two backslashes, or use single quotes",
    ),
)
"""What libyaml says → what it means to who wrote the file."""


_TAB = "a tab as indentation: YAML wants spaces"
_INDENTED_BY_TAB = re.compile(r"( *\t)[ \t]*")
_IN_TEXT_OR_BRACKETS = ("unexpected end", "unexpected document", "',' or", "escape character")
"""What libyaml says of places where a tab is no indentation."""


def _syntax(wrong: yaml.YAMLError, first_line: int, text: str) -> Refusal:
    problem = str(getattr(wrong, "problem", None) or wrong)
    context = getattr(wrong, "context_mark", None)
    mark = getattr(wrong, "problem_mark", None) or context
    said = next((words for part, words in _PLAIN_WORDS if part in problem), f"this is not YAML: {problem}")
    if "never closed" in said and context is not None:
        mark = context
    lines = frozenset(one.line for one in (mark, context, getattr(wrong, "problem_mark", None)) if one is not None)
    line, column = (mark.line, mark.column + 1) if mark is not None else (0, 1)
    tab = _tab_before(text, line, column)
    if "cannot start any token" in problem and column != tab:  # the tab before it was taken as a blank
        tab = None
    if tab is not None and not any(part in problem for part in _IN_TEXT_OR_BRACKETS):
        said, column = _TAB, tab
    elif "tab character" in problem:
        said = _TAB
    return Refusal(said_at("syntax", said, line + first_line, column), lines)


def _tab_before(text: str, line: int, column: int) -> int | None:
    """Return the column of a tab that indents what stands on *line* (from 0) at *column*, or None."""
    lines = text.split("\n")
    found = _INDENTED_BY_TAB.match(lines[line]) if line < len(lines) else None
    return found.end(1) if found and found.end(1) <= column <= found.end() + 1 else None
