"""What `meshctl describe` does: all that the mesh knows of one resource, on one page."""

import time
from collections.abc import Iterator, Mapping, Sequence

from attrs import frozen
from rich.text import Text

from ctl.diagnostics import Sources, render, to_json
from ctl.exit_codes import ExitCode
from ctl.getting import Query, find
from ctl.output import ago, print_object, render_yaml, show, style_of, styled, table
from ctl.places import Places, stored_records
from ctl.standing import Standing, standings
from ctl.stored import everything
from ctl.survey import Survey, look
from ctl.waiting import reason
from store.analysis.analyze import analyze
from store.analysis.mesh import Mesh
from store.analysis.neighbours import Neighbour, neighbours
from store.analysis.shelf import Shelf
from store.client import read_state
from store.codec import Record
from store.diagnostic import Diagnostic
from store.diff import normal_form
from store.etcd.client import Etcd
from store.keys import Keys
from store.resources.fields import Key


@frozen
class Page:
    """What is told of one resource.

    Attributes:
        key, record: the resource.
        standing: how it stands on the hosts; None when nothing can be said about that.
        neighbours: the resources that it has to do with.
        findings: what `analyze` finds at it.
    """

    key: Key
    record: Record
    standing: Standing | None
    neighbours: Sequence[Neighbour]
    findings: Sequence[Diagnostic]

    def to_json(self) -> dict[str, object]:
        """Return the page as plain values."""
        source = self.record.source
        return {
            "resource": str(self.key),
            "apply": self.record.apply,
            "created": self.record.created,
            "file": source.file,
            "line": source.line,
            "standing": self.standing.to_json() if self.standing else None,
            "related": [{"resource": str(each.key), "name": each.name} for each in self.neighbours],
            "diagnostics": [to_json(said) for said in self.findings],
            "document": normal_form(self.record.document),
        }


async def describe(etcd: Etcd, keys: Keys, query: Query, output: str) -> ExitCode:
    """Print a page for each resource that *query* names. NO when one of them is not there."""
    state = await read_state(etcd, keys)
    survey = await look(etcd, keys)
    found, missing = find(everything(state, keys), query)
    records = stored_records(state, keys)
    documents = {key: record.document for key, record in records.items()}
    live = [host.record for host in survey.hosts if host.record is not None]
    mesh = Mesh(Shelf(documents), live, documents=documents)
    pages = _pages(mesh, records, survey, [each.key for each in found])
    if output in ("json", "yaml"):
        print_object({"resources": [page.to_json() for page in pages]}, output)
    else:
        for n, page in enumerate(pages):
            show([*([""] if n else []), *_lines(page, survey)])
    return ExitCode.NO if missing or not found else ExitCode.YES


def _pages(mesh: Mesh, records: Mapping[Key, Record], survey: Survey, keys: Sequence[Key]) -> list[Page]:
    known = {each.key: each for each in standings(survey.snapshot, survey.hosts)} if survey.snapshot else {}
    places = Places({}, records)
    pages = []
    for key in keys:
        findings = [places.located(said) for said in analyze(mesh, [key])]
        pages.append(Page(key, records[key], known.get(key), neighbours(mesh.outlines, key), findings))
    return pages


def _lines(page: Page, survey: Survey) -> Iterator[Text | str]:
    record = page.record
    yield styled((str(page.key), "bold"))
    yield f"  applied    {record.apply}{_by(record, survey)} from {record.source.file}:{record.source.line}"
    yield f"  created    by apply {record.created}" + (f", set {record.set}" if record.set else "")
    yield from _standing_lines(page.standing)
    if page.neighbours:
        yield ""
        rows = [(str(each.key), each.name) for each in page.neighbours]
        yield from table(("RELATED", "THROUGH"), rows)
    if page.findings:
        yield ""
        for said in page.findings:
            yield from render(said, Sources({}))
    yield ""
    yield render_yaml(normal_form(record.document))


def _by(record: Record, survey: Survey) -> str:
    head = survey.head
    if head is None or head.apply != record.apply:
        return ""
    return f" by {head.author} {ago(time.time() - head.time)} ago"


def _standing_lines(standing: Standing | None) -> Iterator[Text | str]:
    if standing is None:
        return
    hosts = ", ".join(f"{verdict} on {count}" for verdict, count in standing.hosts.items()) or "no hosts yet"
    yield styled("  hosts      ", (standing.verdict, style_of(standing.verdict)), f" ({hosts})")
    for refused in standing.refused:
        yield styled("  ", ("rejected", style_of("rejected")), f"   {refused.host}: {reason(refused.rejection)}")
    for said in standing.entry.diagnostics:
        yield f"  unread     {said.message}"
