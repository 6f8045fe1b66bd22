"""Who sees what: `exportTo` of two resources, or of a resource and a namespace. How it is written is not judged."""

from collections.abc import Collection

from store.resources.export_to import EVERYBODY, NOBODY, OWN_NAMESPACE

Export = tuple[str, Collection[str]]
"""A resource's namespace and its `exportTo`."""


def meet(one: Export, other: Export) -> bool:
    """Return whether some namespace sees both of two resources."""
    seen, too = seen_in(one), seen_in(other)
    if seen is None or too is None:
        return seen != frozenset() and too != frozenset()
    return not seen.isdisjoint(too)


def is_seen_in(namespace: str, exported: Export) -> bool:
    """Return whether *namespace* sees a resource."""
    seen = seen_in(exported)
    return seen is None or namespace in seen


def seen_in(exported: Export) -> frozenset[str] | None:
    """Return the namespaces that see a resource; None is all."""
    namespace, export_to = exported
    if not export_to or EVERYBODY in export_to:
        return None
    return frozenset(namespace if each == OWN_NAMESPACE else each for each in export_to if each != NOBODY)
