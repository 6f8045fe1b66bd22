"""Rules of an Ingress → entries of a VirtualService's `http`, in the order that Kubernetes promises.

The more exact host is tried first, then the exact path, then the longer one; the default backend comes last.
Sources: Kubernetes, Ingress (path types); Istio's `convert-networking-config` for paths without a type.
"""

import re
from collections.abc import Iterable, Iterator, Mapping

from attrs import frozen

from ctl.convert.model import UNCLEAR, Original, Part, written
from ctl.convert.old_ingress import Backend, Ingress, Path, PathType
from store.diagnostic import Diagnostic, FieldPath, Level, render_path

Ports = Mapping[tuple[str, str], Mapping[str, int]]
"""(namespace, name) of a Kubernetes Service → name of a port → its number."""

_REGEX_MARKS = re.compile(r"[*+?()\[\]{}|^$\\]")


@frozen
class Route:
    """Where requests for one host and path go.

    Attributes:
        host: that is asked for, lower case; `*` is every host.
        uris: any of these conditions on the path; none is every path.
        destination: today's.
        ingress: the document.
        path: where the rule stands in it.
        host_path: where the host stands in it.
    """

    host: str
    uris: tuple[Mapping[str, str], ...]
    destination: Mapping[str, object]
    ingress: Original
    path: FieldPath
    host_path: FieldPath

    @property
    def service(self) -> str:
        """The name of the service that it leads to."""
        host = self.destination["host"]
        return str(host.value if isinstance(host, Part) else host)

    def is_for(self, host: str) -> bool:
        """Say whether requests for *host*, one of the Ingress's, may take it: the default backend is for every host."""
        return self.host == host or (self.host == "*" and self.is_default)

    @property
    def is_default(self) -> bool:
        """Whether it leads to the default backend."""
        return self.path == self.host_path

    def part(self) -> Part:
        """Return the entry of `http`."""
        authority = self._authority()
        blocks = [written(uri=Part(uri, self.ingress, (*self.path, "path")), authority=authority) for uri in self.uris]
        blocks = blocks or ([{"authority": authority}] if authority else [])
        entry = written(match=blocks, route=[{"destination": self.destination}])
        where = render_path(self.path[1:])
        return Part(entry, self.ingress, self.path, f"from {self.ingress.origin} {where}")

    def _authority(self) -> Mapping[str, str] | None:
        if self.host.startswith("*."):  # stands for one label in an Ingress, for any number of them today
            return {"regex": rf"[^.]+\.{re.escape(self.host[2:])}(:[0-9]+)?"}
        return None

    @property
    def order(self) -> tuple[int, int, str, int, int]:
        """Sorts the more exact host and path first."""
        host = 2 if self.host == "*" else int(self.host.startswith("*."))
        exact = bool(self.uris) and "exact" in self.uris[0] and len(self.uris) == 1
        length = max((len(text) for uri in self.uris for text in uri.values()), default=0)
        return host, -len(self.host), self.host, 0 if exact else 1, -length


def routes(ingress: Original, ports: Ports, said: list[Diagnostic]) -> list[Route]:
    """Return the routes of *ingress* in order, and add to *said* what has no counterpart."""
    spec: Ingress = ingress.spec
    found: list[Route] = []
    for i, rule in enumerate(spec.rules):
        host, host_path = (rule.host or "*").lower(), ("spec", "rules", i, "host")
        for j, path in enumerate(rule.http.paths if rule.http else ()):
            at: FieldPath = ("spec", "rules", i, "http", "paths", j)
            destination = _destination(path.backend, ingress, (*at, "backend"), ports, said)
            if destination is not None:
                uris = tuple(_uris(path, ingress, at, said))
                found.append(Route(host, uris, destination, ingress, at, host_path))
        if rule.http is None and not (spec.backend or spec.default_backend):
            said.append(ingress.lost("a host without paths and without default backend has no route", *host_path))
    found.sort(key=lambda route: route.order)
    name = "backend" if spec.backend else "defaultBackend"
    backend = spec.backend or spec.default_backend
    if backend is not None:
        destination = _destination(backend, ingress, ("spec", name), ports, said)
        if destination is not None:
            found.append(Route("*", (), destination, ingress, ("spec", name), ("spec", name)))
    return found


def hosts_of(found: Iterable[Route]) -> dict[str, FieldPath]:
    """Return the hosts of these routes in order, and where each is named first."""
    hosts: dict[str, FieldPath] = {}
    for route in found:
        hosts.setdefault(route.host, route.host_path)
    return dict(sorted(hosts.items()))


# --- paths ------------------------------------------------------------------------------------------------


def _uris(path: Path, ingress: Original, at: FieldPath, said: list[Diagnostic]) -> Iterator[Mapping[str, str]]:
    text = path.path
    if not text:
        return
    if path.path_type is PathType.Exact:
        yield {"exact": text}
    elif path.path_type is PathType.Prefix:  # by whole elements: /foo is not the beginning of /foobar
        whole = text.rstrip("/")
        if whole:
            yield {"exact": whole}
        yield {"prefix": f"{whole}/"}
    else:
        yield from _untyped(text, ingress, at, said)


def _untyped(text: str, ingress: Original, at: FieldPath, said: list[Diagnostic]) -> Iterator[Mapping[str, str]]:
    """Yield the condition for a path whose meaning was the controller's: as Istio read it."""
    if text in ("*", "/*", ".*", "/.*"):
        return
    if text.endswith(".*") and not _REGEX_MARKS.search(text[:-2]):
        yield {"prefix": text[:-2]}
    elif text.endswith("/*") and not _REGEX_MARKS.search(text[:-2]):
        yield {"prefix": text[:-1]}
    elif _REGEX_MARKS.search(text):
        message = "taken for a regular expression of the whole path"
        said.append(ingress.note(Level.WARNING, UNCLEAR, message, *at, "path", hint="see that it means that"))
        yield {"regex": text}
    else:
        if text.endswith("/"):
            message = f'taken for the path "{text}" alone, as Istio did; other controllers took it for all below it'
            hint = "for all below it write pathType: Prefix"
            said.append(ingress.note(Level.WARNING, UNCLEAR, message, *at, "path", hint=hint))
        yield {"exact": text}


# --- backends ---------------------------------------------------------------------------------------------


def _destination(
    backend: Backend, ingress: Original, at: FieldPath, ports: Ports, said: list[Diagnostic]
) -> Mapping[str, object] | None:
    """Return today's destination, None when the backend is no service."""
    if backend.resource is not None:
        said.append(ingress.lost("a backend that is no service has no counterpart", *at, "resource"))
        return None
    if backend.service is not None:
        name, port = backend.service.name, backend.service.port
        number, port_name = (int(port.number) if port and port.number else None), port.name if port else None
        name_at, port_at = (*at, "service", "name"), (*at, "service", "port")
    else:
        name, text = backend.service_name or "", backend.service_port
        number = int(text) if text and text.isascii() and text.isdigit() else None
        port_name = text if number is None else None
        name_at, port_at = (*at, "serviceName"), (*at, "servicePort")
    if number is None and port_name:
        number = ports.get((ingress.namespace, name), {}).get(port_name)
        if number is None:
            said.append(_needs_number(port_name, ingress, port_at))
    chosen = {"number": Part(number, ingress, port_at)} if number is not None else None
    return written(host=Part(name.lower(), ingress, name_at), port=chosen)


def _needs_number(name: str, ingress: Original, at: FieldPath) -> Diagnostic:
    message = f"ports have numbers today: which one is {name} stands in the Kubernetes Service, which is not here"
    hint = "right as it is when the service has one port; else write its number here, or give the Service to convert"
    return ingress.lost(message, *at, hint=hint)
