"""A decision by a stand-in says for whom, in the same words in Slack, e-mail, history and exports."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest

from approvals import queries
from approvals.domain.terms import Verdict
from approvals.services import absence, clock, exports
from integrations.email import letters
from integrations.email.readers import Reader
from integrations.slack import blocks
from tests.fakes import block_kit
from tests.integrations.test_slack_blocks import VALUE, literal
from tests.support import cast
from tests.web.conftest import Browser

pytestmark = pytest.mark.django_db
SAID = "Sam, standing in for Lin"


@pytest.mark.parametrize("verdict", [Verdict.APPROVE, Verdict.DENY])
def test_it_reads_the_same_wherever_it_is_read(verdict: Verdict) -> None:
    lin, sam, now = cast.person("lin"), cast.person("sam"), clock.now()
    agent, _ = cast.agent("digger", owner=cast.person("chen"))
    row = cast.request(agent)
    absence.begin(lin, starts_at=now, ends_at=now + timedelta(days=1), stand_in=sam, by=lin, at=now)
    cast.decide(row, sam, verdict, "Not while nobody watches.")

    card = queries.card(queries.request(row.ref))
    message = blocks.draw(card, value=VALUE, critical_on_web=True)
    assert block_kit.faults(message.blocks) == []
    assert any(SAID in text for text in literal(message.blocks))
    assert SAID in letters.text(letters.card(card, Reader("")))
    assert SAID in Browser(lin).get("/history?q=is%3Astand-in").text
    content = exports.direct(person=lin, form="csv", text="is:stand-in", at=clock.now())
    (line,) = csv.DictReader(io.StringIO((content or b"").decode()))
    assert (line["ref"], line["by"]) == (row.ref, SAID)
