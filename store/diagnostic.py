"""Anything said about a resource, as data. Rules say it by path, the reader knows the line, printing joins them.

Nothing here knows how a diagnostic is shown (`ctl/output.py`).
"""

from collections.abc import Sequence
from enum import StrEnum

from attrs import field, frozen

FieldPath = tuple[str | int, ...]
"""Where in a document: keys and list positions from its root, `("spec", "http", 0, "match")`."""


class Level(StrEnum):
    """How bad it is. Only an error keeps a document from being applied."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@frozen
class Place:
    """A position in a file.

    Attributes:
        file: as the user gave it; `-` is standard input, `etcd` a stored resource of unknown source.
        line: from 1.
        column: from 1; 0 where only the line is known, which is where the document began.
    """

    file: str
    line: int
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.column else f"{self.file}:{self.line}"


@frozen
class Related:
    """Another place that has to do with a diagnostic, such as the other definition of a duplicate.

    Attributes:
        message: what is there.
        place: file, line and column; whoever says it and knows no files leaves it None, and who prints fills it in.
        resource: `Kind namespace/name`.
        path: from the root of that resource's document; empty means the document as a whole.
    """

    message: str
    place: Place | None = None
    resource: str | None = None
    path: FieldPath = ()


@frozen
class Diagnostic:
    """One statement about one place of one document.

    Attributes:
        level: see `Level`.
        code: what kind of statement, stable: `unknown-field`, `wrong-type`, or Istio's `IST0101`.
        message: what is wrong, with the value.
        path: from the document's root; empty means the document as a whole.
        resource: `Kind namespace/name`, as far as it is known.
        place: file, line and column; filled in by `located`.
        expected: what would have been right.
        hint: what to do, or a near name.
        related: other places.
    """

    level: Level
    code: str
    message: str
    path: FieldPath = ()
    resource: str | None = None
    place: Place | None = None
    expected: str | None = None
    hint: str | None = None
    related: Sequence[Related] = field(default=(), converter=tuple)

    @property
    def is_error(self) -> bool:
        return self.level is Level.ERROR


def error(
    code: str, message: str, *path: str | int, expected: str | None = None, hint: str | None = None
) -> Diagnostic:
    """Return a diagnostic of level error at *path* (relative to whatever the caller judges)."""
    return Diagnostic(Level.ERROR, code, message, path, expected=expected, hint=hint)


def warning(code: str, message: str, *path: str | int, hint: str | None = None) -> Diagnostic:
    """Return a diagnostic of level warning at *path*."""
    return Diagnostic(Level.WARNING, code, message, path, hint=hint)


def not_supported(message: str, *path: str | int, expected: str | None = None, hint: str | None = None) -> Diagnostic:
    """Return that something is right by the API and cannot be run yet.

    A warning to who judges documents; `ctl.inputs` makes it an error for who wants to apply them.
    """
    return Diagnostic(Level.WARNING, NOT_SUPPORTED, message, path, expected=expected, hint=hint)


NOT_SUPPORTED = "not-supported"


def render_path(path: FieldPath) -> str:
    """Return *path* as people write it: `spec.http[0].match[0].uri`.

    A key that would be misread (it has a dot or a bracket) is quoted: `metadata.labels["a.b/c"]`.
    """
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif any(mark in step for mark in '.[]"') or not step:
            text += f'["{step}"]'
        else:
            text += f".{step}" if text else step
    return text
