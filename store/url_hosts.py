"""A host that was written as a URL or with its port: what to write in its place."""

import re
from collections.abc import Mapping

from attrs import evolve

from store.diagnostic import Diagnostic, FieldPath
from store.resources.names import host_problem
from store.scalars import in_flow

_URL = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]{0,20}://)?([^/:\s]{1,255})(?::([0-9]{1,5}))?(?:/[^\s]*)?", re.ASCII)


def with_bare_host(said: Diagnostic, document: object) -> Diagnostic:
    """Return *said*, of a host that will not do, with the hint to write the host that is in it, if one is.

    Args:
        said: of code `bad-host`, its path from the document's root.
        document: the whole of it.
    """
    written = value_at(document, said.path)
    found = _URL.fullmatch(written) if isinstance(written, str) and len(written) < 400 else None
    if said.hint is not None or found is None or found[1] == written or host_problem(found[1]):
        return said
    host, port = found[1], found[2]
    if said.path[-2:] == ("destination", "host") and port:
        return evolve(said, hint=f"write host: {in_flow(host)}, and beside it port: {{number: {port}}}")
    return evolve(said, hint=f"write {in_flow(host)}")


def value_at(document: object, path: FieldPath) -> object:
    """Return what stands in *document* at *path*, as it is spelled there; None when nothing does."""
    for step in path:
        if isinstance(document, Mapping) and isinstance(step, str):
            document = document.get(step)
        elif isinstance(document, list | tuple) and isinstance(step, int) and step < len(document):
            document = document[step]
        else:
            return None
    return document
