"""Documents → the documents of today that say the same, and everything that could not be said."""

from collections.abc import Iterable, Mapping, Sequence

from attrs import evolve, frozen

from ctl.convert.destination_rules import Services, existing_rules
from ctl.convert.egress import Originated, hosts_of_addresses, service_entry
from ctl.convert.hosts import Host, Names
from ctl.convert.ingress import ingress_drafts
from ctl.convert.model import DIFFERENT, Draft, Made, Original, Part, by_name, plain, where
from ctl.convert.old_rules import IstioService
from ctl.convert.policies import policies
from ctl.convert.reading import Readings, read_all
from ctl.convert.route_rules import Group, group_rules, group_uses, is_for_http, virtual_service
from store.codec import decode
from store.diagnostic import Diagnostic, Level, Place, Related
from store.index import MESH, gateway_names
from store.reader import Document
from store.resources.fields import Key
from store.resources.kinds import KINDS, Resource
from store.resources.virtual_service import VirtualService

ALREADY_CURRENT = "already-current"
"""Code for a document that is of today already and is passed on as it is."""

REWRITTEN = "rewritten"
"""Code for a document of today's kinds that was written in spellings of before."""

_ORDER = ("Gateway", "ServiceEntry", "DestinationRule", "VirtualService")
"""How the documents of a namespace are sorted; other kinds come after these."""


@frozen
class Conversion:
    """What became of the input.

    Attributes:
        made: the documents, by namespace, kind and name; none with an error among the diagnostics.
        diagnostics: everything that is to be said, with places, in no order.
    """

    made: tuple[Made, ...]
    diagnostics: tuple[Diagnostic, ...]


def convert(documents: Sequence[Document]) -> Conversion:
    """Convert *documents*; those of today are passed on, so that the answer is the complete set.

    Returns:
        The same for the same documents, whatever their order, but for the places in comments. A user's mistake is a
        diagnostic of level error; what has no counterpart is one of level warning. Never raises.
    """
    readings = read_all(documents)
    said = list(readings.diagnostics)
    made = {
        key: _passed_on(document, rewritten=key in readings.rewritten)
        for key, (_, document) in readings.current.items()
    }
    drafts = _convert(readings, made, said)
    said += _already_current(readings, made)
    made |= {draft.key: _finished(draft) for draft in drafts}
    said += _judged(made[key] for key in _in_order(made))
    refused = any(one.is_error for one in said)
    return Conversion(() if refused else tuple(made[key] for key in _in_order(made)), tuple(said))


def _in_order(keys: Iterable[Key]) -> list[Key]:
    def rank(key: Key) -> int:
        return _ORDER.index(key.kind) if key.kind in _ORDER else len(_ORDER)

    return sorted(keys, key=lambda key: (key.namespace, rank(key), key.kind, key.name))


def _convert(readings: Readings, made: dict[Key, Made], said: list[Diagnostic]) -> list[Draft]:
    """Return the new documents; complete those of *made* that were there already."""
    taken = set(made)
    egress = list(by_name(readings.originals, "EgressRule"))
    addresses = hosts_of_addresses(egress)
    names = Names(addresses)
    drafts: list[Draft] = []
    tls: list[Originated] = []
    for rule in egress:
        draft, originated, remarks = service_entry(rule, addresses, taken)
        said += remarks
        _add(drafts, draft, taken)
        tls += [originated] if originated else []
    found, remarks = policies(by_name(readings.originals, "DestinationPolicy"), names)
    said += remarks
    groups, remarks = group_rules(by_name(readings.originals, "RouteRule"), names)
    said += remarks
    services = Services(existing_rules(readings.current.values(), names))
    services.collect((use for group in groups for use in group_uses(group, names)), found, tls)
    for key, completed, remarks in services.completed():
        made[key] = completed
        said += remarks
    for draft, remarks in services.drafts(taken):
        said += remarks
        _add(drafts, draft, taken)
    routed = _routed(readings.current.values(), names)
    for group in groups:
        said += _rivals(group, routed.get(group.host, ()))
        draft, remarks = virtual_service(group, names, services.names, taken)
        said += remarks
        _add(drafts, draft, taken)
    ingresses = list(by_name(readings.originals, "Ingress"))
    ruled = {group.host.full: group.rules[0] for group in groups if any(is_for_http(r.spec) for r in group.rules)}
    more, remarks = ingress_drafts(ingresses, readings.ports, ruled, taken)
    said += remarks
    return drafts + more


def _add(drafts: list[Draft], draft: Draft | None, taken: set[Key]) -> None:
    if draft is not None:
        drafts.append(draft)
        taken.add(draft.key)


def _finished(draft: Draft) -> Made:
    """Return *draft* as a document, with a comment for each document that it was made of."""
    metadata: dict[str, object] = {"name": draft.name}
    if draft.namespace != "default" or any(original.names_namespace for original in draft.originals):
        metadata["namespace"] = draft.namespace
    labels = _shared_labels(draft.originals)
    if labels:
        metadata["labels"] = labels
    spec, parts = plain(draft.spec, ("spec",))
    comments = {path: part.comment for path, part in parts.items() if part.comment}
    comments[()] = "\n".join(f"from {original.origin}" for original in draft.originals)
    document = {"apiVersion": KINDS[draft.kind].api_version, "kind": draft.kind, "metadata": metadata, "spec": spec}
    return Made(document, comments, {(): Part(None, draft.originals[0], ()), **parts})


def _shared_labels(originals: Sequence[Original]) -> dict[str, str]:
    """Return the labels that all *originals* have: the new document is each of them."""
    shared = set(originals[0].metadata.labels.items())
    for original in originals[1:]:
        shared &= set(original.metadata.labels.items())
    return dict(sorted(shared))


# --- documents of today -----------------------------------------------------------------------------------


def _passed_on(document: Document, *, rewritten: bool) -> Made:
    assert isinstance(document.value, Mapping), "it was decoded"
    how = "in today's spelling what is in" if rewritten else "as it is in"
    return Made(document.value, {(): f"{how} {where(document)}"})


def _already_current(readings: Readings, made: Mapping[Key, Made]) -> Iterable[Diagnostic]:
    for key, (_, document) in readings.current.items():
        what = ["completed by what old documents say of its service"] if made[key].parts else []
        code, spelling = ALREADY_CURRENT, "of today's API"
        if key in readings.rewritten:
            code, spelling = REWRITTEN, "of today's API in spellings of before"
            what.insert(0, "rewritten in those of today")
        message = f"a document {spelling}: it is {' and '.join(what) or 'passed on as it is'}"
        yield Diagnostic(Level.INFO, code, message, ("kind",), str(key), document.place(("kind",)))


def _routed(
    current: Iterable[tuple[Resource, Document]], names: Names
) -> Mapping[Host, list[tuple[Resource, Document]]]:
    """Return host → the VirtualServices of the input that route requests of the mesh for it."""
    found: dict[Host, list[tuple[Resource, Document]]] = {}
    for resource, document in current:
        namespace, spec = resource.metadata.namespace, resource.spec
        if isinstance(spec, VirtualService) and MESH in gateway_names(spec, namespace):
            for host in spec.hosts:
                meant = names.host(IstioService(service=host), namespace)
                found.setdefault(meant, []).append((resource, document))
    return found


def _rivals(group: Group, others: Iterable[tuple[Resource, Document]]) -> Iterable[Diagnostic]:
    """Yield each VirtualService of the input that routes the host of *group*, too."""
    for resource, document in others:
        message = f"{resource.key} has rules for this service, too: which come first was not defined"
        hint = "join the two VirtualServices by hand; until then the older one's rules come first"
        said = group.rules[0].note(Level.WARNING, DIFFERENT, message, "spec", "destination", hint=hint)
        place: Place = document.place(("spec", "hosts"))
        yield evolve(said, related=[Related("its hosts", place, str(resource.key))])  # type: ignore[list-item]  # attrs loses tuple's type


def _judged(made: Iterable[Made]) -> Iterable[Diagnostic]:
    """Yield what today's rules refuse in new documents, as what is wrong in the old ones; of one place, once."""
    seen: set[tuple[Place | None, str]] = set()
    for one in made:
        if not one.parts:
            continue
        for said in decode(one.document)[1]:
            blamed = one.blame(said) if said.is_error else None
            if blamed and (blamed.place, blamed.code) not in seen:
                seen.add((blamed.place, blamed.code))
                yield blamed
