"""Gateway: ports of chosen hosts, opened for traffic from outside the mesh."""

from collections.abc import Mapping
from typing import ClassVar

from attrs import frozen

from store.resources.fields import Uint32, labels_field


@frozen
class ServerPort:
    """`servers[].port`."""

    UNSUPPORTED: ClassVar[frozenset[str]] = frozenset({"targetPort"})

    number: Uint32
    protocol: str
    name: str = ""


@frozen
class Server:
    """One listener slice.

    Attributes:
        hosts: `[namespace/]dns` names whose VirtualServices may bind here; namespace is a name, `*` or `.`.
        port: what is opened.
        bind: IP address to listen on; None is the host's `gatewayBind`.
        name: for people.
    """

    UNSUPPORTED: ClassVar[frozenset[str]] = frozenset({"tls", "defaultEndpoint"})

    port: ServerPort
    hosts: tuple[str, ...] = ()
    bind: str | None = None
    name: str | None = None


@frozen
class Gateway:
    """`spec` of a Gateway.

    Attributes:
        servers: at least one.
        selector: labels that a host must have, all of them; empty selects every host.
    """

    servers: tuple[Server, ...] = ()
    selector: Mapping[str, str] = labels_field()
