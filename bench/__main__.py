"""`python -m bench`: measure, say it in a table, and write it down where asked."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

from bench import click, dashboards, evaluate, machine, pages, submit, timers
from bench.figures import Chapter
from bench.ground import Ground, prepared
from bench.plan import QUICK, WHOLE, Plan

CHAPTERS: dict[str, Callable[[Ground, Plan], Chapter]] = {
    "submit": submit.measure,
    "click": click.measure,
    "timers": timers.measure,
    "evaluate": evaluate.measure,
}
# Long to set up, so made only where they are named.
BY_NAME: dict[str, Callable[[Ground, Plan], Chapter]] = {
    "pages": pages.measure,
    "dashboards": dashboards.measure,
}


def main() -> None:
    wanted = _wanted()
    plan = QUICK if wanted.quick else WHOLE
    started = time.monotonic()
    with prepared(wanted.engine) as ground:
        conditions = machine.conditions(ground.folder) | _where(ground, plan)
        print("\n".join(f"- {name}: {value}" for name, value in conditions.items()), flush=True)
        chapters = []
        for name in wanted.only:
            chapters.append((CHAPTERS | BY_NAME)[name](ground, plan))
            print("\n" + "\n".join(chapters[-1].lines()), flush=True)
    print(f"Measured in {time.monotonic() - started:.0f} s.")
    if wanted.json:
        told = {"conditions": conditions, "chapters": [each.to_json() for each in chapters]}
        wanted.json.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


def _where(ground: Ground, plan: Plan) -> dict[str, str]:
    servers = "; ".join(ground.servers) or "SQLite in a file, no Redis"
    return {
        "servers": f"{servers}; every commit is flushed to disk",
        "slices": f"{plan.slices}, in turn with their ceilings; rates are the middle slice's",
    }


def _wanted() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter slices")
    parser.add_argument("--only", type=_names, default=list(CHAPTERS), help="e.g. submit,timers")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there too")
    parser.add_argument("--engine", choices=("postgres", "sqlite"), default="postgres")
    return parser.parse_args()


def _names(text: str) -> list[str]:
    names = text.split(",")
    known = CHAPTERS | BY_NAME
    unknown = [name for name in names if name not in known]
    if unknown:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(known)}")
    return names


if __name__ == "__main__":
    main()
