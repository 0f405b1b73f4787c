"""Ask and decide over HTTP, from a shell."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping
from typing import Any

from countersign import terminal
from countersign.answers import ApprovalRequest
from countersign.client import Countersign
from countersign.errors import StillWaiting
from countersign.outcomes import COULD_NOT_TELL, NO, YES, Misused, SaidNo


def request(asked: argparse.Namespace) -> int:
    """Submit, and wait when told to: 0 approved, 1 not, 3 nobody decided yet."""
    parameters = _pairs(asked.param, option="--param")
    surroundings = _surroundings(asked)
    with _service("COUNTERSIGN_KEY") as service:
        seen = service.submit(
            asked.action,
            asked.target,
            parameters,
            idempotency_key=asked.idempotency_key,
            reasoning=asked.reason,
            risk=asked.risk,
            **surroundings,
        )
        if not seen.is_final and asked.wait:
            seen = _waited(service, seen, asked.wait, quiet=asked.json)
    _tell(seen, as_json=asked.json)
    if not asked.json:
        for words in _refusals(seen):
            terminal.say(f"  {terminal.escape(words)}")
    if not seen.is_final:
        return COULD_NOT_TELL
    return YES if seen.is_approved else NO


def approve(asked: argparse.Namespace) -> int:
    """Approve what a person has read here a moment ago, and nothing that changed since."""
    with _service("COUNTERSIGN_TOKEN") as service:
        seen = service.read(asked.ref)
        if seen.is_final:
            raise SaidNo(f"{seen}. Nothing is left to decide.")
        _confirm(seen, by_option=asked.yes)
        if asked.yes:
            _warn(seen, "approves")
        decided = service.decide(seen, "approve", asked.comment)
    _tell(decided, as_json=asked.json, counted="Your approval counts.")
    return YES


def deny(asked: argparse.Namespace) -> int:
    """Deny, with the reason the agent and its owner will read."""
    with _service("COUNTERSIGN_TOKEN") as service:
        seen = service.read(asked.ref)
        _warn(seen, "denies")
        decided = service.decide(seen, "deny", asked.reason)
    _tell(decided, as_json=asked.json, counted="Your denial counts.")
    return YES


def mark(asked: argparse.Namespace) -> int:
    """Say whether what shadow mode denied was right."""
    with _service("COUNTERSIGN_TOKEN") as service:
        said = service.mark(asked.ref, is_right=asked.mark == "right", comment=asked.comment)
    if asked.json:
        terminal.give(said)
    else:
        terminal.say(f"Marked {terminal.escape(asked.ref)} {asked.mark}.")
    return YES


def _service(variable: str) -> Countersign:
    missing = [name for name in ("COUNTERSIGN_URL", variable) if not os.environ.get(name)]
    if missing:
        raise Misused(
            f"{' and '.join(missing)} must be set: the service's address, and a key or token for it. "
            "Nothing was done."
        )
    return Countersign(os.environ["COUNTERSIGN_URL"], os.environ[variable])


def _surroundings(asked: argparse.Namespace) -> dict[str, Any]:
    """The fields of a request that say what it touches and reaches; what was not given is left out."""
    resource = {"namespace": asked.resource_namespace, "type": asked.resource_type}
    return {
        "resource": {name: value for name, value in resource.items() if value} or None,
        "recipients": asked.recipient,
        "data_classification": asked.data_class,
        "aggregated": asked.aggregated,
        "impact": _pairs(asked.impact, option="--impact") or None,
    }


def _refusals(seen: ApprovalRequest) -> list[str]:
    """The words of the checks that refused it; nothing when people did, or nobody."""
    checks = seen.body.get("evaluation")
    if seen.status != "denied" or seen.basis != "policy" or not isinstance(checks, list):
        return []
    return [
        str(check.get("words", ""))
        for check in checks
        if isinstance(check, dict) and check.get("leads_to") == "forbidden"
    ]


def _pairs(pairs: list[str], *, option: str) -> dict[str, Any]:
    """NAME=JSON, exactly: a guess at what was meant would become what is approved."""
    parameters: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name or name in parameters:
            raise Misused(
                f"{option} {pair!r} must be NAME=JSON, each name once. Nothing was asked."
            )
        try:
            parameters[name] = json.loads(
                text, object_pairs_hook=_once, parse_constant=_no_constant
            )
        except ValueError:
            raise Misused(
                f"{option} {name}: {text!r} is not JSON. Nothing was asked. "
                f"Write text in quotes: {option} '{name}={json.dumps(text)}'"
            ) from None
    return parameters


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a name stands twice")
    return dict(pairs)


def _no_constant(constant: str) -> None:
    raise ValueError(constant)


def _waited(
    service: Countersign, seen: ApprovalRequest, seconds: float, *, quiet: bool
) -> ApprovalRequest:
    if not quiet:
        terminal.complain(f"{seen.ref} waits for people: {_link(seen)}")
    try:
        return service.wait(seen, seconds)
    except StillWaiting as still:
        return still.request


def _confirm(seen: ApprovalRequest, *, by_option: bool) -> None:
    """Let nobody approve without having been shown what would run. Raises Misused or SaidNo."""
    if by_option and seen.risk == "critical":
        raise Misused(
            f"{seen.ref} is critical: --yes does not approve it. Nothing was decided. "
            f"Run this in a terminal, or open {_link(seen)}"
        )
    if by_option:
        return
    if not terminal.can_ask():
        raise Misused(
            "There is nobody at a terminal to confirm this. Nothing was decided. "
            "Run it in a terminal, or add --yes for what is less than critical."
        )
    terminal.complain(_restated(seen))
    wanted = seen.ref if seen.risk == "critical" else "yes"
    if terminal.ask(f"Type {wanted} to approve:").casefold() != wanted.casefold():
        raise SaidNo("Not confirmed. Nothing was decided.")


def _restated(seen: ApprovalRequest) -> str:
    """All that is approved, and what the agent says of it; one line each, so that none can pose as
    another."""
    lines = [
        f"{seen.ref} (version {seen.version}), asked by {terminal.escape(str(seen.body.get('agent')))}",
        f"  action: {terminal.escape(seen.action)}",
        f"  target: {terminal.escape(seen.target)}",
        f"  risk:   {terminal.escape(seen.risk)}",
    ]
    for name, value in seen.parameters.items():
        lines.append(
            f"  parameter {terminal.escape(json.dumps(name, ensure_ascii=False))} = {_shown(value)}"
        )
    if not seen.parameters:
        lines.append("  without parameters")
    lines += _recipients(seen.body)
    if reason := seen.body.get("reasoning"):
        lines.append(f"  the agent says (not checked): {terminal.escape(str(reason))}")
    if also := _also(seen, "approves"):
        lines.append(f"  {also}")
    return "\n".join(lines)


def _recipients(body: Mapping[str, Any]) -> list[str]:
    """Every one of them on a line of its own, under their count."""
    names = body.get("recipients")
    if not isinstance(names, list) or not names:
        return []
    return [f"  recipients ({len(names)}):", *(f"    {terminal.escape(str(n))}" for n in names)]


def _also(seen: ApprovalRequest, does: str) -> str:
    """What else a decision on this request decides: those that share its card, where it leads them."""
    refs = seen.body.get("shares_card_with")
    if not isinstance(refs, list) or not refs:
        return ""
    if min([seen.ref, *map(str, refs)], key=_number) != seen.ref:
        return ""
    return terminal.escape(f"This also {does} {', '.join(map(str, refs))}, identical.")


def _number(ref: str) -> int:
    digits = ref.rpartition("-")[2]
    return int(digits) if digits.isdecimal() else 0


def _warn(seen: ApprovalRequest, does: str) -> None:
    if also := _also(seen, does):
        terminal.complain(also)


def _beside(seen: ApprovalRequest) -> str:
    """The identical requests on its card, or decided with it."""
    refs = seen.body.get("shares_card_with")
    return terminal.escape(", ".join(map(str, refs))) if isinstance(refs, list) else ""


def _shown(value: object) -> str:
    return terminal.escape(json.dumps(value, ensure_ascii=False))


def _tell(seen: ApprovalRequest, *, as_json: bool, counted: str = "") -> None:
    if as_json:
        terminal.give(seen.body)
        return
    words = [counted] if counted else []
    words.append(terminal.escape(str(seen)))
    if seen.basis == "timeout":
        words.append("(by silence; nobody decided)")
    terminal.say(" ".join(words))
    if counted and seen.is_final and (beside := _beside(seen)):
        terminal.say(f"It counts for the identical {beside} as well.")
    if not seen.is_final:
        terminal.say(f"It still waits for people: {_link(seen)}")


def _link(seen: ApprovalRequest) -> str:
    links = seen.body.get("links")
    return (
        terminal.escape(str(links.get("web", "the dashboard")))
        if isinstance(links, dict)
        else "the dashboard"
    )
