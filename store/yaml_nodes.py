"""YAML text → values that know their position, from the parser's events, counted before anything is built.

A plain scalar means what it means to `kubectl` and Istio (sigs.k8s.io/yaml, that is YAML 1.1 as go-yaml 2 reads it):
`yes`, `no`, `on` and `off` are booleans, `010` is eight, `0x1F` and `1_000` are numbers; dates are text. So a file is
taken or refused here as it is there, and who meant text learns to put it in quotes. Only `y` and `n`, booleans there,
are text: nobody means anything else by them. Merge keys (`<<`) work as there. Nothing here knows what a document means.
"""

import math
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import yaml
from attrs import Factory, define, evolve, frozen

from store.diagnostic import Diagnostic
from store.yaml_errors import Refusal, ellipsis_at, first_column, is_ellipsis, said_at, syntax_error
from store.yaml_slips import RENDER

MAX_DEPTH = 64
MAX_NODES = 500_000
MAX_ALIAS_NODES = 100_000
MAX_DIGITS = 400
"""Longer numbers are text: no type of ours holds one."""

_WORDS: Mapping[str, bool | float | None] = MappingProxyType(
    dict.fromkeys(("", "~", "null", "Null", "NULL"), None)
    | {form: True for word in ("true", "yes", "on") for form in (word, word.capitalize(), word.upper())}
    | {form: False for word in ("false", "no", "off") for form in (word, word.capitalize(), word.upper())}
    | {sign + form: float(sign + "inf") for sign in ("", "+", "-") for form in (".inf", ".Inf", ".INF")}
    | dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan)
)
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)", re.ASCII)
_OTHER_BASE = re.compile(r"[-+]?0([xX][0-9a-fA-F]+|[bB][01]+|[oO]?[0-7]+)", re.ASCII)
_FLOAT = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{1,9})?", re.ASCII)
_CORE = "tag:yaml.org,2002:"


@frozen
class Node:
    """A value and where it stands.

    Attributes:
        value: plain: dict, list, str, int, float, bool or None.
        line, column: from 1, of its first character.
        items: for a list, the nodes of its items; for a mapping, key → (node of the key, node of the value).
        size: how many nodes it is, with every alias written out.
        height: how deep it nests; 0 is a scalar.
        text: of a plain scalar that is no text, how it is written.
    """

    value: Any
    line: int
    column: int
    items: Any = None
    size: int = 1
    height: int = 0
    text: str | None = None


@define
class Budget:
    """What a whole file may still use: nodes it writes, and nodes that its aliases stand for."""

    nodes: int = MAX_NODES
    alias_nodes: int = MAX_ALIAS_NODES


@frozen
class Composed:
    """What is in a text.

    Attributes:
        roots: of its documents.
        ellipses: a diagnostic for each ellipsis that stands where a value could.
    """

    roots: tuple[Node, ...]
    ellipses: tuple[Diagnostic, ...]


def compose(text: str, first_line: int, budget: Budget) -> Composed:
    """Read the documents in *text*.

    Args:
        text: YAML.
        first_line: number of its first line in the file.
        budget: what the file may still use; is used up.

    Raises:
        Refusal: it is not YAML, or YAML that no document needs, or over the budget. Nothing else.
    """
    builder = _Builder(text, first_line, budget)
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            builder.take(event)
    except yaml.YAMLError as wrong:
        raise syntax_error(wrong, first_line, text) from wrong
    return Composed(tuple(builder.roots), tuple(builder.ellipses))


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
        elif isinstance(event, yaml.CollectionStartEvent):
            self._spend(event)
            self._open(event)
        elif isinstance(event, yaml.CollectionEndEvent):
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
            raise self._refuse("alias", message, event, f'if it is text, write "*{event.anchor}"')
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
            meant = resolve(text)
            return Node(meant, line, column, text=None if isinstance(meant, str) else text)
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
            if not node.text:
                raise self._refuse("key", "a key that is not text", node, self._advice(node))
            raise self._refuse("key", f"without quotes, {node.text} is not text", node, f'write "{node.text}"')
        earlier = frame.items.get(node.value)
        if earlier is not None:
            message = f"the key {_shown(node.value)} is here twice; the first is on line {earlier[0].line}"
            begins = len(self._stack) == 1 and node.value in ("apiVersion", "kind")
            hint = "if another document begins here, a line with --- has to stand before it" if begins else None
            raise self._refuse("duplicate-key", message, node, hint)
        return node

    def _advice(self, node: Node) -> str | None:
        """Return what to do about a mapping that stands where a key is wanted; None for anything else there."""
        if not isinstance(node.value, dict):
            return None
        line = self._text.split("\n")[node.line - self._first_line]
        return RENDER if "{{" in line[: node.column] else "a brace before it may be missing, or one too many"

    def _merged(self, node: Node) -> list[Node]:
        nodes = node.items if isinstance(node.items, list) else [node]
        if not all(isinstance(one.items, dict) for one in nodes):
            raise self._refuse("merge", '"<<" takes a mapping, or a list of mappings', node)
        return list(nodes)


_MERGE = object()


def resolve(text: str) -> str | int | float | bool | None:
    """Return what a plain scalar means, by the rules at the top of this file."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789":
        return text
    digits = text.replace("_", "") if text[0] != "." else text
    number = _number(digits) if len(digits) < MAX_DIGITS else None
    return text if number is None else number


def reads_as_text(text: str) -> bool:
    """Say whether *text*, written without quotes, is read back as itself: no number or word, and no ellipsis."""
    return resolve(text) == text and text != "…"


def _number(digits: str) -> int | float | None:
    if _INTEGER.fullmatch(digits):
        whole = int(digits)
    elif _OTHER_BASE.fullmatch(digits):
        sign, rest = (digits[0], digits[1:]) if digits[0] in "+-" else ("", digits)
        whole = int(sign + rest, 0) if rest[1].isalpha() else int(sign + rest, 8)
    else:
        real = float(digits) if _FLOAT.fullmatch(digits) else math.inf
        return real if math.isfinite(real) else None
    return whole if -(2**63) <= whole < 2**64 else _as_float(whole)


def _as_float(whole: int) -> float | None:
    try:
        return float(whole)
    except OverflowError:
        return None


def _shown(text: str) -> str:
    return f'"{text if len(text) <= 60 else text[:59] + "…"}"'
