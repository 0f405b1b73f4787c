"""
The command `countersign`, for operators, people and scripts.

Exit codes: 0 yes · 1 no (denied, invalid, broken) · 2 the command was not used as it must be ·
3 could not tell.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from countersign import arguments, terminal
from countersign.errors import CountersignError, Unreachable
from countersign.outcomes import COULD_NOT_TELL, NO, USAGE, CouldNotTell, Misused, SaidNo


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    terminal.prepare()
    asked = arguments.parser().parse_args(argv)
    try:
        return _run(asked)
    except BrokenPipeError:
        terminal.swallow_broken_pipe()
        return NO
    except KeyboardInterrupt:
        terminal.complain("Stopped.")
        return COULD_NOT_TELL


def _run(asked: argparse.Namespace) -> int:
    try:
        return int(asked.run(asked))
    except Misused as error:
        return _end(error, USAGE)
    except (CouldNotTell, Unreachable) as error:
        return _end(error, COULD_NOT_TELL)
    except (SaidNo, CountersignError) as error:
        return _end(error, NO)


def _end(error: Exception, code: int) -> int:
    terminal.complain(str(error))
    return code


if __name__ == "__main__":
    sys.exit(main())
