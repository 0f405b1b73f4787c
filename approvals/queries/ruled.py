"""Which rules refused a request, or asked people about it: read out of its evaluation by the database."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db.models import Func, Q, TextField

from approvals.domain.terms import Approval, Basis, Status
from approvals.models import ApprovalRequest

BLOCKED, ASKED = "blocked-by", "asked-by"
AND = " + "  # between the rules that asked together


class Rules(Func):
    """The checks of an evaluation that lead to this, in their order, as JSON: pairs of a check's name and
    its rule. Texts are handed on as they are written, whatever an agent put into them."""

    output_field = TextField()

    def as_postgresql(self, compiler: Any, connection: Any, **more: Any) -> Any:
        # PostgreSQL reads no U+0000 even in what is passed over; another character stands for it.
        told = (
            "(SELECT json_agg(json_build_array(one.body->'check', one.body->'rule') ORDER BY one.place)::text"
            " FROM json_array_elements(replace(%(expressions)s, '\\u0000', '\\uFFFD')::json)"
            " WITH ORDINALITY AS one(body, place)"
            " WHERE (one.body->'leads_to')::text = '\"%(leads_to)s\"')"
        )
        return self.as_sql(compiler, connection, template=told, **more)

    def as_sqlite(self, compiler: Any, connection: Any, **more: Any) -> Any:
        told = (
            "(SELECT json_group_array(json_array(json_extract(one.value, '$.check'),"
            " json_extract(one.value, '$.rule'))) FROM json_each(%(expressions)s) one"
            " WHERE json_extract(one.value, '$.leads_to') = '%(leads_to)s')"
        )
        return self.as_sql(compiler, connection, template=told, **more)


def refusing() -> Rules:
    """Of a request, what refused it."""
    return Rules("evaluation", leads_to=Approval.FORBIDDEN.value)


def asking() -> Rules:
    """Of a request, what asked people."""
    return Rules("evaluation", leads_to=Approval.REQUIRED.value)


def blocked_by(told: str | None, reason: str) -> str:
    """The rule that refused first; where none stands there, the code of the reason."""
    return next((rule for _, rule in _pairs(told)), "") or reason


def asked_by(told: str | None) -> str:
    """All that asked together, each once: rules by their names, a check without one by its own."""
    return AND.join(dict.fromkeys(rule or check for check, rule in _pairs(told)))


def led_to(by_key: Mapping[str, Sequence[str]], among: Q | None) -> Q:
    """Of the requests in a window those that these rules refused, or asked about; a statement each."""
    wanted = Q()
    for key, meant in ((BLOCKED, _blocked), (ASKED, _asked)):
        if key in by_key:
            found = () if among is None else meant(frozenset(by_key[key]), among)
            wanted &= Q(number__in=list(found))
    return wanted


def _blocked(names: frozenset[str], among: Q) -> Iterable[int]:
    rows = ApprovalRequest.objects.filter(
        among,
        _naming(names) | Q(reason_code__in=names),
        status=Status.DENIED.value,
        basis=Basis.POLICY.value,
    ).order_by()
    told = rows.values_list("number", "reason_code", refusing())
    return (number for number, reason, rules in told if blocked_by(rules, reason) in names)


def _asked(names: frozenset[str], among: Q) -> Iterable[int]:
    parts = [part for name in names for part in name.split(AND)[:1]]
    rows = ApprovalRequest.objects.filter(among, _naming(parts), asked=True).order_by()
    told = rows.values_list("number", asking())
    return (number for number, rules in told if asked_by(rules) in names)


def _naming(names: Iterable[str]) -> Q:
    """Evaluations that hold one of these texts at all: the others need not be taken apart."""
    wanted = Q(number__in=())
    for name in names:
        wanted |= Q(evaluation__contains=name)
    return wanted


def _pairs(told: str | None) -> list[tuple[str, str]]:
    return [(str(check or ""), str(rule or "")) for check, rule in json.loads(told or "[]")]
