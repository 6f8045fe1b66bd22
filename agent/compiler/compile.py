"""`compile`: a Snapshot, a host and a scope → EnvoyConfig, from scratch. Whoever calls it gets what the host gets.

It reads its arguments and nothing else: what of a host's settings affects its configuration is in the HostRecord.
"""

from agent.compiler.emit.units import emit
from agent.compiler.envoy_config import EnvoyConfig, merge
from agent.compiler.ir import HostView
from agent.compiler.resolve.view import EVERYTHING, Scope, resolve
from store.host import HostRecord
from store.index import View, build
from store.snapshot import Snapshot


def host_view(snapshot: Snapshot, record: HostRecord, scope: Scope = EVERYTHING) -> HostView:
    """Return what *record*'s host should do, in the mesh's words."""
    return resolve(View(snapshot, build(snapshot.entries)), record, scope)


def compile(snapshot: Snapshot, record: HostRecord, scope: Scope = EVERYTHING) -> EnvoyConfig:  # noqa: A001
    """Return the Envoy configuration of *record*'s host.

    Args:
        snapshot: the mesh.
        record: the host, as it is published in `live/hosts/`.
        scope: the services that it is given.
    """
    return merge(emit(view) for _, view in host_view(snapshot, record, scope).units)
