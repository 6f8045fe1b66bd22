"""`exportTo`: which namespaces see a resource. Services, routes and policies have it; none of them is known here.

What can be said only of a resource whose own namespace is known has functions of its own.
"""

from collections.abc import Iterator, Sequence

from store.diagnostic import Diagnostic, error
from store.resources.names import is_dns_label
from store.scalars import describe

EVERYBODY, OWN_NAMESPACE, NOBODY = "*", ".", "~"


def check_export_to(namespaces: Sequence[str], *path: str | int, nobody: bool = False) -> Iterator[Diagnostic]:
    """Yield what is wrong with *namespaces* at *path* (Istio's `validateExportTo`).

    Args:
        namespaces: as written.
        path: where they stand.
        nobody: whether `~` is allowed, as it is in ServiceEntries only.
    """
    seen: set[str] = set()
    for i, namespace in enumerate(namespaces):
        if namespace == NOBODY and not nobody:
            message = '"~" exports to nobody, which only a ServiceEntry can'
            yield error("bad-value", message, *path, i, expected='"*", "." or a namespace')
        elif namespace in (EVERYBODY, NOBODY) and len(namespaces) > 1:
            meaning = "everybody" if namespace == EVERYBODY else "nobody"
            yield error("conflict", f'"{namespace}" means {meaning} and stands alone', *path, i,
                        hint=f'remove "{namespace}", or everything else')  # fmt: skip
        elif namespace in seen:
            yield error("duplicate", f"{describe(namespace)} is listed twice", *path, i)
        elif namespace not in (EVERYBODY, OWN_NAMESPACE, NOBODY) and not is_dns_label(namespace):
            expected = '"*", "." (the own namespace) or a namespace'
            yield error("bad-value", f"{describe(namespace)} is not a namespace", *path, i, expected=expected)
        seen.add(namespace)


def check_own_namespace(namespaces: Sequence[str], own: str, *path: str | int) -> Iterator[Diagnostic]:
    """Yield that the namespace *own* of a resource is listed twice, by name and as `.`, in *namespaces* at *path*."""
    if OWN_NAMESPACE in namespaces and own in namespaces:
        i = max(namespaces.index(OWN_NAMESPACE), namespaces.index(own))
        message = f'{describe(own)} is the own namespace, and "{OWN_NAMESPACE}" is the same'
        yield error("duplicate", message, *path, i, hint="leave one of them out")


def check_private(namespaces: Sequence[str], own: str, why: str, *path: str | int) -> Iterator[Diagnostic]:
    """Yield the first of *namespaces* at *path* that is another one than *own*.

    Args:
        namespaces: as written.
        own: that of the resource.
        why: what keeps the resource in its namespace.
        path: where they stand.
    """
    for i, namespace in enumerate(namespaces):
        if namespace not in (OWN_NAMESPACE, own):
            yield error("conflict", f"with {why} it cannot be exported to {describe(namespace)}", *path, i,
                        expected=f'"{OWN_NAMESPACE}" or nothing')  # fmt: skip
            return
