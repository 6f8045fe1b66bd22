"""Printing everything that was said about files: for `validate` the answer itself, for other commands talk."""

from collections.abc import Iterator

import click
from rich.text import Text

from ctl.diagnostics import render, summary, to_json
from ctl.exit_codes import ExitCode
from ctl.inputs import Inputs
from ctl.output import print_object, show, talk


def tell(inputs: Inputs) -> None:
    """Print the diagnostics of *inputs* to stderr."""
    talk(_lines(inputs))


def _lines(inputs: Inputs) -> Iterator[Text]:
    return (line for said in inputs.diagnostics for line in render(said, inputs.sources))


def answer(inputs: Inputs, output: str) -> None:
    """Print the diagnostics of *inputs* and their counts to stdout."""
    if output in ("json", "yaml"):
        print_object(as_json(inputs), output)
        return
    show([*_lines(inputs), _counts(inputs)])


def end_if_refused(ctx: click.Context, inputs: Inputs, output: str) -> None:
    """End the command with exit code 2 when *inputs* hold an error, after all of them were printed."""
    if not inputs.is_refused:
        return
    if output in ("json", "yaml"):
        print_object(as_json(inputs), output)
    else:
        tell(inputs)
        talk([f"{_counts(inputs)}; nothing was changed"])
    ctx.exit(ExitCode.INVALID)


def as_json(inputs: Inputs) -> dict[str, object]:
    """Return the contract's findings."""
    counts = summary(inputs.diagnostics, files=inputs.files, resources=inputs.documents)
    return {"diagnostics": [to_json(said) for said in inputs.diagnostics], "summary": counts}


def _counts(inputs: Inputs) -> str:
    counts = summary(inputs.diagnostics, files=inputs.files, resources=inputs.documents)
    found = ", ".join(_plural(counts[f"{word}s"], word) for word in ("error", "warning") if counts[f"{word}s"])
    return f"{_plural(counts['files'], 'file')}, {_plural(counts['resources'], 'resource')}: {found or 'no findings'}"


def _plural(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
