"""Printing everything that was said about files: for `validate` the answer itself, for other commands talk."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import click
from rich.text import Text

from ctl.diagnostics import Sources, render, summary, to_json
from ctl.exit_codes import ExitCode
from ctl.inputs import Inputs
from ctl.output import plural, print_object, show, talk
from store.diagnostic import Diagnostic

MAX_TOLD = 50
"""More findings than this nobody reads who asked for something else."""


def tell(said: Sequence[Diagnostic], sources: Sources, *, limit: int = MAX_TOLD, rest: str) -> int:
    """Print *said* to stderr; when there are more than *limit*, errors first, and of the others how many of each code.

    Args:
        said: in the order in which they are printed.
        sources: texts for excerpts.
        limit: how many at most.
        rest: where the others are shown.

    Returns:
        How many were printed.
    """
    first = sorted(range(len(said)), key=lambda i: not said[i].is_error)[: max(0, limit)]
    talk(_lines((said[i] for i in sorted(first)), sources))
    shown = frozenset(first)
    others = Counter(one.code for i, one in enumerate(said) if i not in shown)
    if others:
        counts = ", ".join(f"{code} {count:,}" for code, count in others.most_common())
        talk([f"… and {others.total():,} more ({counts}); {rest}"])
    return len(first)


def _lines(said: Iterable[Diagnostic], sources: Sources) -> Iterator[Text]:
    return (line for one in said for line in render(one, sources))


def answer(inputs: Inputs, output: str) -> None:
    """Print the diagnostics of *inputs* and their counts to stdout."""
    if output in ("json", "yaml"):
        print_object(as_json(inputs), output)
        return
    show([*_lines(inputs.diagnostics, inputs.sources), _counts(inputs)])


def end_if_refused(ctx: click.Context, inputs: Inputs, output: str) -> None:
    """End the command with exit code 2 when *inputs* hold an error, after it was printed."""
    if not inputs.is_refused:
        return
    if output in ("json", "yaml"):
        print_object(as_json(inputs), output)
    else:
        tell(inputs.diagnostics, inputs.sources, rest="meshctl validate shows them")
        talk([f"{_counts(inputs)}; nothing was changed"])
    ctx.exit(ExitCode.INVALID)


def as_json(inputs: Inputs) -> dict[str, object]:
    """Return the contract's findings."""
    counts = summary(inputs.diagnostics, files=inputs.files, resources=inputs.documents)
    return {"diagnostics": [to_json(said) for said in inputs.diagnostics], "summary": counts}


def _counts(inputs: Inputs) -> str:
    counts = summary(inputs.diagnostics, files=inputs.files, resources=inputs.documents)
    found = ", ".join(plural(counts[f"{word}s"], word) for word in ("error", "warning") if counts[f"{word}s"])
    return f"{plural(counts['files'], 'file')}, {plural(counts['resources'], 'resource')}: {found or 'no findings'}"
