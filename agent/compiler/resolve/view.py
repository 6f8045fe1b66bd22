"""The units of a host, and each unit → its view. The only door from the Snapshot into `resolve/`."""

from collections.abc import Collection

from attrs import frozen

from agent.compiler.ir import HostSettings, HostView, Unit, UnitKind, UnitView
from agent.compiler.resolve.fallback import resolve_fallback
from agent.compiler.resolve.gateways import open_ports, resolve_gateway
from agent.compiler.resolve.services import resolve_service
from store.host import HostRecord
from store.index import View


@frozen
class Scope:
    """The services that a host is given.

    Attributes:
        hosts: canonical service hosts; None is every service.
    """

    hosts: frozenset[str] | None = None

    def __contains__(self, host: str) -> bool:
        return self.hosts is None or host in self.hosts


EVERYTHING = Scope()


def service_units(hosts: Collection[str], scope: Scope) -> set[Unit]:
    """Return the units of those *hosts* that have tables of their own and are in *scope*."""
    return {Unit(UnitKind.SERVICE, host) for host in hosts if not host.startswith("*") and host in scope}


def gateway_units(view: View, record: HostRecord) -> set[Unit]:
    """Return the units of the ports that Gateways open on *record*'s host."""
    return {Unit(UnitKind.GATEWAY, address, port) for address, port in open_ports(view, record)}


CONSTANT_UNITS = frozenset({Unit(UnitKind.HOST), Unit(UnitKind.FALLBACK)})


def units(view: View, record: HostRecord, scope: Scope) -> set[Unit]:
    """Return all units of *record*'s host."""
    return {*CONSTANT_UNITS, *service_units(view.service_hosts(), scope), *gateway_units(view, record)}


def resolve_unit(view: View, record: HostRecord, unit: Unit) -> UnitView | None:
    """Return what *unit* is; None when there is nothing to it any more."""
    match unit.kind:
        case UnitKind.HOST:
            return _settings(record)
        case UnitKind.SERVICE:
            return resolve_service(view, record, unit.name)
        case UnitKind.FALLBACK:
            return resolve_fallback(view, record)
        case UnitKind.GATEWAY:
            return resolve_gateway(view, record, unit.name, unit.port)


def resolve(view: View, record: HostRecord, scope: Scope) -> HostView:
    """Return the whole HostView of *record*'s host."""
    ordered = sorted(units(view, record, scope), key=lambda u: (u.kind.value, u.name, u.port))
    found = ((unit, resolve_unit(view, record, unit)) for unit in ordered)
    return HostView(tuple((unit, what) for unit, what in found if what is not None))


def _settings(record: HostRecord) -> HostSettings:
    proxies = (entry.rpartition(":") for entry in record.http_proxy)
    return HostSettings(
        tuple((address.strip("[]"), int(port)) for address, _, port in proxies), tuple(record.resolvers)
    )
