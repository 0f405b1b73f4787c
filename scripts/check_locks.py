"""Check, without a network, that the locks hold what the .in files ask for, hashed, and no more.

The environment was installed from the locks, so what its packages ask for is what a resolver would
have asked: following that from each .in file must reach exactly the pins of its lock.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

FOLDER = Path(__file__).resolve().parent.parent / "requirements"
LOCKS = ("build", "runtime", "test")
PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)", re.MULTILINE)
ADDRESS = re.compile(r"://|^\s*-(?!-hash=)", re.MULTILINE)

Pins = dict[NormalizedName, str]


def main() -> int:
    installed = {canonicalize_name(it.metadata["Name"]): it for it in distributions()}
    faults = [fault for lock in LOCKS for fault in check(lock, installed)]
    for fault in faults:
        print(fault, file=sys.stderr)
    if faults:
        print("Run `make lock` and commit what it changes.", file=sys.stderr)
    return 1 if faults else 0


def check(lock: str, installed: dict[NormalizedName, Distribution]) -> Iterator[str]:
    text = (FOLDER / f"{lock}.txt").read_text()
    pins = pins_of(text)
    if ADDRESS.search(text):
        yield f"{lock}.txt names an address or an option of pip; it may only hold pins and hashes."
    for name in without_hash(text):
        yield f"{lock}.txt pins {name} without a hash."
    asked = list(requirements_of((FOLDER / f"{lock}.in").read_text()))
    for requirement in asked:
        pinned = pins.get(canonicalize_name(requirement.name))
        if pinned is None or not requirement.specifier.contains(pinned, prereleases=True):
            yield f"{lock}.in asks for {requirement}, and {lock}.txt pins {pinned or 'none'}."
    needed = closure(asked, installed)
    for name in sorted(needed - pins.keys()):
        yield f"{lock}.txt lacks {name}, which something it pins needs."
    for name in sorted(pins.keys() - needed):
        yield f"{lock}.txt pins {name}, which nothing needs."


def pins_of(text: str) -> Pins:
    return {canonicalize_name(pin["name"]): pin["version"] for pin in PIN.finditer(text)}


def without_hash(text: str) -> Iterator[str]:
    for block in re.split(r"\n(?=[^\s#])", text):
        pin = PIN.match(block)
        if pin and "--hash=sha256:" not in block:
            yield pin["name"]


def requirements_of(text: str) -> Iterator[Requirement]:
    for line in text.splitlines():
        asked = line.partition("#")[0].strip()
        if asked and not asked.startswith("-"):
            yield Requirement(asked)


def closure(
    asked: Iterable[Requirement], installed: dict[NormalizedName, Distribution]
) -> set[NormalizedName]:
    """Every package that is needed, directly or by way of others, on this interpreter."""
    seen: set[tuple[NormalizedName, frozenset[str]]] = set()
    waiting = [it for it in asked if applies(it, frozenset())]
    while waiting:
        requirement = waiting.pop()
        name, extras = canonicalize_name(requirement.name), frozenset(requirement.extras)
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        for line in (installed[name].requires or []) if name in installed else []:
            below = Requirement(line)
            if applies(below, extras):
                waiting.append(below)
    return {name for name, _ in seen}


def applies(requirement: Requirement, extras: frozenset[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in {"", *extras})


if __name__ == "__main__":
    sys.exit(main())
