"""What `meshctl analyze --explain` says: the table of codes, and one of them in full; and codes in `--suppress`.

The texts are those of `store/analysis/`.
"""

import re
import textwrap
from collections.abc import Iterable, Iterator

from rich.text import Text

from ctl.exit_codes import ExitCode
from ctl.output import print_object, show, style_of, styled, table, talk
from store.analysis.code import Code
from store.analysis.codes import CODES, code_named
from store.analysis.suppression import Suppression
from store.scalars import did_you_mean

WIDTH = 100
_ISTIO_S = re.compile(r"IST\d{4}", re.ASCII | re.IGNORECASE)


def explain_code(word: str, output: str) -> ExitCode:
    """Print what the code that *word* spells means, or all codes when it is empty.

    Args:
        output: table, json or yaml.

    Returns:
        YES; INVALID when there is no such code.
    """
    if not word:
        _list(output)
        return ExitCode.YES
    code = code_named(word)
    if code is None:
        near = did_you_mean(word.upper() if word.lower().startswith("ist") else word.lower(), CODES)
        talk([f'meshctl: there is no code "{word}"; {near or "all of them: meshctl analyze --explain"}'])
        return ExitCode.INVALID
    if output in ("json", "yaml"):
        print_object(_as_plain(code), output)
    else:
        show(_page(code))
    return ExitCode.YES


def suppressions(words: Iterable[str]) -> tuple[Suppression, ...]:
    """Return what `--suppress` words mean. Codes that only Istio has pass: scripts are shared with istioctl.

    Raises:
        ValueError: a word has no code, or one that nobody has; the message says what it may have been meant for.
    """
    parsed = tuple(map(Suppression.parse, words))
    for each in parsed:
        if "*" not in each.code and not _ISTIO_S.fullmatch(each.code) and code_named(each.code) is None:
            near = did_you_mean(each.code.lower(), CODES)
            raise ValueError(f'there is no code "{each.code}"; {near or "all of them: meshctl analyze --explain"}')
    return parsed


def _list(output: str) -> None:
    if output in ("json", "yaml"):
        print_object({"codes": [_as_plain(code) for code in CODES.values()]}, output)
    else:
        show(table(("CODE", "LEVEL", "TITLE"), [(code.code, str(code.level), code.title) for code in CODES.values()]))


def _as_plain(code: Code) -> dict[str, str]:
    return {
        "code": code.code, "title": code.title, "level": str(code.level),
        "meaning": code.meaning, "example": code.example.strip() + "\n", "remedy": code.remedy,
    }  # fmt: skip


def _page(code: Code) -> Iterator[Text | str]:
    yield styled((code.code, "bold"), f": {code.title} (", (str(code.level), style_of(code.level)), ")")
    yield ""
    yield from textwrap.wrap(code.meaning, WIDTH)
    yield ""
    yield styled(("For example:", "bold"))
    yield from textwrap.indent(code.example.strip(), "  ").splitlines()
    yield ""
    yield styled(("What to do:", "bold"))
    yield from textwrap.wrap(code.remedy, WIDTH)
