"""Names as conditions compare them: exactly, and folded to notice a disguise."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True)
class Globs:
    """Patterns of which one must match."""

    patterns: tuple[str, ...]

    def cover(self, name: str) -> bool | None:
        """None when it matches only after case and lookalike forms are folded: that may be a disguise."""
        if any(fnmatchcase(name, pattern) for pattern in self.patterns):
            return True
        folded = fold(name)
        return None if any(fnmatchcase(folded, fold(glob)) for glob in self.patterns) else False

    def __str__(self) -> str:
        return ", ".join(self.patterns)


def plain(text: str) -> str:
    """Without white space around it."""
    return text.strip()


def fold(text: str) -> str:
    """Without case, and in Unicode's compatible form."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def kind(name: str) -> str:
    """A type of resource without case and plural s: `Deployments` is `deployment`."""
    return fold(plain(name)).removesuffix("s")
