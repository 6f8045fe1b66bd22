"""What `meshctl convert` does: read files, convert, print. What becomes of what is in `ctl/convert/`."""

from collections.abc import Sequence

import click
from attrs import evolve

from ctl.convert.convert import Conversion, convert
from ctl.convert.model import DIFFERENT, NOT_CONVERTED
from ctl.convert.render import render_all
from ctl.diagnostics import in_order, render, summary, to_json
from ctl.exit_codes import ExitCode
from ctl.inputs import Documents, load_documents
from ctl.output import plural, print_object, talk
from store.diagnostic import Diagnostic, Level

LOST_MEANING = frozenset({NOT_CONVERTED, DIFFERENT})
"""Codes of warnings that the answer does not mean all that the input meant."""


def run(files: Sequence[str], *, namespace: str | None, output: str, strict: bool = False) -> ExitCode:
    """Convert *files* and print the answer: documents to stdout, what is said of them to stderr.

    Args:
        files: files, directories, `-`.
        namespace: of documents that name none; None is `default`.
        output: `json` prints one object; anything else YAML.
        strict: whether a warning of LOST_MEANING is an error.

    Returns:
        INVALID, with no documents printed, when anything was refused; else YES.
    """
    found = load_documents(files, namespace=namespace)
    conversion = convert(found.documents)
    said = in_order((*found.diagnostics, *conversion.diagnostics))
    said = [evolve(one, level=Level.ERROR) if strict and _is_loss(one) else one for one in said]
    refused = any(one.is_error for one in said)
    if output == "json":
        documents = [made.document for made in conversion.made]
        print_object({"resources": [] if refused else documents, **_findings(said, found)}, output)
    else:
        if not refused:
            click.echo(render_all(conversion.made), nl=False)
        _tell(said, found, conversion, refused=refused)
    return ExitCode.INVALID if refused else ExitCode.YES


def _is_loss(said: Diagnostic) -> bool:
    return said.level is Level.WARNING and said.code in LOST_MEANING


def _findings(said: Sequence[Diagnostic], found: Documents) -> dict[str, object]:
    """Return the contract's findings."""
    counts = summary(said, files=found.files, resources=len(found.documents))
    return {"diagnostics": [to_json(one) for one in said], "summary": counts}


def _tell(said: Sequence[Diagnostic], found: Documents, conversion: Conversion, *, refused: bool) -> None:
    for one in said:
        talk(render(one, found.sources))
    counts = summary(said, files=found.files, resources=len(found.documents))
    printed = plural(len(conversion.made), "document")
    became = "nothing is printed" if refused else f"printed {printed} of today's API"
    levels = ", ".join(plural(counts[f"{level}s"], level) for level in Level if counts[f"{level}s"])
    read = plural(len(found.documents), "document")
    talk([f"read {read}, {became}{f'; {levels}' if levels else ''}"])
