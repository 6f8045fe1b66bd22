"""Names that the machine's own hosts file answers, before any server is asked. Format: hosts(5).

Nothing is cached here beyond the file's present content, and nothing is looked up over the network.
"""

from pathlib import Path

from agent.dns.upstream import sort_addresses

_LOOPBACK = ("127.0.0.1",)


class HostsFile:
    """A hosts file, read again when it has changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int, int] | None = None
        self._names: dict[str, tuple[str, ...]] = {}
        self.refresh()

    def refresh(self) -> bool:
        """Read the file if it is another one than at the last look; return whether its names changed.

        A file that cannot be read has no names.
        """
        try:
            status = self._path.stat()
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
            if stamp == self._stamp:
                return False
            names = _parse(self._path.read_text(errors="replace"))
        except OSError:
            stamp, names = None, {}
        changed = names != self._names
        self._stamp, self._names = stamp, names
        return changed

    def lookup(self, name: str) -> tuple[str, ...]:
        """Return the addresses of *name*, empty when the file does not know it.

        As with DNS, IPv6 addresses count only where there is no IPv4 one. `localhost` and what is below it is
        this machine, also when the file does not say so (RFC 6761, section 6.3).
        """
        key = name.lower().removesuffix(".")
        known = self._names.get(key, ())
        if not known and (key == "localhost" or key.endswith(".localhost")):
            return _LOOPBACK
        return known


def _parse(text: str) -> dict[str, tuple[str, ...]]:
    """Return name → addresses; lines that make no sense are passed over, as the C library does."""
    names: dict[str, list[str]] = {}
    for line in text.splitlines():
        address, *aliases = line.partition("#")[0].split() or [""]
        try:
            (plain,) = sort_addresses([address])
        except ValueError:
            continue
        for alias in aliases:
            names.setdefault(alias.lower().removesuffix("."), []).append(plain)
    return {name: _preferred(addresses) for name, addresses in names.items()}


def _preferred(addresses: list[str]) -> tuple[str, ...]:
    v4 = [address for address in addresses if ":" not in address]
    return sort_addresses(v4 or addresses)
