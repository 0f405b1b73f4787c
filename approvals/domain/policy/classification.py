"""What an agent may do with data of each class, and what must not stand in its words.

| class | what passes |
|---|---|
| none declared, `public` | everything |
| `internal` | reading and summarising, and what a policy names under `internal`; else a person is asked |
| `confidential` | counts and sums (`aggregated: true`) without names, accounts, e-mail addresses, secrets |
| `restricted` | nothing |

An action with recipients, and one of class `notifications` though it declares none, is looked through
whatever the class of its data; what is found there asks a person. All of it holds without any policy.
A section narrows it: several sections look for what any of them looks for, and an action may use
internal data when every section that names such actions names it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from approvals.domain.policy import checks
from approvals.domain.policy.checks import Check, Layer
from approvals.domain.policy.circumstances import Circumstances
from approvals.domain.policy.classes import NOTIFYING, class_of, matches, reads_only
from approvals.domain.policy.reading import Place, Value, each_of
from approvals.domain.policy.scanning import EVERY_KIND, Found, Kind, scan
from approvals.domain.policy.subject import Subject
from approvals.domain.terms import DataClass

SUMMARISING = ("summarise", "summarise_*", "summarize", "summarize_*")
BY_DEFAULT = "data_classification"
# Who something goes to is an address by nature, but never an account or a secret.
_NOT_IN_RECIPIENTS = frozenset({Kind.NAMES, Kind.EMAILS})
_NAMED = {
    Kind.NAMES: "names of people",
    Kind.ACCOUNTS: "account numbers",
    Kind.EMAILS: "e-mail addresses",
    Kind.SECRETS: "secrets",
}


@dataclass(frozen=True, slots=True)
class DataRules:
    """One section of one policy. `internal` is None where it does not speak of internal data."""

    policy: str
    place: Place
    scan: tuple[Kind, ...] = EVERY_KIND
    internal: tuple[str, ...] | None = None

    @property
    def rule(self) -> str:
        return f"{self.policy}.{BY_DEFAULT}"


def read(value: Value, *, policy: str) -> DataRules:
    """Raises PolicyInvalid."""
    body = value.mapping("scan", "internal")
    if not body:
        raise value.fail("say 'scan' or 'internal'; leave the section out for the defaults")
    kinds = each_of(body["scan"].items(), _kind) if "scan" in body else EVERY_KIND
    if not kinds:
        raise body["scan"].fail(
            "an empty list would look for nothing; leave it out to look for all"
        )
    internal = body["internal"].texts() if "internal" in body else None
    return DataRules(policy, value.place, kinds, internal)


def _kind(item: Value) -> Kind:
    return Kind(item.one_of(*Kind))


def check(found: Sequence[DataRules], subject: Subject, now: Circumstances) -> list[Check]:
    """The class first, then what was found in the words; never empty, with or without sections."""
    del now
    ordered = sorted(found, key=lambda each: (each.policy, each.place.file, each.place.line))
    return [_of_class(ordered, subject), *_of_words(ordered, subject)]


# --- the class -------------------------------------------------------------------------------


def _of_class(found: Sequence[DataRules], subject: Subject) -> Check:
    match subject.data_class:
        case DataClass.RESTRICTED:
            words = (
                "Restricted data is not for agents. Take it out of the request, or ask a person."
            )
            return _refused(found, subject, words, "data_restricted")
        case DataClass.CONFIDENTIAL if not subject.aggregated:
            words = (
                "Confidential data must be counts and sums, and the request does not declare "
                "aggregated: true."
            )
            return _refused(found, subject, words, "data_not_aggregated")
        case DataClass.INTERNAL:
            return _internal(found, subject)
        case None:
            return _passed(found, subject, "No class of data is declared.")
    return _passed(found, subject, f"Data of class {subject.data_class} may be used this way.")


def _internal(found: Sequence[DataRules], subject: Subject) -> Check:
    action = subject.action
    if reads_only(action) or matches(action, SUMMARISING):
        return _passed(found, subject, "Internal data may be read and summarised.")
    speaking = [each for each in found if each.internal is not None]
    silent = [each for each in speaking if not matches(action, each.internal or ())]
    if speaking and not silent:
        return _passed(speaking, subject, f"{action} may use internal data.")
    words = f"Internal data may be read and summarised; {action} is neither, so a person is asked."
    return checks.asks(Layer.DATA, words, **_by(silent or found), **_claims(subject))


def _passed(found: Sequence[DataRules], subject: Subject, words: str) -> Check:
    return checks.passed(Layer.DATA, words, **_by(found), **_claims(subject))


def _refused(found: Sequence[DataRules], subject: Subject, words: str, reason: str) -> Check:
    return checks.refuses(Layer.DATA, words, reason=reason, **_by(found), **_claims(subject))


def _by(found: Sequence[DataRules]) -> dict[str, Any]:
    """What judged: the first of the sections, else the defaults, which stand in no file."""
    return {"rule": found[0].rule, "place": found[0].place} if found else {"rule": BY_DEFAULT}


def _claims(subject: Subject) -> dict[str, Any]:
    declared = subject.data_class.value if subject.data_class else None
    return {"data_classification": declared, "aggregated": subject.aggregated}


# --- the words -------------------------------------------------------------------------------


def _of_words(found: Sequence[DataRules], subject: Subject) -> Iterator[Check]:
    is_confidential = subject.data_class is DataClass.CONFIDENTIAL
    goes_out = subject.recipients or class_of(subject.action) == NOTIFYING
    if not is_confidential and not goes_out:
        return
    kinds = frozenset(kind for each in found for kind in each.scan) or frozenset(EVERY_KIND)
    seen = _looked_through(subject, kinds)
    by = _by([each for each in found if {one.kind for one in seen.findings} & set(each.scan)])
    if not seen.findings and seen.whole:
        words = f"No {_listed(kinds, last='or')} found in what is sent."
        yield checks.passed(Layer.DATA, words, **_by(found), looked_for=_sorted(kinds))
        return
    if not seen.findings:
        words = "The request is too large or too deep to look through for data that must not leave."
        yield checks.unsure(Layer.DATA, words, **_by(found), looked_for=_sorted(kinds))
        return
    told = [{"kind": one.kind.value, "place": one.place} for one in seen.findings]
    if is_confidential:
        words = f"Confidential data must not hold {_what(seen)}. Send counts and sums instead."
        yield checks.refuses(
            Layer.DATA, words, reason="data_exposed", **by, found=told, more=seen.more
        )
    else:
        whom = "recipients" if subject.recipients else "others"
        words = f"What goes to {whom} holds {_what(seen)}, so a person is asked."
        yield checks.asks(Layer.DATA, words, **by, found=told, more=seen.more)


def _looked_through(subject: Subject, kinds: frozenset[Kind]) -> Found:
    """Everything the agent wrote; the recipients themselves only for what no address holds."""
    parts: dict[str, Any] = {
        "/parameters": subject.parameters,
        "/target": subject.target,
        "/resource": {"namespace": subject.namespace, "type": subject.resource_type},
        **(subject.prose or {"/context": subject.context, "/texts": list(subject.texts)}),
    }
    seen = scan(parts, kinds, recipients=subject.recipients)
    there = scan({"/recipients": list(subject.recipients)}, kinds - _NOT_IN_RECIPIENTS)
    return Found(
        (*seen.findings, *there.findings), seen.more or there.more, seen.whole and there.whole
    )


def _what(seen: Found) -> str:
    """Kinds and places: account numbers (/parameters/note) and secrets (/reasoning)."""
    by_kind = {
        kind: [one.place for one in seen.findings if one.kind is kind] for kind in EVERY_KIND
    }
    parts = [
        f"{_NAMED[kind]} ({places[0]}{f' and {len(places) - 1} more' if places[1:] else ''})"
        for kind, places in by_kind.items()
        if places
    ]
    return _joined(parts, "and")


def _listed(kinds: frozenset[Kind], *, last: str) -> str:
    return _joined([_NAMED[kind] for kind in EVERY_KIND if kind in kinds], last)


def _joined(parts: Sequence[str], last: str) -> str:
    return f"{', '.join(parts[:-1])} {last} {parts[-1]}" if len(parts) > 1 else parts[0]


def _sorted(kinds: frozenset[Kind]) -> list[str]:
    return [kind.value for kind in EVERY_KIND if kind in kinds]
