"""What a shell is offered beyond words that are always the same: names of resources, paths of fields.

Completion may never be in the way: it says nothing rather than something wrong, and gives up after a second.
"""

from collections.abc import Iterator

import click
import trio

from ctl.explaining_fields import UnknownField, subject_of
from ctl.options import DEFAULT_ETCD, DEFAULT_PREFIX, StoreFlags
from ctl.store import run
from ctl.stored import DEFAULT_NAMESPACE, UnknownKind, is_meant, kind_named
from store.analysis.codes import CODES
from store.errors import MeshError
from store.etcd.client import Etcd
from store.keys import Keys
from store.resources.fields import Key

PATIENCE_SECONDS = 1.0


def names(ctx: click.Context, incomplete: str) -> list[str]:
    """Return the names in the mesh that begin like *incomplete* and are of the kind that was typed before it.

    Args:
        ctx: of the command line so far: its kind, namespace and where etcd is.
        incomplete: a name, or `KIND/NAME`.

    Returns:
        The names, sorted, with their kind if it was begun so; none when the kind is unknown or etcd does not answer in
        time.
    """
    of, slash, begun = incomplete.rpartition("/")
    typed = of if slash else str(ctx.params.get("kind")).partition("/")[0]
    try:
        kinds = {kind_named(word).name for word in typed.split(",")}
        flags = StoreFlags(_given(ctx, "etcd") or DEFAULT_ETCD, _given(ctx, "prefix") or DEFAULT_PREFIX)
        found = run(flags, _stored)
    except (MeshError, UnknownKind):
        return []
    namespace = None if ctx.params.get("all_namespaces") else _given(ctx, "namespace") or DEFAULT_NAMESPACE
    meant = {key.name for key in found if is_meant(key, kinds, namespace)}
    return sorted(f"{of}{slash}{name}" for name in meant if name.startswith(begun))


def _given(ctx: click.Context, name: str) -> str | None:
    """Return an option of the command, or of `meshctl` itself when it stands before the verb."""
    value = ctx.params.get(name) or (ctx.parent.params.get(name) if ctx.parent else None)
    return str(value) if value else None


async def _stored(etcd: Etcd, keys: Keys) -> list[Key]:
    with trio.move_on_after(PATIENCE_SECONDS):
        listed = await etcd.list(keys.config)
        return [key for key in (keys.parse_resource(item.key) for item in listed.items) if key is not None]
    return []


def codes(incomplete: str) -> list[str]:
    """Return the codes of findings that begin like *incomplete*, in whatever case."""
    return [code for code in CODES if code.lower().startswith(incomplete.lower())]


def paths(incomplete: str) -> Iterator[str]:
    """Yield the paths of fields that *incomplete*, up to its last dot, has below it and that begin like the rest."""
    above, _, begun = incomplete.rpartition(".")
    try:
        subject = subject_of(above)
    except (UnknownKind, UnknownField):
        return
    yield from (f"{above}.{field.name}" for field in subject.fields if field.name.startswith(begun))
