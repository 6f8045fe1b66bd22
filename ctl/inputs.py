"""`-f FILE|DIR|-`: files → resources, or everything that is wrong with them. Nothing is written anywhere from here."""

from collections.abc import Mapping, Sequence

from attrs import evolve, field, frozen

from ctl.collector import uncollected
from ctl.diagnostics import Sources, in_order
from ctl.files import STDIN, read_texts
from store.codec import Source, decode
from store.diagnostic import NOT_SUPPORTED, Diagnostic, Level, Place, Related, error
from store.reader import Document, read
from store.resources.fields import Key
from store.resources.kinds import Resource
from store.type_meta import NOT_A_MESH_RESOURCE, TypeMeta, type_meta

MAX_DOCUMENTS = 200_000
"""Of all files together."""


@frozen
class Loaded:
    """One resource and the document it was read from."""

    resource: Resource
    document: Document

    @property
    def source(self) -> Source:
        return Source(self.document.file, self.document.line)


@frozen
class Inputs:
    """Everything that the given files hold.

    Attributes:
        loaded: the resources that could be read, in order, each Key once.
        diagnostics: everything that was said, by file and line.
        files: how many files were named or found.
        documents: how many documents could be read, understood or not, those of other programs left out.
        sources: the texts, for showing lines.
    """

    loaded: tuple[Loaded, ...]
    diagnostics: tuple[Diagnostic, ...]
    files: int
    documents: int
    sources: Sources = field(repr=False, eq=False)

    @property
    def is_refused(self) -> bool:
        """Whether any diagnostic is an error: then nothing may be done with any of the files."""
        return any(said.is_error for said in self.diagnostics)

    def strictly(self) -> "Inputs":
        """Return the same with every warning as an error."""
        raised = (evolve(s, level=Level.ERROR) if s.level is Level.WARNING else s for s in self.diagnostics)
        return evolve(self, diagnostics=tuple(raised))


@frozen
class Documents:
    """What is in the given files, not understood yet. Attributes as of `Inputs`; *documents* are the readable ones."""

    documents: tuple[Document, ...]
    diagnostics: tuple[Diagnostic, ...]
    files: int
    sources: Sources = field(repr=False, eq=False)


@uncollected()
def load_documents(paths: Sequence[str], *, namespace: str | None = None) -> Documents:
    """Read the documents of *paths*, of whatever kind; *namespace* is as for `load`."""
    found = read_texts(paths)
    diagnostics = list(found.diagnostics)
    documents = _documents(found.texts, namespace, diagnostics)
    if paths and not documents and not diagnostics:
        diagnostics.append(_nothing(paths))
    return Documents(tuple(documents), tuple(diagnostics), len(found.names), Sources(found.texts))


@uncollected()
def load(
    paths: Sequence[str],
    *,
    namespace: str | None = None,
    duplicates: Level = Level.ERROR,
    runnable: bool = False,
) -> Inputs:
    """Read all resources of *paths*, strictly.

    Args:
        paths: files, directories, `-`; of no paths nothing is said.
        namespace: of documents that name none and are of one; None is `default`.
        duplicates: how bad it is that a resource is defined twice.
        runnable: whether hosts are to run them: then `not-supported` is an error. If not, the API is the judge, and it
            is a warning.

    Returns:
        The resources and all that was said. A user's mistake never raises.
    """
    found = read_texts(paths)
    diagnostics = list(found.diagnostics)
    documents = _documents(found.texts, namespace, diagnostics)
    understood: list[Loaded] = []
    foreign: list[Diagnostic] = []
    for document in documents:
        resource, said = decode(document.value)
        if said:
            of_others = said[0].code == NOT_A_MESH_RESOURCE
            (foreign if of_others else diagnostics).extend(document.locate(_told_once(said)))
        if resource is not None:
            understood.append(Loaded(resource, document))
    loaded, repeated = _once_each(understood, duplicates)
    diagnostics += repeated
    diagnostics += foreign if len(foreign) < len(documents) else map(_alone, foreign)
    if paths and not documents and not diagnostics:
        diagnostics.append(_nothing(paths))
    if runnable:
        diagnostics = [_not_runnable(said) if said.code == NOT_SUPPORTED else said for said in diagnostics]
    return Inputs(
        loaded,
        tuple(in_order(diagnostics, found.names)),
        files=len(found.names),
        documents=len(documents) - len(foreign),
        sources=Sources(found.texts),
    )


def _told_once(said: Sequence[Diagnostic]) -> Sequence[Diagnostic]:
    """Return *said* without what hosts do not run of a document when they run nothing of its kind."""
    if not any(one.code == NOT_SUPPORTED and one.path == ("kind",) for one in said):
        return said
    return [one for one in said if one.code != NOT_SUPPORTED or one.path == ("kind",)]


def _alone(said: Diagnostic) -> Diagnostic:
    """Return as an error that a document is another program's: there is nothing else, so somebody took it for ours."""
    return evolve(said, level=Level.ERROR)


def _not_runnable(said: Diagnostic) -> Diagnostic:
    return evolve(said, level=Level.ERROR, message=f"{said.message}: it is right by the API, but hosts cannot run it")


@frozen
class Named:
    """Which resources the given files name, whatever else is in them. Attributes as of `Inputs`."""

    keys: tuple[Key, ...]
    diagnostics: tuple[Diagnostic, ...]
    sources: Sources = field(repr=False, eq=False)


def load_names(paths: Sequence[str], *, namespace: str | None = None) -> Named:
    """Read which resources *paths* name: enough to delete them, though their specs may be wrong by now."""
    found = read_texts(paths)
    diagnostics = list(found.diagnostics)
    documents = _documents(found.texts, namespace, diagnostics)
    keys: dict[Key, None] = {}
    foreign: list[Diagnostic] = []
    for document in documents:
        meta = type_meta(document.value) if isinstance(document.value, Mapping) else TypeMeta(None)
        key = _key(document.value, meta)
        if key is not None:
            keys[key] = None
        elif meta.foreign:
            foreign += document.locate(meta.diagnostics)
        else:
            missing = error("missing-field", "the document names no resource", expected="kind and metadata.name")
            diagnostics += document.locate((missing,))
    diagnostics += foreign if len(foreign) < len(documents) else map(_alone, foreign)
    if not documents and not diagnostics:
        diagnostics.append(_nothing(paths))
    return Named(tuple(keys), tuple(in_order(diagnostics, found.names)), Sources(found.texts))


def _key(value: object, meta: TypeMeta) -> Key | None:
    if not isinstance(value, Mapping) or not isinstance(value.get("metadata"), Mapping) or meta.kind is None:
        return None
    name, namespace = value["metadata"].get("name"), value["metadata"].get("namespace", "default")
    if not meta.kind.namespaced:
        namespace = "default"
    return Key(namespace, name, meta.kind.name) if isinstance(name, str) and isinstance(namespace, str) else None


# --- documents ---------------------------------------------------------------------------------------------


def _nothing(paths: Sequence[str]) -> Diagnostic:
    """There are files, and all of them are empty."""
    where = "standard input is empty" if set(paths) == {STDIN} else f"no resources in {', '.join(paths)}"
    said = error("no-resources", where, expected="at least one document")
    return evolve(said, place=Place(paths[0], 1))


def _documents(texts: Mapping[str, bytes], namespace: str | None, diagnostics: list[Diagnostic]) -> list[Document]:
    documents: list[Document] = []
    for name, text in texts.items():
        reading = read(text, name)
        diagnostics += reading.diagnostics
        if len(documents) + len(reading.documents) > MAX_DOCUMENTS:
            message = f"the files together hold more than {MAX_DOCUMENTS} documents"
            too_many = error("too-large", message, hint="apply them in several parts")
            diagnostics.append(evolve(too_many, place=Place(name, 1)))
            break
        documents += (_in_namespace(document, namespace) for document in reading.documents)
    return documents


def _in_namespace(document: Document, namespace: str | None) -> Document:
    value = document.value
    if namespace is None or not isinstance(value, dict) or not isinstance(value.get("metadata"), dict):
        return document
    kind = type_meta(value).kind
    if "namespace" in value["metadata"] or (kind is not None and not kind.namespaced):
        return document
    return evolve(document, value={**value, "metadata": {**value["metadata"], "namespace": namespace}})


def _once_each(understood: Sequence[Loaded], level: Level) -> tuple[tuple[Loaded, ...], list[Diagnostic]]:
    """Return the first definition of each Key, and what is to be said about the others."""
    first: dict[Key, Loaded] = {}
    repeated: list[Diagnostic] = []
    for each in understood:
        key = each.resource.key
        earlier = first.setdefault(key, each)
        if earlier is not each:
            other = Related("the other definition", earlier.document.place(("metadata", "name")), str(key))
            said = error("duplicate-resource", f"{key} is defined twice", "metadata", "name")
            graded = evolve(said, level=level, related=[other])  # type: ignore[list-item]  # attrs loses tuple's type
            repeated += each.document.locate((graded,))
    return tuple(first.values()), repeated
