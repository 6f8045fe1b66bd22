"""What Envoy will never ask for, because it refused the first version of what refers to it. Pure.

Such things are neither accepted nor refused; a verdict that waited for them would never come.
"""

from collections.abc import Mapping

from agent.channel import Channel
from agent.compiler.envoy_config import EnvoyConfig, Id, Type


def blocked(config: EnvoyConfig, channels: Mapping[Type, Channel]) -> set[Id]:
    """Return the tables, endpoints and scopes of *config* that hang on nothing but what was refused."""
    found = _scopes(config, channels)
    for owner in (Type.CLUSTER, Type.LISTENER, Type.SCOPE):
        for name in (name for name in channels[owner].refused if name not in channels[owner].accepted):
            resource = config.resources.get((owner, name))
            tables = resource.needs - channels[Type.ROUTES].subscribed if resource else ()
            found.update((Type.ROUTES, table) for table in tables)
            if owner is Type.CLUSTER and name not in channels[Type.ENDPOINTS].subscribed:
                found.add((Type.ENDPOINTS, name))
    return found


def _scopes(config: EnvoyConfig, channels: Mapping[Type, Channel]) -> set[Id]:
    """Return all scopes and their tables, when listeners that take scopes were refused and none was accepted."""
    listeners = channels[Type.LISTENER]
    if channels[Type.SCOPE].open or not any(_takes_scopes(config, name) for name in listeners.refused):
        return set()
    if any(_takes_scopes(config, name) for name in listeners.accepted):
        return set()
    scopes = [resource for (kind, _), resource in config.resources.items() if kind is Type.SCOPE]
    return {(s.type, s.name) for s in scopes} | {(Type.ROUTES, table) for s in scopes for table in s.needs}


def _takes_scopes(config: EnvoyConfig, listener: str) -> bool:
    """Whether *listener* finds its tables by scopes: then it names none itself."""
    desired = config.resources.get((Type.LISTENER, listener))
    return desired is not None and not desired.needs
