"""How services were named → how they are named today, so that a name means the same service.

`{name: reviews}` in a rule of namespace shop was `reviews.shop.svc.cluster.local`, and so is `reviews` in a rule of
today. Source: Istio 0.7, `model.ResolveHostname`; today's rule is `store.index.candidates`.
"""

import re
from collections.abc import Container, Mapping

from attrs import field, frozen

from ctl.convert.old_rules import IstioService
from store.resources.fields import Key
from store.resources.mesh_config import DEFAULT_SUFFIXES

SUFFIX = DEFAULT_SUFFIXES[0]


@frozen
class Host:
    """A service.

    Attributes:
        full: its full name in lower case; two hosts are the same when this is.
        namespace: where it is, None when its name does not say.
        short: its name inside that namespace, None when there is none.
        asked: the address that clients ask for, of a service that has no name of its own.
    """

    full: str
    namespace: str | None = field(default=None, eq=False)
    short: str | None = field(default=None, eq=False)
    asked: str | None = field(default=None, eq=False)

    def written(self, namespace: str) -> str:
        """Return its name as a rule of *namespace* writes it: short at home."""
        return self.short if self.short and self.namespace == namespace else self.full


def local(name: str, namespace: str, suffix: str = SUFFIX) -> Host:
    """Return the service *name* of *namespace*."""
    name = name.lower()
    return Host(f"{name}.{namespace}.{suffix}", namespace, name if suffix == SUFFIX else None)


@frozen
class Names:
    """What references to services mean.

    Attributes:
        addresses: address or range of an EgressRule → the service that it became.
    """

    addresses: Mapping[str, Host] = field(factory=dict)

    def host(self, service: IstioService, namespace: str) -> Host:
        """Return the host that *service* means in a rule of *namespace*."""
        if service.service:
            return self._by_full_name(service.service.lower().rstrip("."), namespace)
        domain = service.domain.lower().rstrip(".") if service.domain else SUFFIX
        suffix = domain if domain.startswith("svc.") else f"svc.{domain}"
        return local(service.name or "", service.namespace or namespace, suffix)

    def _by_full_name(self, name: str, namespace: str) -> Host:
        if name in self.addresses:
            return self.addresses[name]
        short, _, rest = name.removesuffix(f".{SUFFIX}").partition(".")
        if name.endswith(f".{SUFFIX}") and rest and "." not in rest:
            return local(short, rest)
        return local(name, namespace) if "." not in name and ":" not in name and "*" not in name else Host(name)


def reference(service: IstioService) -> str:
    """Return the JSON name of the field in which *service* is named."""
    return "service" if service.service else "name"


_STRANGE = re.compile(r"[^a-z0-9.-]+")


def resource_name(host: str) -> str:
    """Return a name for a resource about *host*: `foo.com`, `wildcard.foo.com` for `*.foo.com`."""
    text = _STRANGE.sub("-", host.lower().replace("*", "wildcard"))
    labels = (label[:63].strip("-") for label in text.split("."))
    return ".".join(label for label in labels if label)[:253].rstrip("-.") or "unnamed"


def free_name(kind: str, namespace: str, name: str, taken: Container[Key], *, suffix: str = "converted") -> str:
    """Return *name*, or when a document of this kind has it already, *name* with *suffix*, or with a number too."""
    candidate, number = name, 1
    while Key(namespace, candidate, kind) in taken:
        candidate = f"{name[:200]}-{suffix}" if number == 1 else f"{name[:200]}-{suffix}-{number}"
        number += 1
    return candidate
