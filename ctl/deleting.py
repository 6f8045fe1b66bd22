"""What `meshctl delete` does: find out which resources are meant, and remove them in one apply."""

from collections.abc import Sequence
from typing import Self

from attrs import evolve, field, frozen

from ctl.changes import Change, carry_out
from ctl.diagnostics import Sources, render
from ctl.exit_codes import ExitCode
from ctl.inputs import Inputs, load_names
from ctl.output import talk
from ctl.stored import DEFAULT_NAMESPACE, everything, is_meant, key_of, meant, not_found
from store.client import State, Wanted, read_state
from store.etcd.client import Etcd
from store.keys import Keys
from store.resources.fields import Key


class Refused(Exception):  # noqa: N818 - named as what it is
    """Nothing was deleted, and why was said.

    Attributes:
        code: how the command ends.
    """

    def __init__(self, code: ExitCode) -> None:
        super().__init__(code)
        self.code = code


@frozen
class Selection:
    """Which resources are meant.

    Attributes:
        keys: those, by name or from files.
        kinds, namespace: with no *keys*: all of these; no kinds are every kind, None is every namespace.
        sources: texts of the files.
    """

    keys: tuple[Key, ...] = ()
    kinds: tuple[str, ...] = ()
    namespace: str | None = None
    sources: Sources = field(factory=lambda: Sources({}), repr=False, eq=False)

    @classmethod
    def of(
        cls,
        word: str | None,
        names: Sequence[str],
        files: Sequence[str],
        *,
        everything: bool,
        namespace: str | None,
        all_namespaces: bool,
    ) -> Self:
        """Return what the command line means.

        Raises:
            ValueError: it means nothing, or two things at once; the message says what to write.
            Refused: the files could not be read, and why was said.
        """
        asked = meant(word or "all", names)
        if files and everything:
            raise ValueError("-f and --all exclude each other: the files say what to delete, or it is all there is")
        if sum((bool(asked.named), bool(files), everything)) != 1 or (files and word):
            raise ValueError("say what to delete: KIND NAME…, -f FILE, KIND --all, or --all")
        if files:
            return cls._of_files(files, namespace)
        where = namespace or (None if all_namespaces or (everything and not asked.kinds) else DEFAULT_NAMESPACE)
        if not asked.named:
            return cls(kinds=asked.kinds, namespace=where)
        if not asked.kinds or where is None:
            raise ValueError("names are of a kind and of one namespace: KIND NAME… [-n NAMESPACE]")
        return cls(tuple(key_of(kind, name, where) for kind, name in asked.named if kind))

    @classmethod
    def _of_files(cls, files: Sequence[str], namespace: str | None) -> Self:
        named = load_names(files, namespace=namespace)
        for said in named.diagnostics:
            talk(render(said, named.sources))
        if any(said.is_error for said in named.diagnostics):
            raise Refused(ExitCode.INVALID)
        return cls(named.keys, sources=named.sources)

    @property
    def is_whole_mesh(self) -> bool:
        return not self.keys and not self.kinds and self.namespace is None

    def in_state(self, state: State, keys: Keys) -> tuple[Key, ...]:
        """Return the Keys that are meant and there."""
        there = [key for text in state.raw if (key := keys.parse_resource(text))]
        if self.keys:
            present = frozenset(there)
            return tuple(key for key in self.keys if key in present)
        fits = (key for key in there if is_meant(key, self.kinds, self.namespace))
        return tuple(sorted(fits, key=lambda key: (key.kind, key)))


async def delete(
    etcd: Etcd, keys: Keys, selection: Selection, change: Change, output: str, ignore_not_found: bool
) -> ExitCode:
    """Remove what *selection* means, print what became of it, and return the exit code.

    Args:
        change: how; its `wanted` is filled in here.
        ignore_not_found: whether to go on when some of the named resources are not there.

    Raises:
        Conflict, StoreUnavailable: see `store.client.apply`.
    """
    state = await read_state(etcd, keys)
    there = selection.in_state(state, keys)
    missing = [key for key in selection.keys if key not in there]
    if missing and not ignore_not_found:
        stored = everything(state, keys)
        for key in missing:
            talk([f"meshctl: {not_found(key.kind, key.name, key.namespace, stored)}"])
        if there:
            talk(["nothing was deleted; with --ignore-not-found the others are"])
        return ExitCode.NO
    wanted = [Wanted(key, None) for key in there]
    nothing_read = Inputs((), (), files=0, documents=0, sources=selection.sources)
    return await carry_out(etcd, keys, evolve(change, wanted=wanted), nothing_read, output=output)
