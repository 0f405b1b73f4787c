"""Grants, consumption and outcomes: run exactly what was approved, once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from django.db import connections
from pytest_django import Settings

from approvals import queries
from approvals.domain import errors
from approvals.models import ApprovalRequest, AuditEvent
from approvals.services import grants, lifecycle, outcomes
from tests.domain.scene import NOON, minutes
from tests.support import cast

History = Callable[[ApprovalRequest], list[str]]
SUCCESS = {"status": "success"}


def approved() -> ApprovalRequest:
    row = cast.request(at=NOON)
    return cast.decide(row, cast.person("lin"), at=NOON)


def consume(
    row: ApprovalRequest, key: str = "k", parameters: Any = None, minute: float = 1
) -> ApprovalRequest:
    return grants.consume(
        ref=row.ref, agent=row.agent, key=key, parameters=parameters, at=minutes(minute)
    )


def token_of(row: ApprovalRequest) -> str:
    token = grants.token(row, at=minutes(1))
    assert token is not None
    return token


# --- the token -------------------------------------------------------------------------------


def test_a_grant_is_verified_offline_with_the_published_key(settings: Settings) -> None:
    row = approved()
    token = token_of(row)
    [jwk] = grants.jwks()["keys"]
    header = jwt.get_unverified_header(token)
    assert (header["kid"], header["typ"], header["alg"]) == (
        jwk["kid"],
        "approval-grant+jwt",
        "EdDSA",
    )
    claims = jwt.decode(
        token,
        jwt.PyJWK(jwk).key,
        algorithms=["EdDSA"],
        audience=settings.GRANT_AUDIENCE,
        issuer=settings.PUBLIC_URL,
        options={"verify_exp": False, "verify_iat": False},
    )
    assert (claims["sub"], claims["jti"]) == ("robo", str(row.public_id))
    assert claims["parameters_sha256"] == row.parameters_sha256
    assert claims["exp"] - claims["iat"] == 15 * 60
    assert "d" not in jwk  # the private half


def test_the_same_approval_is_always_the_same_token() -> None:
    row = approved()
    assert token_of(row) == token_of(queries.request(row.ref))


def test_an_older_key_still_verifies(settings: Settings) -> None:
    old = token_of(approved())
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another-key-that-only-tests-know-and-nothing-rests-on"
    kids = [jwk["kid"] for jwk in grants.jwks()["keys"]]
    assert kids[1] == jwt.get_unverified_header(old)["kid"]
    assert kids[0] != kids[1]


def test_there_is_no_token_before_after_or_without_an_approval() -> None:
    assert grants.token(cast.request(at=NOON), at=minutes(1)) is None
    assert grants.token(cast.request(at=NOON, **cast.FORBIDDEN), at=minutes(1)) is None
    row = approved()
    assert grants.token(row, at=minutes(15)) is None
    assert grants.token(consume(row), at=minutes(2)) is None
    other = approved()
    revoked = lifecycle.revoke(ref=other.ref, person=cast.person("lin"), at=minutes(1))
    assert grants.token(revoked, at=minutes(2)) is None


# --- consuming -------------------------------------------------------------------------------


def test_an_approval_is_consumed_once_and_the_same_key_hears_it_again(kinds: History) -> None:
    row = approved()
    assert consume(row).consumed_at == minutes(1)
    assert consume(row, minute=2).consumed_at == minutes(1)
    with pytest.raises(errors.AlreadyConsumed):
        consume(row, "another")
    assert kinds(row)[2:] == ["grant.consumed", "grant.refused"]


@pytest.mark.parametrize(
    "parameters",
    [
        {"from_replicas": 5, "to_replicas": 80},
        {"from_replicas": 5},
        {"from_replicas": 5, "to_replicas": "8"},
        {"from_replicas": 5, "to_replicas": 8, "force": True},
        {},
    ],
)
def test_other_parameters_are_refused_and_written_down(
    parameters: dict[str, object], kinds: History
) -> None:
    row = approved()
    with pytest.raises(errors.ParametersChanged):
        consume(row, parameters=parameters)
    assert kinds(row)[-1] == "grant.refused"
    detail = AuditEvent.objects.get(type="grant.refused").entry["detail"]
    assert detail["refused_because"] == "parameters_changed"
    assert detail["parameters_sha256_received"] != row.parameters_sha256
    assert queries.request(row.ref).consumed_at is None


def test_equal_parameters_in_another_order_are_the_same() -> None:
    row = approved()
    assert consume(row, parameters={"to_replicas": 8.0, "from_replicas": 5}).consumed_at


def test_letters_that_only_look_alike_are_other_parameters() -> None:
    row = cast.request(at=NOON, parameters={"name": "caf\u00e9"})
    cast.decide(row, cast.person("lin"), at=NOON)
    with pytest.raises(errors.ParametersChanged):
        consume(row, parameters={"name": "cafe\u0301"})


def test_an_approval_that_lapsed_is_not_consumed(kinds: History) -> None:
    row = approved()
    with pytest.raises(errors.GrantExpired):
        consume(row, minute=15)
    assert kinds(row)[-2:] == ["grant.expired", "grant.refused"]


def test_another_agents_approval_is_not_there() -> None:
    row = approved()
    digger, _ = cast.agent("digger")
    with pytest.raises(errors.NotFound):
        grants.consume(ref=row.ref, agent=digger, key="k", parameters=None, at=minutes(1))


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_twenty_at_once_consume_once() -> None:
    row = approved()
    heard: list[str] = []
    together = threading.Barrier(20)

    def one(number: int) -> None:
        together.wait(20)
        try:
            consume(row, f"k{number}")
            heard.append("used")
        except errors.AlreadyConsumed as refusal:
            heard.append(refusal.code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=one, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(heard) == ["already_consumed"] * 19 + ["used"]
    assert AuditEvent.objects.filter(type="grant.consumed").count() == 1


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_revoked_and_consumed_in_the_same_moment_is_one_or_the_other() -> None:
    lin = cast.person("lin")
    for _ in range(10):
        row = approved()
        heard: list[str] = []
        together = threading.Barrier(2)

        def attempt(
            word: str,
            act: Callable[[], object],
            heard: list[str] = heard,
            together: threading.Barrier = together,
        ) -> None:
            together.wait(20)
            try:
                act()
                heard.append(word)
            except errors.Conflict:
                pass
            finally:
                connections.close_all()

        acts = [
            ("consumed", lambda row=row: consume(row)),
            ("revoked", lambda row=row: lifecycle.revoke(ref=row.ref, person=lin, at=minutes(1))),
        ]
        threads = [threading.Thread(target=attempt, args=act) for act in acts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert len(heard) == 1
        assert (queries.request(row.ref).consumed_at is None) == (heard == ["revoked"])


# --- outcomes --------------------------------------------------------------------------------


def test_an_outcome_is_written_down_once(kinds: History) -> None:
    row = consume(approved())
    outcomes.report(ref=row.ref, agent=row.agent, outcome=SUCCESS, at=minutes(2))
    outcomes.report(ref=row.ref, agent=row.agent, outcome=SUCCESS, at=minutes(3))
    assert kinds(row)[-2:] == ["grant.consumed", "outcome.reported"]
    assert queries.is_over(queries.request(row.ref))
    with pytest.raises(errors.OutcomeConflict):
        outcomes.report(ref=row.ref, agent=row.agent, outcome={"status": "failure"}, at=minutes(4))


def test_a_success_may_be_rolled_back_later() -> None:
    row = consume(approved())
    outcomes.report(ref=row.ref, agent=row.agent, outcome=SUCCESS, at=minutes(2))
    back = outcomes.report(
        ref=row.ref, agent=row.agent, outcome={"status": "rolled_back"}, at=minutes(3)
    )
    assert back.outcome == {"status": "rolled_back"}


def test_nothing_is_reported_of_what_never_ran_or_is_not_ones_own() -> None:
    row = approved()
    with pytest.raises(errors.NotConsumed):
        outcomes.report(ref=row.ref, agent=row.agent, outcome=SUCCESS, at=minutes(1))
    digger, _ = cast.agent("digger")
    with pytest.raises(errors.NotFound):
        outcomes.report(ref=row.ref, agent=digger, outcome=SUCCESS, at=minutes(1))
