"""Where a text that is no YAML went wrong, by the look of its lines: the parser notices most slips later.

Only guesses that a reader of the file would make, too; nothing here parses.
"""

import re
from collections.abc import Iterator, Sequence

from attrs import frozen


@frozen
class Slip:
    """What was probably meant to be otherwise.

    Attributes:
        line: from 0.
        column: from 1.
        message: what is wrong there.
        hint: what to do about it, or None.
    """

    line: int
    column: int
    message: str
    hint: str | None = None


_TEMPLATE = re.compile(r"""\{\{-?\s*[.$\w"/(].{0,200}?\}\}""")
RENDER = "this looks like a template: render it first (helm template)"

_BARE = re.compile(r"(?P<before>\s*(?:- +)*)(?P<word>[A-Za-z][\w.-]*)\s*(#.*)?")
_TIGHT = re.compile(r"(?P<before>\s*(?:- +)*)(?P<key>[A-Za-z]\w*):(?P<rest>[^\s:/][^:#]*)(#.*)?")
MAX_LOOKED_AT = 200_000
"""Characters; longer texts are not looked at: a person did not write them, and looking is not worth the time."""

_TEXT = re.compile(r"""#.*|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[\[\]{}]""")
_CLOSES = {"]": "[", "}": "{"}


def template_in(lines: Sequence[str], last: int) -> Slip | None:
    """Return the first expression of a template in *lines* up to number *last*, from 0; None when there is none."""
    for number, line in enumerate(lines[: last + 1]):
        found = _TEMPLATE.search(line)
        if found and not line.lstrip().startswith("#"):
            return Slip(number, found.start() + 1, "an expression of a template is no YAML", RENDER)
    return None


def incomplete_key(lines: Sequence[str], noticed: int) -> Slip | None:
    """Return the key without a colon, or without a blank behind it, that made the parser fail; None when none is near.

    Args:
        lines: of the text.
        noticed: the line, from 0, where the parser saw a key that cannot be one, or the incomplete key itself.
    """
    found = list(_incomplete(lines, noticed))
    no_items = [slip for slip, is_item in found if not is_item]
    return next(iter(no_items or [slip for slip, _ in found]), None)


def _incomplete(lines: Sequence[str], noticed: int) -> Iterator[tuple[Slip, bool]]:
    """Yield the incomplete keys of the text that *noticed* goes on with, nearest first, and which are list items."""
    for number in range(min(noticed, len(lines) - 1), -1, -1):
        line = lines[number]
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        bare, tight = _BARE.fullmatch(line), _TIGHT.fullmatch(line)
        if bare:
            word, column = bare["word"], bare.end("word") + 1
            yield Slip(number, column, f"a colon is missing after {word}", f'write "{word}:"'), "-" in bare["before"]
        elif tight:
            key, column = tight["key"], tight.start("rest") + 1
            hint = f'write "{key}: {tight["rest"].strip()}"'
            yield Slip(number, column, f"a blank is missing after the colon of {key}", hint), "-" in tight["before"]
        elif number != noticed or "..." in line or "…" in line:
            return


def unclosed(text: str) -> Slip | None:
    """Return the last brace or bracket of *text* that is never closed; None when every one is."""
    opened: list[tuple[str, int]] = []
    for found in _TEXT.finditer(text):
        mark = found.group()
        if mark in ("[", "{"):
            opened.append((mark, found.start()))
        elif mark in _CLOSES and opened and opened[-1][0] == _CLOSES[mark]:
            opened.pop()
    if not opened:
        return None
    mark, start = opened[-1]
    return never_closed(mark, text.count("\n", 0, start), start - text.rfind("\n", 0, start))


def never_closed(mark: str, line: int, column: int) -> Slip:
    """Return what to say of a *mark*, `[` or `{`, whose counterpart the parser did not find."""
    name = "bracket" if mark == "[" else "brace"
    return Slip(line, column, f"this {name} is never closed", f"a comma or the closing {name} is missing behind it")
