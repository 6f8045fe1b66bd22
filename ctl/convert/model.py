"""What conversion speaks of: a document of an old kind, a part of a new one that knows its origin, a new document.

Nothing here knows what any kind means.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import evolve, field, frozen

from store.diagnostic import Diagnostic, FieldPath, Level, Related, render_path
from store.plan import snake_case
from store.reader import Document
from store.resources.fields import Key, Metadata

NOT_CONVERTED = "not-converted"
"""Code for a thing that has no counterpart today and is left out."""

UNCLEAR = "unclear"
"""Code for a thing that the old API left open: what was chosen is said."""

DIFFERENT = "different"
"""Code for a thing that is converted, and behaves a little differently today."""


@frozen
class Original:
    """A document of an old kind, understood.

    Attributes:
        document: as it was read.
        kind: `RouteRule`.
        metadata: see `Metadata`.
        spec: an instance of the kind's class in `old_*.py`.
    """

    document: Document
    kind: str
    metadata: Metadata
    spec: Any

    @property
    def key(self) -> Key:
        return Key(self.namespace, self.metadata.name, self.kind)

    @property
    def namespace(self) -> str:
        return self.metadata.namespace

    @property
    def names_namespace(self) -> bool:
        """Whether the document itself says in which namespace it is."""
        value = self.document.value
        metadata = value.get("metadata") if isinstance(value, Mapping) else None
        return isinstance(metadata, Mapping) and metadata.get("namespace") is not None

    @property
    def origin(self) -> str:
        """Where it stands, on one line: `routes.yaml:12 RouteRule default/reviews`."""
        return f"{where(self.document)} {self.key}"

    def says(self, *path: str) -> bool:
        """Say whether something is written at *path* of the spec, JSON names."""
        value = self.spec
        for step in path:
            value = getattr(value, snake_case(step), None)
        return bool(value)

    def note(
        self, level: Level, code: str, message: str, *path: str | int, hint: str | None = None,
        other: "Original | None" = None,
    ) -> Diagnostic:  # fmt: skip
        """Return a diagnostic about the field at *path* of this document, with its place.

        Args:
            level: how bad it is.
            code: what kind of statement.
            message: what it says.
            path: from the document's root.
            hint: what to do.
            other: a document that has to do with it.
        """
        related = [Related("the other one", other.document.place(()), str(other.key))] if other else []
        place = self.document.place(path, key=True)
        said = Diagnostic(level, code, message, path, str(self.key), place, hint=hint)
        return evolve(said, related=related)  # type: ignore[arg-type, unused-ignore]  # attrs loses tuple's type

    def lost(
        self, message: str, *path: str | int, hint: str | None = None, other: "Original | None" = None
    ) -> Diagnostic:
        """Return the warning that the field at *path* has no counterpart. Arguments as of `note`."""
        return self.note(Level.WARNING, NOT_CONVERTED, message, *path, hint=hint, other=other)


def where(document: Document) -> str:
    """Return file and line of *document*, on one line whatever the file is called."""
    return "".join(c if c.isprintable() else "?" for c in f"{document.file}:{document.line}")


@frozen
class Part:
    """A value of a new document, and where in an old one it was said.

    Attributes:
        value: plain, or with parts in it.
        original: the old document.
        path: from its root; what is below the part stands below it there, too.
        comment: what is written above it in the new document; None is nothing.
    """

    value: object
    original: Original
    path: FieldPath = ("spec",)
    comment: str | None = None


@frozen
class Draft:
    """A new document, not judged yet.

    Attributes:
        kind: `VirtualService`.
        namespace: where it belongs.
        name: unique among the documents of its kind and namespace.
        spec: plain, with parts in it.
        originals: what it was made of, the first is the most important.
    """

    kind: str
    namespace: str
    name: str
    spec: Mapping[str, object]
    originals: tuple[Original, ...]

    @property
    def key(self) -> Key:
        return Key(self.namespace, self.name, self.kind)


@frozen
class Made:
    """A document of the answer.

    Attributes:
        document: plain, ready to be written.
        comments: path → what is written above that place.
        parts: path → the part that became it; empty for a document that is passed on as it was.
    """

    document: Mapping[str, object]
    comments: Mapping[FieldPath, str] = field(factory=dict)
    parts: Mapping[FieldPath, Part] = field(factory=dict, repr=False)

    def blame(self, said: Diagnostic) -> Diagnostic | None:
        """Return *said*, which is about this document, as a diagnostic about the old one it came from, or None."""
        for length in range(len(said.path), -1, -1):
            part = self.parts.get(said.path[:length])
            if part is not None:
                about = evolve(said, path=part.path + said.path[length:], related=[self._became(said)])  # type: ignore[list-item]  # attrs loses tuple's type
                return part.original.document.locate((about,))[0]
        return None

    def _became(self, said: Diagnostic) -> Related:
        metadata = self.document["metadata"]
        assert isinstance(metadata, Mapping), "written by us"
        name = f"{self.document['kind']} {metadata.get('namespace', 'default')}/{metadata['name']}"
        return Related(f"it becomes {render_path(said.path)}", resource=name)


def plain(value: object, at: FieldPath = ()) -> tuple[Any, dict[FieldPath, Part]]:
    """Return *value* without its parts, and the parts by their path; *at* is where it stands."""
    parts: dict[FieldPath, Part] = {}
    return _plain(value, at, parts), parts


def _plain(value: object, at: FieldPath, parts: dict[FieldPath, Part]) -> object:
    while isinstance(value, Part):
        parts.setdefault(at, value)
        value = value.value
    if isinstance(value, Mapping):
        return {key: _plain(item, (*at, key), parts) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, (*at, i), parts) for i, item in enumerate(value)]
    return value


def written(**fields: object) -> dict[str, object]:
    """Return the fields that say something: not None, no empty list, mapping or text. `from_` is written `from`."""
    return {name.rstrip("_"): value for name, value in fields.items() if _bare(value) not in (None, {}, [], (), "")}


def _bare(value: object) -> object:
    while isinstance(value, Part):
        value = value.value
    return value


def by_name(originals: Mapping[Key, Original], kind: str) -> Iterator[Original]:
    """Yield the originals of *kind*, by namespace and name: never by the order of the input."""
    return (originals[key] for key in sorted(originals) if key.kind == kind)
