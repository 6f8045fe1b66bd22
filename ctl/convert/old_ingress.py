"""Kubernetes' Ingress as it is written in `extensions/v1beta1` and `networking.k8s.io/v1beta1` and `v1`.

Both spellings of a backend are taken in every version. Source: Kubernetes' API reference, Ingress v1 and v1beta1.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum

import attrs
from attrs import frozen

from ctl.convert.old_rules import Custom
from store.diagnostic import Diagnostic, error
from store.resources.fields import Uint32, documented


class PathType(StrEnum):
    """`paths[].pathType`."""

    Exact = "Exact"
    Prefix = "Prefix"
    ImplementationSpecific = "ImplementationSpecific"


@frozen
class ServicePort:
    """`backend.service.port`."""

    name: str | None = documented("Its name.")
    number: Uint32 | None = documented("Its number.", example="80")


@frozen
class ServiceBackend:
    """`backend.service`."""

    name: str = documented("A service of the same namespace.", default=attrs.NOTHING)
    port: ServicePort | None = documented("Its port.", example="{number: 80}")


@frozen
class Backend:
    """Where requests go: `service` in v1, `serviceName` and `servicePort` before."""

    service_name: str | None = documented("A service of the same namespace.")
    service_port: str | None = documented("Its port, by number or name.")
    service: ServiceBackend | None = documented("A service of the same namespace.")
    resource: Custom | None = documented("Some other object.")


@frozen
class Path:
    """`rules[].http.paths[]`."""

    backend: Backend = documented("Where the requests go.", default=attrs.NOTHING)
    path: str | None = documented("What the request's path is compared with.", unset="every path")
    path_type: PathType | None = documented("How it is compared.", unset="as the controller likes")


@frozen
class Paths:
    """`rules[].http`."""

    paths: tuple[Path, ...] = documented("The longest that fits is taken.", default=attrs.NOTHING)


@frozen
class Rule:
    """`rules[]`."""

    host: str | None = documented("The host that is asked for; `*.` in front stands for one label.", unset="every host")
    http: Paths | None = documented("Where its requests go.", unset="to the default backend")


@frozen
class TLS:
    """`tls[]`."""

    hosts: tuple[str, ...] = documented("Whose certificate it is.", default=(), unset="every host")
    secret_name: str | None = documented("The secret with certificate and key.")


@frozen
class Ingress:
    """`spec` of an Ingress: what is reached from outside, by host and path."""

    ingress_class_name: str | None = documented("Which controller serves it.")
    backend: Backend | None = documented("Where everything else goes, before v1.")
    default_backend: Backend | None = documented("Where everything else goes.")
    tls: tuple[TLS, ...] = documented("Hosts that are served by HTTPS, too.", default=())
    rules: tuple[Rule, ...] = documented("By host.", default=())


def check_ingress(ingress: Ingress) -> Iterator[Diagnostic]:
    """Yield what is wrong with *ingress*, paths from its `spec`."""
    if ingress.backend and ingress.default_backend:
        message = "backend and defaultBackend are the same"
        yield error("conflict", message, "backend", expected="one of them")
    for field, backend in (("backend", ingress.backend), ("defaultBackend", ingress.default_backend)):
        if backend:
            yield from _check_backend(backend, field)
    for i, rule in enumerate(ingress.rules):
        for j, path in enumerate(rule.http.paths if rule.http else ()):
            at = ("rules", i, "http", "paths", j)
            yield from _check_backend(path.backend, *at, "backend")
            if path.path and not path.path.startswith("/") and path.path not in ("*", ".*"):
                yield error("bad-value", "a path begins with a slash", *at, "path")
            if not path.path and path.path_type in (PathType.Exact, PathType.Prefix):
                yield error("missing-field", f"pathType {path.path_type} needs a path", *at, expected="path")


def _check_backend(backend: Backend, *at: str | int) -> Iterator[Diagnostic]:
    forms = [backend.service_name, backend.service, backend.resource]
    if sum(form is not None for form in forms) != 1:
        yield error("missing-field" if not any(forms) else "conflict", "a backend is one service", *at,
                    expected="service: {name: NAME, port: {number: NUMBER}}")  # fmt: skip
    names = {("serviceName",): backend.service_name, ("service", "name"): backend.service and backend.service.name}
    for path, name in names.items():
        if name == "":
            yield error("bad-value", "the name of the service is empty", *at, *path, expected="a name")


def with_text_ports(value: object) -> object:
    """Return a document with every `servicePort` as text: Kubernetes takes a number as well as a name."""
    if isinstance(value, Mapping):
        return {key: _text_port(key, with_text_ports(item)) for key, item in value.items()}
    return [with_text_ports(item) for item in value] if isinstance(value, list) else value


def _text_port(key: object, item: object) -> object:
    number = isinstance(item, int) and not isinstance(item, bool)
    return str(item) if number and key in ("servicePort", "service_port") else item
