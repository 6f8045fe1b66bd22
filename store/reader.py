"""Bytes of a file → plain documents that still know on which line everything stands.

How YAML is read is `store/yaml_nodes.py`. Of kinds only their field names are known here, to find where a field stands
that is written as it was once, and that a `List` holds documents. Nothing here ever raises, whatever the bytes are.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from attrs import Factory, define, evolve, field, frozen

from store.diagnostic import Diagnostic, FieldPath, Place
from store.plan import snake_case
from store.resources.kinds import flattened_names, old_spellings
from store.scalars import QUOTE, describe
from store.yaml_errors import Refusal, ellipsis_at, first_column, is_ellipsis, said_at
from store.yaml_nodes import Budget, Node, compose
from store.yaml_values import plain_values

MAX_FILE_BYTES = 4 * 1024 * 1024
MAX_DOCUMENTS = 20_000
MAX_UNREADABLE = 100
"""So many documents of one file are told to be unreadable, and so many ellipses; more of them say nothing new."""

MAX_ELLIPSES = 10
"""So many ellipses of one document are named; each costs another look at the document."""

_AT_THE_KEY = frozenset({"unknown-field", "not-supported", "missing-field", "old-spelling", "conflict"})
"""Diagnostics about a field as such; all others are about its value."""


class Positions:
    """Where the values of a text stand; found out when somebody asks, since of most documents nobody does."""

    __slots__ = ("_first_line", "_roots", "_text")

    def __init__(self, text: str = "", first_line: int = 1, roots: Sequence[Node] | None = None) -> None:
        """Args:
        text: YAML that was read without a complaint.
        first_line: number of its first line in the file.
        roots: of its documents, when they are known already.
        """
        self._text, self._first_line, self._roots = text, first_line, roots

    @property
    def roots(self) -> Sequence[Node]:
        """The nodes of the text's documents."""
        if self._roots is None:
            self._roots = compose(self._text, self._first_line, Budget()).roots
        return self._roots


@frozen
class Document:
    """One document of a file.

    Attributes:
        value: plain values, as `store.codec.decode` takes them.
        file: as it was given.
        line: the line its first value is on.
        positions: of the text it is in.
        index: which document of that text it is.
    """

    value: object
    file: str
    line: int
    positions: Positions = field(repr=False, eq=False)
    index: int = field(default=0, repr=False, eq=False)

    @property
    def root(self) -> Node:
        """The same with positions."""
        return self.positions.roots[self.index]

    def place(self, path: FieldPath, *, key: bool = False) -> Place:
        """Return where *path* stands, or its nearest ancestor that is in the document.

        Args:
            path: from the document's root, in today's spelling; snake_case and spellings of 2018 are found too.
            key: whether the field's name is meant, not its value.
        """
        node = self._node(path, key=key)
        return Place(self.file, node.line, node.column)

    def _node(self, path: FieldPath, *, key: bool) -> Node:
        node = name = self.root
        for step in path:
            found = _step(node, step)
            if found is None:
                break
            name, node = found
        return name if key else node

    def locate(self, diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
        """Return *diagnostics* with `place` and `resource` filled in where they are None."""
        resource = _resource(self.value)
        return tuple(self._located(said, resource) for said in diagnostics)

    def _located(self, said: Diagnostic, resource: str | None) -> Diagnostic:
        node = self._node(said.path, key=said.code in _AT_THE_KEY)
        return evolve(
            said,
            place=said.place or Place(self.file, node.line, node.column),
            resource=said.resource or resource,
            hint=_quoted(node) if said.hint == QUOTE and node.text is not None else said.hint,
        )


def _quoted(node: Node) -> str:
    """Return the advice to write a value as text, by how it is written: `no`, `1.10`, `010`."""
    meant = describe(node.value)
    means = "" if node.text == meant else f"{node.text} without quotes is {meant}; "
    return f'{means}write "{node.text}"'


def _step(node: Node, step: str | int) -> tuple[Node, Node] | None:
    if isinstance(step, int):
        inside = isinstance(node.items, list) and 0 <= step < len(node.items)
        return (node.items[step], node.items[step]) if inside else None
    if not isinstance(node.items, dict):
        return None
    number = (int(step),) if step.isdecimal() and len(step) <= 10 else ()  # YAML may write it plain as a key
    for spelling in (step, snake_case(step), *old_spellings().get(step, ()), *number):
        if spelling in node.items:
            found: tuple[Node, Node] = node.items[spelling]
            return found
    inner = (node.items[name][1] for name in flattened_names() if name in node.items)
    deeper = (_step(each, step) for each in inner if isinstance(each.items, dict))
    return next((found for found in deeper if found), None)


def _resource(value: object) -> str | None:
    """Return `Kind namespace/name` of a document, or None when kind or name are not there."""
    if not isinstance(value, Mapping) or not isinstance(value.get("metadata"), Mapping):
        return None
    kind, name, namespace = (
        value.get("kind"),
        value["metadata"].get("name"),
        value["metadata"].get("namespace"),
    )
    if not isinstance(kind, str) or not isinstance(name, str):
        return None
    return f"{kind} {namespace if isinstance(namespace, str) else 'default'}/{name}"


@frozen
class Reading:
    """What is in a file.

    Attributes:
        documents: in order, items of a `List` as documents of their own; those that could not be read are missing.
        diagnostics: why they are missing, with place; all are errors.
    """

    documents: tuple[Document, ...]
    diagnostics: tuple[Diagnostic, ...]


def read(text: bytes, file: str) -> Reading:
    """Read all documents of a file, YAML or JSON.

    Args:
        text: the file's bytes, UTF-8, up to MAX_FILE_BYTES.
        file: its name, for positions.

    Returns:
        The documents that could be read and what was wrong with the others. Never raises, whatever *text* is.
    """
    reading = _FileReading(file)
    try:
        for first_line, chunk in _chunks(_joined_surrogates(_decode(text))):
            reading.take(chunk, first_line)
    except Refusal as refusal:
        reading.diagnostics.append(refusal.said)
    return Reading(tuple(reading.documents), tuple(_in_file(said, file) for said in reading.diagnostics))


@define
class _FileReading:
    """What is known of a file while it is read."""

    file: str
    documents: list[Document] = Factory(list)
    diagnostics: list[Diagnostic] = Factory(list)
    budget: Budget = Factory(Budget)

    def take(self, chunk: str, first_line: int) -> None:
        """Read *chunk*, whose first line is number *first_line* of the file.

        Raises:
            Refusal: enough was read.
        """
        plain = plain_values(chunk, self.budget)
        if plain is None:
            self._take_unusual(chunk, first_line)
        else:
            positions = Positions(chunk, first_line)
            for i, each in enumerate(plain):
                if _is_list(each.value):
                    self.documents += _flatten(positions.roots[i], self.file, self.diagnostics)
                elif each.value is not None:
                    self.documents.append(Document(each.value, self.file, first_line + each.line, positions, i))
        if len(self.documents) > MAX_DOCUMENTS:
            del self.documents[MAX_DOCUMENTS:]
            message = f"the file holds more than {MAX_DOCUMENTS} documents"
            raise Refusal(said_at("too-large", message, first_line, hint="split it into several files"))

    def _take_unusual(self, chunk: str, first_line: int) -> None:
        roots, said = _read_chunk(chunk, first_line, self.budget)
        self.diagnostics += said
        for root in roots:
            self.documents += _flatten(root, self.file, self.diagnostics)
        if any(one.code == "too-large" for one in said):
            raise Refusal(self.diagnostics.pop())
        if len(self.diagnostics) > MAX_UNREADABLE:
            message = f"more than {MAX_UNREADABLE} documents cannot be read; what follows was not looked at"
            raise Refusal(said_at("too-large", message, first_line))


def _in_file(said: Diagnostic, file: str) -> Diagnostic:
    return evolve(said, place=evolve(said.place, file=file)) if said.place else said


# --- text ---------------------------------------------------------------------------------------------------

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_MARKER = re.compile(r"^(?:---|\.\.\.)(?=[ \t\r\n]|\Z)", re.MULTILINE)
_SURROGATES = re.compile(r"(?<!\\)((?:\\\\)*)\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})", re.IGNORECASE)
_BREAKS = ("\n", "\x85", "\u2028", "\u2029")
"""What libyaml ends a line at."""

_VERSION = re.compile(r"^%YAML[^\n]*", re.MULTILINE)


def _decode(text: bytes) -> str:
    if len(text) > MAX_FILE_BYTES:
        message = f"the file has more than {MAX_FILE_BYTES} bytes"
        raise Refusal(said_at("too-large", message, 1, hint="split it into several files"))
    wide = _wide_encoding(text)
    if wide:
        raise Refusal(said_at("syntax", f"the file is {wide}", 1, hint="save it as UTF-8"))
    try:
        decoded = text.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as wrong:
        line, column = _end_of(text[: wrong.start].decode())
        message = f"the byte 0x{text[wrong.start]:02x} is not UTF-8"
        hint = "save the file as UTF-8; it may be Latin-1 or Windows-1252"
        raise Refusal(said_at("syntax", message, line, column, hint=hint)) from wrong
    found = _UNPRINTABLE.search(decoded)
    if found:
        line, column = _end_of(decoded[: found.start()])
        advice = "a byte order mark in the middle of a file: remove it" if found.group() == "\ufeff" else None
        message = f"the character U+{ord(found.group()):04X} is not allowed in YAML"
        raise Refusal(said_at("syntax", message, line, column, hint=advice))
    return _with_line_feeds(decoded)


def _with_line_feeds(text: str) -> str:
    """Return *text* with the line ends of Windows and of old Macs as `\\n`: YAML reads all as that, and lines stay."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _wide_encoding(text: bytes) -> str | None:
    """Return the name of the encoding that writes characters in several bytes, by its mark or its many zeros."""
    if text.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):
        return "UTF-32"
    head = text[:64]
    zeros = max(head[::2].count(0), head[1::2].count(0)) if len(head) > 3 else 0
    return "UTF-16" if text.startswith((b"\xff\xfe", b"\xfe\xff")) or zeros * 3 > len(head) else None


def _joined_surrogates(text: str) -> str:
    """Return *text* with JSON's surrogate pairs written as YAML writes them, when it is JSON: libyaml takes none."""
    if text.lstrip()[:1] not in ("{", "[") or "\\u" not in text:
        return text
    return _SURROGATES.sub(lambda pair: f"{pair[1]}\\U{_code_point(int(pair[2], 16), int(pair[3], 16)):08x}", text)


def _code_point(high: int, low: int) -> int:
    return 0x10000 + ((high - 0xD800) << 10) + low - 0xDC00


def _end_of(text: str) -> tuple[int, int]:
    """Return line and column of what follows *text*."""
    plain = _with_line_feeds(text)
    return _breaks_in(plain) + 1, len(plain) - max(plain.rfind(end) for end in _BREAKS)


def _breaks_in(text: str) -> int:
    return text.count("\n") if text.isascii() else sum(text.count(end) for end in _BREAKS)


def _chunks(text: str) -> Iterator[tuple[int, str]]:
    """Yield (number of its first line, text) of each document.

    A line that starts with `---` or `...` ends a document wherever it stands (YAML 1.2, 9.1.2), so that a mistake in
    one document leaves the others readable.
    """
    text = _VERSION.sub("", text)
    line, start = 1, 0
    for marker in [*(found.start() for found in _MARKER.finditer(text)), len(text)]:
        chunk = text[start:marker]
        if chunk:
            yield line, "   " + chunk[3:] if chunk.startswith("...") else chunk
        line += _breaks_in(chunk)
        start = marker


# --- one document -------------------------------------------------------------------------------------------


def _read_chunk(chunk: str, first_line: int, budget: Budget) -> tuple[Sequence[Node], Sequence[Diagnostic]]:
    """Return the roots in *chunk* (one, or none when it is empty or wrong) and what is wrong with it.

    An ellipsis that makes the text unreadable is noted, made a comment, and the text is read again: each is found.
    """
    ellipses: list[Diagnostic] = []
    last: Diagnostic | None = None
    while True:
        try:
            found = compose(chunk, first_line, budget)
        except Refusal as refusal:
            blamed = _blamed(chunk, refusal) if len(ellipses) < MAX_ELLIPSES else None
            if refusal.said == last:  # the comment changed nothing: the ellipsis was text and not in the way
                return (), [*ellipses[:-1], refusal.said]
            if blamed is None:
                return (), ellipses or [refusal.said]
            last = refusal.said
            lines = chunk.split("\n")
            ellipses.append(ellipsis_at(first_line + blamed, first_column(lines[blamed])))
            lines[blamed] = "#"
            chunk = "\n".join(lines)
        else:
            if not ellipses and not found.ellipses:
                return found.roots, ()
            ellipses += found.ellipses
            return (), sorted(ellipses, key=lambda said: said.place.line if said.place else 0)[:MAX_UNREADABLE]


def _blamed(chunk: str, refusal: Refusal) -> int | None:
    """Return the line of *chunk* that holds an ellipsis and was in the parser's way, or None."""
    if refusal.said.code != "syntax" or ("..." not in chunk and "…" not in chunk):
        return None
    lines = chunk.split("\n")
    for named in sorted(refusal.lines):
        if named < len(lines) and is_ellipsis(lines[named]):
            return named
        before = next((i for i in range(min(named, len(lines)) - 1, -1, -1) if lines[i].strip()), None)
        if before is not None and is_ellipsis(lines[before]):
            return before
    return None


def _flatten(root: Node, file: str, diagnostics: list[Diagnostic]) -> Iterator[Document]:
    """Yield the documents of *root*: itself, or the items of a `List` (`VirtualServiceList` …); nothing when empty."""
    if root.value is None:
        return
    if not _is_list(root.value):
        yield Document(root.value, file, root.line, Positions(roots=[root]))
        return
    _, items = root.items.get("items", (root, root))
    if isinstance(items.items, list):
        for item in items.items:
            yield from _flatten(item, file, diagnostics)
    elif "items" in root.items and items.value is not None:
        kind = root.value["kind"]
        diagnostics.append(said_at("wrong-type", f"the items of a {kind} are a list", items.line, items.column))


def _is_list(value: object) -> bool:
    """Say whether *value* is a `List`. `kind: AllowList` with a spec is a kind of somebody, not a list of `Allow`."""
    kind = value.get("kind") if isinstance(value, dict) else None
    return isinstance(kind, str) and (kind == "List" or (kind.endswith("List") and "items" in value))  # type: ignore[operator]
