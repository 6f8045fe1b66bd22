"""What `meshctl get` does: read the store, choose, print."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Self

import click
from attrs import frozen

from ctl.changes import resource_name
from ctl.exit_codes import ExitCode
from ctl.output import print_object, render_yaml, show, table, talk
from ctl.stored import DEFAULT_NAMESPACE, Meant, Stored, everything, is_meant, meant, not_found, rows, unreadable, where
from store.client import read_state
from store.diff import normal_form
from store.etcd.client import Etcd
from store.keys import Keys


@frozen
class Query:
    """Which resources are asked for.

    Attributes:
        meant: kinds and names.
        namespace: None is every namespace.
    """

    meant: Meant
    namespace: str | None

    @classmethod
    def of(cls, word: str, names: Sequence[str], namespace: str | None, *, all_namespaces: bool) -> Self:
        """Return the query that the command line means.

        Raises:
            ValueError: see `ctl.stored.meant`.
        """
        return cls(meant(word, names), None if all_namespaces else namespace or DEFAULT_NAMESPACE)

    def finds(self, stored: Stored) -> bool:
        """Whether *stored* is asked for."""
        key = stored.key
        if not is_meant(key, self.meant.kinds, self.namespace):
            return False
        named = self.meant.named
        return not named or any(kind in (None, key.kind) and name == key.name for kind, name in named)


async def get(etcd: Etcd, keys: Keys, query: Query, output: str) -> ExitCode:
    """Print what *query* asks for. NO when a name that was asked for is not there."""
    state = await read_state(etcd, keys)
    if not state.is_intact:
        named = ", ".join(state.foreign(keys)) or "which ones is unknown"
        talk([f"warning: records were changed without an apply ({named}); agents keep the last good state"])
    for broken in unreadable(state, keys):
        talk([f"warning: {broken} is not a record of meshctl; it is left out"])
    found, missing = find(everything(state, keys), query)
    if found or not missing:
        _print(found, query, output)
    return ExitCode.NO if missing else ExitCode.YES


def find(stored: Sequence[Stored], query: Query) -> tuple[list[Stored], bool]:
    """Return those of *stored* that *query* asks for, and whether one that it names is not there, which is said."""
    found = [each for each in stored if query.finds(each)]
    there = {(kind, each.key.name) for each in found for kind in (None, each.key.kind)}
    missing = [named for named in query.meant.named if named not in there]
    for kind, name in missing:
        talk([f"meshctl: {not_found(kind or 'resource', name, query.namespace, stored)}"])
    return found, bool(missing)


def _print(found: Sequence[Stored], query: Query, output: str) -> None:
    documents = [normal_form(each.record.document) for each in found] if output in ("json", "yaml") else []
    if output == "json":
        single = len(query.meant.named) == 1 and len(found) == 1
        print_object(documents[0] if single else {"apiVersion": "v1", "kind": "List", "items": documents}, output)
    elif output == "yaml":
        click.echo("\n---\n".join(map(render_yaml, documents)) if documents else "", nl=bool(documents))
    elif output == "name":
        show(resource_name(each.key) for each in found)
    else:
        _tables(found, query, wide=output == "wide")
    if not found and output not in ("json", "name"):
        talk([f"no {query.meant.kind or 'resource'} {where(query.meant.kind, query.namespace)}"])


def _tables(found: Iterable[Stored], query: Query, *, wide: bool) -> None:
    """Print a table for each kind, with the kind in the name when there are several."""
    first = True
    for kind, group in groupby(found, key=lambda each: each.key.kind):
        header, *body = rows(kind, list(group), namespaces=query.namespace is None, wide=wide)
        if not first:
            show([""])
        first = False
        if query.meant.kind is None:
            at = header.index("NAME")
            body = [(*row[:at], f"{kind.lower()}/{row[at]}", *row[at + 1 :]) for row in body]
        show(table(header, body))
