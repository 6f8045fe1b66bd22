"""Findings that somebody does not want to hear: by `--suppress`, or by an annotation of the resource.

What is suppressed is still found; it is left out of the answer.
"""

from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Self

from attrs import frozen

from store.analysis.code import key_of
from store.diagnostic import Diagnostic
from store.resources.fields import Key
from store.resources.kinds import Resource

ANNOTATION = "galley.istio.io/analyze-suppress"
"""Istio's: codes that are not to be found at this resource, separated by commas; `*` is all of them."""


@frozen
class Suppression:
    """One `--suppress`.

    Attributes:
        code: of the findings, in any case; `*` stands for any text.
        resource: of the resource, `Kind namespace/name`, as findings show it, or `Kind name.namespace` as istioctl
            writes it; `*` stands for any text.
    """

    code: str
    resource: str = "*"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return what `CODE` or `CODE=RESOURCE` means.

        Raises:
            ValueError: one of them is empty.
        """
        code, equals, resource = text.partition("=")
        if not code.strip() or (equals and not resource.strip()):
            raise ValueError(f'"{text}" is not CODE or CODE=KIND NAMESPACE/NAME')
        return cls(code.strip(), resource.strip() or "*")

    def covers(self, said: Diagnostic) -> bool:
        """Return whether *said* is not to be heard."""
        if not fnmatchcase(said.code.lower(), self.code.lower()):
            return False
        return any(fnmatchcase(name, self.resource) for name in _spellings(said.resource or ""))


def _spellings(resource: str) -> tuple[str, ...]:
    kind, _, name = resource.partition(" ")
    namespace, slash, short = name.partition("/")
    return (resource, f"{kind} {short}.{namespace}") if slash else (resource,)


def audible(
    said: Iterable[Diagnostic], resources: Mapping[Key, Resource], suppressions: Iterable[Suppression] = ()
) -> list[Diagnostic]:
    """Return those of *said* that neither *suppressions* nor annotations of their resources suppress.

    Args:
        resources: where annotations are looked up; a resource that is not in it suppresses nothing.
    """
    everywhere = tuple(suppressions)
    return [
        each
        for each in said
        if not any(one.covers(each) for one in (*everywhere, *_annotated(resources, each.resource)))
    ]


def _annotated(resources: Mapping[Key, Resource], name: str | None) -> Iterator[Suppression]:
    key = key_of(name)
    resource = resources.get(key) if key else None
    codes = resource.metadata.annotations.get(ANNOTATION, "") if resource else ""
    return (Suppression(code.strip()) for code in codes.split(",") if code.strip())
