"""Magnitudes: what parameters and impact say about replicas, pods, percent, cost and users."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from approvals.domain.policy import magnitudes
from approvals.domain.policy.magnitudes import Figure, Magnitudes
from tests.domain.asked import asked, impacts, parameters, scaled


def said(action: str = "scale_up", impact: Any = None, **given_parameters: Any) -> Magnitudes:
    return magnitudes.of(asked(action, parameters=given_parameters, impact=impact or {}))


def test_from_five_to_eight_is_three_pods_and_sixty_percent() -> None:
    found = magnitudes.of(scaled(5, 8))
    assert (found.after.amounts, found.change.amounts) == ((8,), (3,))
    assert (found.pods.amounts, found.percent.amounts) == ((3,), (60.0,))


def test_from_eight_to_five_is_three_pods_and_less() -> None:
    found = magnitudes.of(scaled(8, 5, "scale_down"))
    assert (found.pods.amounts, found.change.amounts) == ((3,), (-3,))
    assert found.percent.amounts == (-37.5,)


@pytest.mark.parametrize(
    "ways",
    [
        {"from_replicas": 5, "to_replicas": 8},
        {"fromReplicas": 5, "toReplicas": 8},
        {"current_replicas": 5, "replicas": 8},
        {"current-replicas": 5, "desired_replicas": 8},
        {"replicas": {"from": 5, "to": 8}},
        {"from": 5, "to": 8},
        {"old_replicas": 5, "new_replicas": 8},
        {"from_replicas": 5, "delta": 3},
        {"from_replicas": 5, "percent": 60},
        {"from_replicas": 5, "percent": "60%"},
        {"from_replicas": 5, "increase_by": "60%"},
    ],
)
def test_the_same_change_in_other_words(ways: dict[str, Any]) -> None:
    found = said("scale", **ways)
    assert found.after.amounts == (8,)
    assert found.pods.most == 3
    assert found.percent.most == 60


def test_going_down_turns_a_bare_difference_around() -> None:
    assert said("scale_down", from_replicas=5, delta=3).after.amounts == (2,)
    assert said("scale_down", from_replicas=5, percent="40%").change.amounts == (-2,)
    assert said("scale", from_replicas=5, decrease_by=3).after.amounts == (2,)
    assert said("scale", from_replicas=5, delta=-3).after.amounts == (2,)


def test_the_larger_of_what_is_stated_and_worked_out_counts() -> None:
    tame = said(impact={"pods": 1, "replica_percent": 1}, from_replicas=5, to_replicas=8)
    assert (tame.pods.most, tame.percent.most) == (3, 60)
    wild = said(impact={"pods": 9, "replica_percent": 90}, from_replicas=5, to_replicas=8)
    assert (wild.pods.most, wild.percent.most) == (9, 90)


def test_what_is_said_twice_differently_is_all_kept() -> None:
    found = said(replicas=3, to_replicas=30)
    assert (found.after.most, found.after.least) == (30, 3)


def test_a_thousand_spellings_of_one_quantity_cost_no_more_than_twenty() -> None:
    spelled: dict[str, Any] = {f"{'_' * number}from_replicas": number + 1 for number in range(1000)}
    spelled |= {f"{'_' * number}to_replicas": number + 0.5 for number in range(1000)}
    found = said(**spelled)
    assert found.percent.unclear
    assert (found.after.most, found.after.least) == (999.5, 0.5)
    assert max(len(figure.amounts) for figure in (found.change, found.pods, found.percent)) < 20


def test_lists_count_what_they_name() -> None:
    found = said("restart_pods", pods=["a", "b", "c"], users=["x", "y"])
    assert (found.pods.amounts, found.users.amounts) == ((3,), (2,))


def test_cost_is_by_the_hour() -> None:
    found = said(cost_per_hour=4, daily_cost_usd=120, impact={"cost_per_hour_usd": 3})
    assert found.cost_per_hour_usd.most == 5


@pytest.mark.parametrize(
    "hostile", ["8", "many", "1k", True, False, [8], {"a": 1}, -1, 2**53 + 1, -(10**400), 1e300,
                float("inf"), float("nan")],
)  # fmt: skip
def test_what_is_no_plain_number_is_unclear_and_never_an_amount(hostile: object) -> None:
    found = said(from_replicas=5, to_replicas=hostile)
    assert found.after == found.pods == found.percent == Figure(unclear=True)


@pytest.mark.parametrize(
    "hostile", ["1k%", "%", "--5%", "1e3%", "٣%", "5 0%", "1.%", ".5%", "9" * 40 + "%"]
)
def test_a_percentage_is_written_plainly_or_is_unclear(hostile: str) -> None:
    assert said(from_replicas=5, percent=hostile).percent == Figure(unclear=True)


def test_absent_and_null_say_nothing() -> None:
    assert not said(to_replicas=None).after.stated
    assert not said(impact={"pods": None}).pods.stated
    assert not said(to_replicas=8).percent.stated


def test_what_is_worked_out_is_a_plain_number_or_unclear() -> None:
    found = said(from_replicas=5e-324, to_replicas=9e15)
    assert found.percent == Figure(unclear=True)
    assert found.pods.amounts == (9e15,)


@pytest.mark.parametrize("less", [-15, "-300%"])
def test_a_decrease_below_nothing_could_be_an_increase(less: Any) -> None:
    found = said(from_replicas=5, decrease_by=less)
    assert found.change == found.percent == Figure(unclear=True)


def test_growing_from_nothing_has_no_percentage() -> None:
    assert magnitudes.of(scaled(0, 3)).percent == Figure(unclear=True)
    assert magnitudes.of(scaled(0, 3)).pods.amounts == (3,)
    assert magnitudes.of(scaled(0, 0)).percent.amounts == (0,)


def test_from_to_and_count_mean_replicas_only_where_something_scales() -> None:
    mail = said("send_mail", to="ada@example.com", count=4)
    assert (mail.after.stated, mail.pods.stated) == (False, False)
    assert said("restart_pods", count=4).pods.amounts == (4,)
    assert said("scale", count=4).after.amounts == (4,)


@pytest.mark.parametrize(
    ("amount", "words"),
    [(60.0, "60"), (100 / 3, "33.3333"), (1000, "1,000"), (2.5, "2.5"), (-37.5, "-37.5"), (0, "0")],
)
def test_numbers_are_shown_as_people_read_them(amount: float, words: str) -> None:
    assert magnitudes.shown(amount) == words


@pytest.mark.parametrize(
    "beside",
    [
        {"spec": {"replicas": 500}},
        {"spec": [{"template": {"to-replicas": 500}}]},
        {"to replicas": 500},
        {"to.replicas": 500},
        {"\uff54o_replicas": 500},
        {"spec": {"replica_count": 500}},
        {"replicas": {"to": 6, "count": 500}},
        {"many": [[]] * 30_000},
    ],
)
def test_a_number_in_an_unread_place_makes_the_figure_unclear(beside: dict[str, Any]) -> None:
    found = said("scale", from_replicas=5, to_replicas=6, **beside)
    assert (found.after.unclear, found.pods.unclear, found.percent.unclear) == (True, True, True)


def test_a_count_of_replicas_is_read_like_replicas() -> None:
    assert said("scale", from_replicas=5, to_replicas=6, replica_count=500).pods.most == 495


def test_what_stands_deeper_blurs_only_its_own_figure() -> None:
    found = said("restart_pods", pods=2, filter={"users": ["a"], "from": "10:00", "percent": None})
    assert (found.pods, found.users) == (Figure((2,)), Figure(unclear=True))
    assert not said("scale", replicas={"from": 5, "to": 8}).after.unclear


@given(given_parameters=parameters, impact=impacts)
def test_any_parameters_have_magnitudes(given_parameters: Any, impact: Any) -> None:
    for action in ("scale", "scale_down", "restart_pods", "send_mail"):
        found = magnitudes.of(asked(action, parameters=given_parameters, impact=impact))
        for figure in (
            found.after,
            found.pods,
            found.percent,
            found.cost_per_hour_usd,
            found.users,
        ):
            for amount in figure.amounts:
                assert magnitudes.shown(amount)
            assert all(amount >= 0 for amount in found.pods.amounts)
