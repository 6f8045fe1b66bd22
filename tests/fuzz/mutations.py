"""What a hand, an editor or a disk does to a file; the same of the same seed."""

from collections.abc import Callable
from random import Random

VALUES = ["no", "~", "[]", "{}", "-1", "99999999999", "x: y", "*x", "&x", "'", '"', "...", "1.10", "10.0.0.1", "é"]


def mutated(text: bytes, seed: int) -> bytes:
    """Return *text* after one to four accidents."""
    chance = Random(seed)
    for _ in range(chance.randint(1, 4)):
        text = chance.choice(ACCIDENTS)(text, chance)
    return text


def _flip(text: bytes, chance: Random) -> bytes:
    """One bit of one byte."""
    if not text:
        return text
    at = chance.randrange(len(text))
    return text[:at] + bytes([text[at] ^ (1 << chance.randrange(8))]) + text[at + 1 :]


def _cut(text: bytes, chance: Random) -> bytes:
    """The end is missing."""
    return text[: chance.randrange(len(text) + 1)]


def _of_lines(change: Callable[[list[bytes], Random], None]) -> Callable[[bytes, Random], bytes]:
    def accident(text: bytes, chance: Random) -> bytes:
        lines = text.split(b"\n")
        change(lines, chance)
        return b"\n".join(lines)

    return accident


def _delete(lines: list[bytes], chance: Random) -> None:
    del lines[chance.randrange(len(lines))]


def _swap(lines: list[bytes], chance: Random) -> None:
    one, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]


def _double(lines: list[bytes], chance: Random) -> None:
    at = chance.randrange(len(lines))
    lines.insert(at, lines[at])


def _indent(lines: list[bytes], chance: Random) -> None:
    at = chance.randrange(len(lines))
    by = chance.choice([-2, -1, 1, 2, 4, 0])
    line = lines[at]
    lines[at] = line.removeprefix(b" " * -by) if by < 0 else (b" " * by or b"\t") + line


def _misspell(lines: list[bytes], chance: Random) -> None:
    """Two letters of a key change places, or its case does, or one is missing."""
    at = chance.randrange(len(lines))
    key, colon, rest = lines[at].partition(b":")
    if len(key) > 3 and colon:
        i = chance.randrange(len(key) - 1)
        key = chance.choice([key[:i] + key[i : i + 2][::-1] + key[i + 2 :], key.swapcase(), key[:i] + key[i + 1 :]])
        lines[at] = key + colon + rest


def _revalue(lines: list[bytes], chance: Random) -> None:
    at = chance.randrange(len(lines))
    key, colon, _ = lines[at].partition(b":")
    if colon:
        lines[at] = key + b": " + chance.choice(VALUES).encode()


def _exchange(lines: list[bytes], chance: Random) -> None:
    """Two keys change their values."""
    one, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    (a, _, x), (b, _, y) = lines[one].partition(b":"), lines[other].partition(b":")
    lines[one], lines[other] = a + b":" + y, b + b":" + x


_TO_LINES = (_delete, _swap, _double, _indent, _misspell, _misspell, _revalue, _revalue, _exchange)
ACCIDENTS = (_flip, _cut, *map(_of_lines, _TO_LINES))
