"""What `apply` and `delete` say of the findings that a change adds. What is found is decided in `store/analysis/`."""

from collections.abc import Mapping, Sequence

from attrs import evolve

from ctl.collector import uncollected
from ctl.inputs import Loaded
from ctl.places import Places, stored_records
from store.analysis.analyze import added
from store.analysis.mesh import Mesh
from store.analysis.outline import Document
from store.analysis.shelf import Shelf
from store.client import State
from store.codec import encode
from store.diagnostic import Diagnostic, Level
from store.host import HostRecord
from store.keys import Keys
from store.resources.fields import Key
from store.resources.kinds import Resource


def added_findings(
    made: Mapping[Key, Resource | None],
    before: State,
    keys: Keys,
    hosts: Sequence[HostRecord],
    loaded: Sequence[Loaded] = (),
) -> tuple[Diagnostic, ...]:
    """Return the findings that a change adds, with their places.

    None of them is an error here: an error keeps a change from being made, and these do not.

    Args:
        made: what each changed key becomes; None is deleted.
        before: the mesh that is changed.
        hosts: the live ones.
        loaded: the documents of *made*, for places.
    """
    with uncollected():
        records = stored_records(before, keys)
        old = {key: record.document for key, record in records.items()}
        mesh = Mesh(Shelf(old), hosts, documents=old)
        new = _changed(old, made)
        found = added(mesh, Mesh(Shelf(new), hosts, documents=new, like=mesh), made.keys())
    places = Places({each.resource.key: each.document for each in loaded}, records)
    return tuple(_at_most_a_warning(places.located(said)) for said in found)


def _changed(documents: Mapping[Key, Document], made: Mapping[Key, Resource | None]) -> dict[Key, Document]:
    """Return *documents* after the change: what is changed keeps its age, what is new is youngest."""
    kept = {key: document for key, document in documents.items() if made.get(key, document) is not None}
    return kept | {key: encode(resource) for key, resource in sorted(made.items()) if resource is not None}


def _at_most_a_warning(said: Diagnostic) -> Diagnostic:
    return evolve(said, level=Level.WARNING) if said.is_error else said
