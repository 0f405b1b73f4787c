"""The queue by policy and namespace: in the address, in views and files, honest about nothing found."""

from __future__ import annotations

import csv
import io
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals.models import Agent, ApprovalRequest, AuditEvent
from approvals.models.desk import SavedView
from approvals.queries import queue_filters
from tests.support import cast
from tests.web.conftest import Browser
from tests.web.reading import Page

POLICY = "default-actions"
RULE = f"{POLICY}.scale_deployment"
IN_PAYMENTS: dict[str, Any] = {"target": "ledger", "resource": {"namespace": "payments"}}
HOSTILE = (
    "' OR 1=1 --",
    "<script>alert(1)</script>",
    "%",
    "\u202etnemyap",
    "a" * 5_000,
    "{{ 7 }}",
    "*",
)


def address(**asked: str) -> str:
    return f"/queue?{urlencode({'tab': 'all'} | asked)}"


def refs(browser: Browser, **asked: str) -> list[str]:
    return [row.attributes["data-ref"] for row in browser.get(address(**asked)).rows]


def chips(page: Page) -> list[str]:
    found = [one.attributes.get("aria-label", "") for one in page.every("a")]
    return [name for name in found if name.startswith("Remove the filter")]


@pytest.fixture
def rows(robo: Agent) -> dict[str, ApprovalRequest]:
    """Three that wait: by another rule, in a namespace that is declared, and in one that would run."""
    return {
        "plain": cast.request(robo, **cast.HIGH),
        "declared": cast.request(robo, **IN_PAYMENTS),
        "named": cast.request(
            robo, action="restart_service", parameters={"command": "kubectl -n shop rollout"}
        ),
    }


def test_a_policy_is_looked_for_by_its_name_or_by_that_of_a_rule_that_asks(
    lin: Browser, rows: dict[str, ApprovalRequest]
) -> None:
    assert set(refs(lin, policy=POLICY)) == {row.ref for row in rows.values()}
    assert refs(lin, policy=RULE) == [rows["declared"].ref]
    assert refs(lin, policy=RULE.upper()) == [rows["declared"].ref]
    assert refs(lin, policy="matrix.high") == [rows["plain"].ref]
    assert refs(lin, policy=RULE[:-1]) == []


def test_a_rule_that_judged_without_asking_is_no_answer(
    lin: Browser, rows: dict[str, ApprovalRequest]
) -> None:
    assert refs(lin, policy="data_classification") == []
    assert len(refs(lin, rule="data_classification")) == len(rows)


def test_a_namespace_is_found_where_it_is_declared_and_where_it_would_run(
    lin: Browser, rows: dict[str, ApprovalRequest]
) -> None:
    assert refs(lin, namespace="payments") == [rows["declared"].ref]
    assert refs(lin, namespace="Shop") == [rows["named"].ref]
    assert refs(lin, namespace="pay") == []


def test_filters_narrow_each_other_and_every_one_can_be_taken_away(
    lin: Browser, rows: dict[str, ApprovalRequest]
) -> None:
    assert refs(lin, policy=RULE, namespace="payments", risk="medium") == [rows["declared"].ref]
    assert refs(lin, policy=RULE, namespace="shop") == []

    page = lin.get(address(policy=RULE, namespace="payments"))
    assert chips(page) == [
        f"Remove the filter Policy: {RULE}", "Remove the filter Namespace: payments",
    ]  # fmt: skip
    assert {"policy": RULE, "namespace": "payments"}.items() <= {
        one.attributes.get("name"): one.attributes.get("value") for one in page.every("input")
    }.items()


def test_pages_go_on_under_the_same_filters(lin: Browser, robo: Agent) -> None:
    for number in range(52):
        cast.request(robo, **IN_PAYMENTS | {"target": f"ledger-{number}"})
    cast.request(robo, target="elsewhere")

    first = lin.get(address(namespace="payments", policy=RULE))
    onward = next(link for link in first.every("a") if link.text == "Next 50")
    second = lin.get(onward.attributes["href"])

    assert (len(first.rows), len(second.rows)) == (50, 2)
    assert not {row.attributes["data-ref"] for row in first.rows} & {
        row.attributes["data-ref"] for row in second.rows
    }


def test_a_view_and_a_file_hold_what_the_list_shows(
    lin: Browser, rows: dict[str, ApprovalRequest]
) -> None:
    asked = urlencode({"tab": "all", "policy": RULE, "namespace": "payments"})

    saved = lin.post("/views/queue", name="Payments", query=asked)
    view = SavedView.objects.get()
    assert saved.headers["Location"] == f"/queue?{view.query}" == f"/queue?{asked}"
    page = lin.get(f"/queue?{view.query}")
    assert [one.text for one in page.every("a") if one.attributes.get("aria-current") == "true"] == [
        "Payments"
    ]  # fmt: skip

    table = list(
        csv.DictReader(io.StringIO(lin.client.get(f"/queue/export?{asked}").content.decode()))
    )
    assert [line["ref"] for line in table] == [rows["declared"].ref]
    written = AuditEvent.objects.order_by("id").last()
    assert written is not None
    assert written.entry["detail"]["filters"] == {
        "tab": "all",
        "policy": RULE,
        "namespace": "payments",
    }


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("policy", "No policy or rule called “nowhere” asks for anything that waits."),
        ("rule", "No rule called “nowhere” judged anything that waits."),
        ("namespace", "Nothing that waits names the namespace “nowhere”."),
        ("agent", "No agent called “nowhere” has anything waiting."),
        ("team", "No team called “nowhere” is asked now."),
    ],
)
def test_a_name_that_nothing_has_is_said_to_be_unknown(
    lin: Browser, rows: dict[str, ApprovalRequest], name: str, words: str
) -> None:
    page = lin.get(address(**{name: "nowhere"}))

    assert page.headings == ["No match"]
    assert words in page.text
    clear = [one.attributes["href"] for one in page.every("a") if one.text == "Clear filters"]
    assert set(clear) == {"/queue?tab=all"}


def test_a_name_that_something_has_elsewhere_is_not_called_unknown(
    lin: Browser, rows: dict[str, ApprovalRequest]
) -> None:
    page = lin.get(address(namespace="payments", risk="critical"))

    assert page.headings == ["No match"]
    assert "Nothing that waits names" not in page.text


@pytest.mark.parametrize("odd", HOSTILE)
@pytest.mark.parametrize("name", ["policy", "namespace", "rule"])
def test_odd_text_finds_nothing_and_is_only_text(
    lin: Browser, rows: dict[str, ApprovalRequest], name: str, odd: str
) -> None:
    page = lin.get(address(**{name: odd}))

    assert page.headings == ["No match"]
    assert "\u202e" not in page.text
    assert not [one for one in page.every("script") if "alert" in one.text]


def test_names_are_offered_to_choose_from_but_none_that_hides_something(
    lin: Browser, robo: Agent, rows: dict[str, ApprovalRequest]
) -> None:
    cast.request(robo, target="odd", resource={"namespace": "pay\u200bments"})
    page = lin.get("/queue/names")
    offered = {
        each.attributes["id"]: [one.attributes["value"] for one in each.every("option")]
        for each in page.every("datalist")
    }

    assert offered["known-namespaces"] == ["payments", "shop"]
    assert {POLICY, RULE, "matrix", "matrix.high"} <= set(offered["known-policies"])


def test_looking_by_policy_costs_one_statement_more_and_none_the_next_time(
    lin: Browser, robo: Agent, rows: dict[str, ApprovalRequest]
) -> None:
    def cost(path: str) -> int:
        with CaptureQueriesContext(connection) as caught:
            lin.get(path)
        return len(caught)

    rest = "/queue/rows?tab=all"
    asked = f"{rest}&policy={RULE}&namespace=payments"
    lin.get(rest)
    plain = cost(rest)
    queue_filters._known.clear()
    assert cost(asked) == plain + 1
    assert cost(asked) == plain
    for number in range(30):
        cast.request(robo, target=f"more-{number}")
    lin.get(rest)
    assert cost(asked) == plain + 1
    assert cost(asked) == plain
