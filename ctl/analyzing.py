"""What `meshctl analyze` does: documents of files and of etcd become a mesh, and what is found in it gets its places.

What is found, and what it means, is decided in `store/analysis/`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from attrs import evolve, field, frozen

from ctl.collector import uncollected
from ctl.diagnostics import Sources, in_order, render, summary, to_json
from ctl.exit_codes import ExitCode
from ctl.inputs import Inputs, Loaded
from ctl.output import plural, print_object, show, talk
from ctl.places import Places, live_hosts, stored_records
from store.analysis.analyze import everything
from store.analysis.code import key_of
from store.analysis.mesh import Mesh
from store.analysis.suppression import Suppression, hear
from store.client import State, read_state
from store.codec import Record, understand
from store.diagnostic import Diagnostic, Level
from store.etcd.client import Etcd
from store.host import HostRecord
from store.keys import Keys
from store.resources.fields import Key
from store.resources.kinds import Resource

LEVELS = (Level.ERROR, Level.WARNING, Level.INFO)
"""The worst first."""

A_FEW = 5
"""Of more findings it is said how many there are of each code."""


@frozen
class Question:
    """What is asked for.

    Attributes:
        suppress: findings that are not to be heard.
        namespace: of the resources whose findings are shown; None is every one.
        threshold: a finding of this level or a worse one ends the command with NO.
        output: table, json or yaml.
    """

    suppress: tuple[Suppression, ...] = ()
    namespace: str | None = None
    threshold: Level = Level.ERROR
    output: str = "table"


@frozen
class Answer:
    """What was found.

    Attributes:
        diagnostics: by place.
        files: how many were read.
        resources: how many were judged.
        hidden: how many findings are suppressed.
        idle: the suppressions of the question that suppress nothing.
        refused: whether files were so wrong that nothing was looked at across resources.
        places: of the resources.
        sources: texts of the files.
    """

    diagnostics: tuple[Diagnostic, ...]
    files: int
    resources: int
    hidden: int = 0
    idle: tuple[Suppression, ...] = ()
    refused: bool = False
    places: Places = field(factory=lambda: Places({}, {}), repr=False, eq=False)
    sources: Sources = field(factory=lambda: Sources({}), repr=False, eq=False)


def analyze_files(inputs: Inputs, question: Question) -> ExitCode:
    """Say what is found in files alone, as if nothing else were in the mesh; hosts are not known.

    Returns:
        INVALID when a file was refused; NO at or above the threshold, else YES.
    """
    if inputs.is_refused:
        return _say(_refused(inputs), question)
    resources = {each.resource.key: each.resource for each in sorted(inputs.loaded, key=_offline_age)}
    with uncollected():
        found = _found(resources, {}, None, inputs, question)
    return _say(found, question)


async def analyze_mesh(etcd: Etcd, keys: Keys, inputs: Inputs, question: Question) -> ExitCode:
    """Say what is found in the mesh, with the files as they would be after their apply.

    Args:
        inputs: of no files: the mesh as it is.

    Returns:
        As `analyze_files`.

    Raises:
        StoreUnavailable: etcd does not answer.
    """
    if inputs.is_refused:
        return _say(_refused(inputs), question)
    state, hosts = await read_state(etcd, keys), await live_hosts(etcd, keys)
    files = {each.resource.key: each.resource for each in sorted(inputs.loaded, key=lambda each: each.resource.key)}
    with uncollected():
        records = stored_records(state, keys)
        _tell_unreadable(state, keys, records)
        resources, said = _together(records, files)
        found = _found(resources, records, hosts, inputs, question, said)
    return _say(found, question)


def _together(
    records: Mapping[Key, Record], files: Mapping[Key, Resource]
) -> tuple[dict[Key, Resource], list[Diagnostic]]:
    """Return the mesh after an apply of *files*, oldest first, and what is to be said of stored resources as such."""
    resources: dict[Key, Resource] = {}
    said: list[Diagnostic] = []
    for key, record in records.items():
        resource = files.get(key)
        if resource is None:
            resource, about = understand(record.document)
            said += (evolve(each, resource=str(key)) for each in about)
        if resource is not None:
            resources[key] = resource
    return {**resources, **files}, said


def _offline_age(loaded: Loaded) -> tuple[bool, str]:
    """Return the sort key of files that were never applied: time of creation, else the order they were read in."""
    created = loaded.resource.metadata.creation_timestamp
    return created is None, created or ""


def _tell_unreadable(state: State, keys: Keys, records: Mapping[Key, Record]) -> None:
    for key in map(keys.parse_resource, state.raw):
        if key is not None and key not in records:
            talk([f"meshctl: the record of {key} cannot be read; it is left out"])


def _refused(inputs: Inputs) -> Answer:
    return Answer(inputs.diagnostics, inputs.files, inputs.documents, refused=True, sources=inputs.sources)


def _found(
    resources: Mapping[Key, Resource],
    records: Mapping[Key, Record],
    hosts: Sequence[HostRecord] | None,
    inputs: Inputs,
    question: Question,
    said: Iterable[Diagnostic] = (),
) -> Answer:
    """Return what is found in *resources*, together with what is *said* of stored ones and of files."""
    found = everything(Mesh(resources, hosts))
    heard = hear((*inputs.diagnostics, *said, *found), resources, question.suppress)
    places = Places({each.resource.key: each.document for each in inputs.loaded}, records)
    shown = (each for each in heard.said if _is_wanted(each, question.namespace))
    hidden = sum(_is_wanted(each, question.namespace) for each in heard.hidden)
    located = _as_read(map(places.located, shown), inputs)
    return Answer(
        located, inputs.files, len(resources), hidden=hidden, idle=tuple(heard.idle), places=places,
        sources=inputs.sources,
    )  # fmt: skip


def _as_read(said: Iterable[Diagnostic], inputs: Inputs) -> tuple[Diagnostic, ...]:
    """Return *said* by place, those of the given files first and in the order these were read in."""
    files = list(dict.fromkeys(each.document.file for each in inputs.loaded))
    ranks = {file: rank for rank, file in enumerate(files)}

    def rank(each: Diagnostic) -> int:
        return ranks.get(each.place.file if each.place else "", len(files))

    return tuple(in_order(sorted(said, key=rank)))


def _is_wanted(said: Diagnostic, namespace: str | None) -> bool:
    key = key_of(said.resource)
    return namespace is None or key is None or key.namespace == namespace


# --- saying it ----------------------------------------------------------------------------------------------


def _say(answer: Answer, question: Question) -> ExitCode:
    counts = summary(answer.diagnostics, files=answer.files, resources=answer.resources)
    counts["suppressed"] = answer.hidden
    if question.output in ("json", "yaml"):
        listed = [to_json(said) for said in answer.diagnostics]
        print_object({"diagnostics": listed, "summary": counts}, question.output)
    else:
        _print(answer, counts)
    talk(f'meshctl: --suppress "{each}" suppressed nothing' for each in answer.idle)
    if answer.refused:
        return ExitCode.INVALID
    reached = LEVELS[: LEVELS.index(question.threshold) + 1]
    return ExitCode.NO if any(said.level in reached for said in answer.diagnostics) else ExitCode.YES


def _print(answer: Answer, counts: Mapping[str, int]) -> None:
    elsewhere = Sources({})  # the file of that name may be another one by now
    for said in answer.diagnostics:
        show(render(said, answer.sources if answer.places.is_in_files(said) or answer.refused else elsewhere))
    found = [plural(counts[f"{level}s"], level) for level in LEVELS if counts[f"{level}s"]] or ["no findings"]
    found += [f"{answer.hidden} suppressed"] if answer.hidden else []
    files = f"{plural(answer.files, 'file')}, " if answer.files else ""
    show([f"{files}{plural(answer.resources, 'resource')}: {', '.join(found)}"])
    if len(answer.diagnostics) > A_FEW:
        codes_found = Counter(said.code for said in answer.diagnostics).most_common()
        show([", ".join(f"{code} ×{count}" for code, count in codes_found)])
    if answer.refused:
        talk(["meshctl: not looked at across resources before the errors are corrected"])
    elif codes := sorted({said.code for said in answer.diagnostics}):
        talk([f"what a code means: meshctl analyze --explain {codes[0]}"])
