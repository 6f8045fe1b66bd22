"""What a code of a diagnostic means: one value for each, kept in the file whose rule yields it.

No resource is judged here. All codes together are in `codes.py`; `meshctl analyze --explain` prints them.
"""

from collections.abc import Sequence

from attrs import frozen

from store.diagnostic import Diagnostic, Level, Related
from store.resources.fields import Key


@frozen
class Code:
    """One kind of finding.

    Attributes:
        code: stable, as diagnostics bear it: Istio's (`IST0101`) where Istio has one, else words (`double-slash`).
        title: what is found, in a few words.
        level: how bad it is, as a rule; a finding may be less bad where its message says why.
        meaning: what happens, and to whom; whole sentences.
        example: documents that have it, as short as possible.
        remedy: what to do about it.
    """

    code: str
    title: str
    level: Level
    meaning: str
    example: str
    remedy: str

    def at(
        self,
        key: Key,
        message: str,
        *path: str | int,
        level: Level | None = None,
        expected: str | None = None,
        hint: str | None = None,
        related: Sequence[Related] = (),
    ) -> Diagnostic:
        """Return that *message* is found at *path* of the resource *key*.

        Args:
            path: from the document's root, in today's spelling; none is the resource as a whole.
            level: None is the code's.
            expected: what would have been right.
            hint: what to do, or a near name.
            related: the other places when resources disagree, see `see`.
        """
        said = level or self.level
        return Diagnostic(
            said, self.code, message, path, resource=str(key), expected=expected, hint=hint,
            related=related,  # type: ignore[arg-type]  # attrs loses tuple's type
        )  # fmt: skip


def key_of(resource: str | None) -> Key | None:
    """Return the Key that a diagnostic's *resource* spells, `Kind namespace/name`; None when it spells none."""
    kind, _, rest = (resource or "").partition(" ")
    namespace, _, name = rest.partition("/")
    return Key(namespace, name, kind) if kind and namespace and name else None


def see(key: Key, message: str, *path: str | int) -> Related:
    """Return a pointer to *path* of another resource; its file and line are filled in by who prints it."""
    return Related(message, resource=str(key), path=path)
