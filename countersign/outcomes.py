"""How a command ends."""

from __future__ import annotations

YES, NO, USAGE, COULD_NOT_TELL = 0, 1, 2, 3


class SaidNo(Exception):
    """The answer is no; the words say why and what to do."""


class Misused(Exception):
    """The command cannot be used like this."""


class CouldNotTell(Exception):
    """Whether it is yes or no could not be found out."""


class BadSettings(CouldNotTell):
    """The service's own settings cannot be read."""
