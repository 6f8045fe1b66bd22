"""Findings that somebody does not want to hear: by `--suppress`, or by an annotation of the resource.

What is suppressed is still found; it is left out of the answer.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Self

from attrs import frozen

from store.analysis.code import key_of
from store.diagnostic import Diagnostic
from store.resources.fields import Key
from store.resources.kinds import Resource, kind_by_word

DEFAULT_NAMESPACE = "default"

ANNOTATION = "galley.istio.io/analyze-suppress"
"""Istio's: codes that are not to be found at this resource, separated by commas; `*` is all of them."""


@frozen
class Suppression:
    """One `--suppress`.

    Attributes:
        code: of the findings, in any case; `*` stands for any text.
        resource: of the resource, `Kind namespace/name`, as findings show it, `Kind name.namespace` as istioctl writes
            it, or `Kind name` of namespace default; `*` stands for any text.
    """

    code: str
    resource: str = "*"

    def __str__(self) -> str:
        return self.code if self.resource == "*" else f"{self.code}={self.resource}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return what `CODE` or `CODE=RESOURCE` means; the kind may be a short word, `vs`.

        Raises:
            ValueError: one of them is empty, there are several codes, or what is no resource.
        """
        code, equals, resource = (part.strip() for part in text.partition("="))
        if not code or (equals and not resource):
            raise ValueError(f'"{text}" is not CODE or {FORM}')
        if "," in code:
            one_each = " ".join(f"--suppress {each.strip()}" for each in code.split(",") if each.strip())
            raise ValueError(f'"{text}" is several codes; one --suppress takes one code: write {one_each}')
        return cls(code, _pattern(code, resource) if resource else "*")

    def covers(self, said: Diagnostic) -> bool:
        """Return whether *said* is not to be heard."""
        if not fnmatchcase(said.code.lower(), self.code.lower()):
            return False
        return any(fnmatchcase(name, self.resource) for name in _spellings(said.resource or ""))


FORM = "CODE=KIND NAMESPACE/NAME"


def _pattern(code: str, written: str) -> str:
    """Return *written* as `Kind NAME`. Kinds that only Istio has pass: scripts are shared with istioctl.

    Raises:
        ValueError: it is neither a kind and a name, nor a name with its namespace, nor a wildcard.
    """
    word, space, name = written.partition(" ")
    if not space:
        word, _, name = written.partition("/")
    kind = kind_by_word(word)
    if kind is not None and name:
        return f"{kind.name} {name.strip()}"
    if space or ("*" in written and "/" not in written):
        return written
    if name:
        return f"* {written}"
    raise ValueError(f'"{written}" is no resource; write {FORM}, as in "{code}=VirtualService shop/rules"')


def _spellings(resource: str) -> tuple[str, ...]:
    kind, _, name = resource.partition(" ")
    namespace, slash, short = name.partition("/")
    if not slash:
        return (resource,)
    alone = (f"{kind} {short}",) if namespace == DEFAULT_NAMESPACE else ()
    return (resource, f"{kind} {short}.{namespace}", *alone)


@frozen
class Heard:
    """What is said, sorted out.

    Attributes:
        said: what is to be heard.
        hidden: what is suppressed.
        idle: the suppressions that cover nothing.
    """

    said: Sequence[Diagnostic]
    hidden: Sequence[Diagnostic]
    idle: Sequence[Suppression]


def hear(
    said: Iterable[Diagnostic], resources: Mapping[Key, Resource], suppressions: Iterable[Suppression] = ()
) -> Heard:
    """Sort out which of *said* neither *suppressions* nor annotations of their resources suppress.

    Args:
        resources: where annotations are looked up; a resource that is not in it suppresses nothing.
    """
    everywhere = tuple(suppressions)
    loud: list[Diagnostic] = []
    hidden: list[Diagnostic] = []
    used: set[Suppression] = set()
    for each in said:
        covering = [one for one in everywhere if one.covers(each)]
        used.update(covering)
        is_hidden = covering or any(one.covers(each) for one in _annotated(resources, each.resource))
        (hidden if is_hidden else loud).append(each)
    return Heard(loud, hidden, [one for one in everywhere if one not in used])


def _annotated(resources: Mapping[Key, Resource], name: str | None) -> Iterator[Suppression]:
    key = key_of(name)
    resource = resources.get(key) if key else None
    codes = resource.metadata.annotations.get(ANNOTATION, "") if resource else ""
    return (Suppression(code.strip()) for code in codes.split(",") if code.strip())
