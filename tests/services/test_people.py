"""People, agents and their keys: who is who, and what opens nothing."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from approvals.domain import errors
from approvals.models import Agent, AuditEvent, Person, PersonToken, PolicyVersion, Replay, Team
from approvals.models.people import Role
from approvals.services import agents, first_run, keys, people, policies, replays
from approvals.services.agents import KeyRefused
from approvals.services.policies import NoPolicy
from tests.domain.scene import NOON, minutes
from tests.support import cast

DAYS = timedelta(days=1)


def events(*kinds: str) -> int:
    return AuditEvent.objects.filter(type__in=kinds).count()


# --- people ----------------------------------------------------------------------------------


def test_the_same_person_twice_is_one_person_and_one_line_of_history() -> None:
    first = cast.person("ada")
    again = people.add(email=" ADA@example.com ", name="", actor=cast.OPERATOR, at=NOON)
    assert again.pk == first.pk
    assert again.name == "Ada"
    assert events("person.added") == 1
    assert events("person.changed") == 0


def test_a_person_is_brought_up_to_date() -> None:
    boss = cast.person("grace")
    cast.person("lin")
    lin = people.add(
        email="lin@example.com",
        name="Lin Wei",
        role=Role.OPERATOR,
        manager=boss,
        teams=["managers"],
        password=cast.PASSWORD,
        actor=cast.OPERATOR,
        at=NOON,
    )
    assert (lin.name, lin.role, lin.manager) == ("Lin Wei", "operator", boss)
    assert lin.check_password(cast.PASSWORD)
    detail = AuditEvent.objects.get(type="person.changed").entry["detail"]
    assert (detail["changed"], detail["joined"]) == (
        ["manager", "name", "password", "role"],
        ["managers"],
    )
    assert Person.objects.get_by_natural_key("LIN@example.com") == lin


@pytest.mark.parametrize("email", ["nobody", "", "a" * 250 + "@example.com"])
def test_what_is_no_address_is_refused(email: str) -> None:
    with pytest.raises(errors.Invalid):
        people.add(email=email, name="x", actor=cast.OPERATOR, at=NOON)


def test_an_unknown_team_is_refused_by_name_and_nobody_is_made() -> None:
    cast.policy()
    with pytest.raises(errors.Invalid, match="change-board, managers"):
        people.add(email="x@example.com", name="x", teams=["manager"], actor=cast.OPERATOR, at=NOON)
    assert not Person.objects.filter(email="x@example.com").exists()


def test_leaving_a_team_is_history_once() -> None:
    lin = cast.person("lin")
    for _ in range(2):
        people.leave(person=lin, team="team-leads", actor=cast.OPERATOR, at=NOON)
    assert events("person.changed") == 1


def test_only_active_people_are_found() -> None:
    ada = cast.person("ada")
    people.link(
        person=ada, kind="slack", external_id="U1", verified_by="x", actor=cast.OPERATOR, at=NOON
    )
    assert (
        people.by_email("Ada@example.com")
        == people.by_identity(kind="slack", external_id="U1")
        == ada
    )
    Person.objects.update(is_active=False)
    assert people.by_email("ada@example.com") is None
    assert people.by_identity(kind="slack", external_id="U1") is None


def test_an_account_belongs_to_one_person() -> None:
    def link(name: str) -> object:
        return people.link(
            person=cast.person(name),
            kind="slack",
            external_id="U1",
            verified_by="x",
            actor=cast.OPERATOR,
            at=NOON,
        )

    assert link("ada") == link("ada")
    with pytest.raises(errors.Conflict):
        link("mallory")
    assert events("person.linked") == 1


@pytest.mark.parametrize(
    ("kind", "external_id"), [("icq", "1"), ("slack", ""), ("slack", "U" * 201)]
)
def test_an_account_nobody_can_have_is_refused(kind: str, external_id: str) -> None:
    with pytest.raises(errors.Invalid):
        people.link(
            person=cast.person("ada"), kind=kind, external_id=external_id, verified_by="x",
            actor=cast.OPERATOR, at=NOON,
        )  # fmt: skip


def test_managers_auditors_and_operators_read_history() -> None:
    assert [people.may_read_audit(cast.person(name)) for name in ("ada", "grace", "lin")] == [
        True,
        True,
        False,
    ]


def test_people_and_things_have_names() -> None:
    row = cast.request(at=NOON)
    cast.decide(row, cast.person("lin"), at=minutes(1))
    ada = cast.person("ada")
    identity = people.link(
        person=ada, kind="slack", external_id="U1", verified_by="x", actor=cast.OPERATOR, at=NOON
    )
    cast.token(ada)
    said = {
        str(ada): "Ada",
        str(identity): "slack U1",
        str(Team.objects.get(name="managers")): "Managers",
        str(ada.memberships.get()): "Ada in Managers",
        str(row): row.ref,
        str(row.agent): "robo",
        str(row.decisions.get()): "approve by Lin",
        str(row.events.first()): f"{row.ref}#0 request.submitted",
        str(PolicyVersion.objects.get()): "version 1",
    }
    assert all(name == wanted for name, wanted in said.items())
    assert str(ada.tokens.get()).endswith("…")
    assert str(row.agent.keys.get()).endswith("…")


# --- tokens ----------------------------------------------------------------------------------


def test_a_token_opens_for_its_person_until_it_ends() -> None:
    ada = cast.person("ada")
    raw = people.issue_token(
        person=ada, scopes=["audit:read"], days=1, actor=cast.OPERATOR, at=NOON
    )
    token = people.authenticate_token(raw, at=NOON)
    assert (token.person, token.scopes) == (ada, ["audit:read"])
    assert raw not in str(list(PersonToken.objects.values()))
    with pytest.raises(KeyRefused, match="expired"):
        people.authenticate_token(raw, at=NOON + DAYS)


def test_a_revoked_token_and_a_disabled_persons_open_nothing() -> None:
    raw = people.issue_token(person=cast.person("ada"), scopes=[], actor=cast.OPERATOR, at=NOON)
    Person.objects.update(is_active=False)
    with pytest.raises(KeyRefused, match="revoked"):
        people.authenticate_token(raw, at=NOON)
    Person.objects.update(is_active=True)
    PersonToken.objects.update(revoked_at=NOON)
    with pytest.raises(KeyRefused, match="revoked"):
        people.authenticate_token(raw, at=NOON)


def test_an_unknown_scope_is_refused() -> None:
    with pytest.raises(errors.Invalid, match="decide:all"):
        people.issue_token(
            person=cast.person("ada"), scopes=["decide:all"], actor=cast.OPERATOR, at=NOON
        )


@pytest.mark.parametrize(
    "raw", ["", "x", "cs_person_0000000000_x", "cs_agent_0000000000_x", "cs_person_" + "x" * 300]
)
def test_what_is_no_key_of_ours_opens_nothing(raw: str) -> None:
    with pytest.raises(KeyRefused, match="not known"):
        people.authenticate_token(raw, at=NOON)
    with pytest.raises(KeyRefused, match="not known"):
        agents.authenticate(raw, at=NOON)


def test_the_right_prefix_with_another_secret_opens_nothing() -> None:
    raw = cast.token(cast.person("ada"))
    forged = raw[:-4] + ("AAAA" if not raw.endswith("AAAA") else "BBBB")
    with pytest.raises(KeyRefused, match="not known"):
        people.authenticate_token(forged, at=NOON)


def test_a_keys_last_use_is_noted_at_most_once_a_minute() -> None:
    agent, raw = cast.agent()
    for minute in (0, 0.5, 2):
        agents.authenticate(raw, at=minutes(minute))
        people.authenticate_token(cast.token(cast.person("ada")), at=minutes(minute))
    assert agent.keys.get().last_used_at == minutes(2)
    token = cast.token(cast.person("ada"))
    for minute in (0, 0.5):
        people.authenticate_token(token, at=minutes(minute))
    newest = PersonToken.objects.order_by("-id")[0]
    assert newest.last_used_at == NOON


def test_a_minted_key_is_long_and_never_the_same() -> None:
    assert len({keys.mint("agent").raw for _ in range(50)}) == 50
    minted = keys.mint("agent")
    assert keys.matches(minted.raw, minted.digest)
    assert keys.prefix_of(minted.raw, "agent") == minted.prefix
    assert keys.prefix_of(minted.raw, "person") is None


# --- agents ----------------------------------------------------------------------------------


def test_an_agents_key_opens_until_it_is_revoked_or_expires() -> None:
    agent, raw = agents.add(name="digger", owner=None, days=1, actor=cast.OPERATOR, at=NOON)
    key = agents.authenticate(raw, at=NOON)
    assert key.agent == agent
    with pytest.raises(KeyRefused, match="expired"):
        agents.authenticate(raw, at=NOON + DAYS)
    agents.revoke_key(agent=agent, prefix=key.prefix, actor=cast.OPERATOR, at=NOON)
    with pytest.raises(KeyRefused, match="revoked"):
        agents.authenticate(raw, at=NOON)
    with pytest.raises(errors.NotFound):
        agents.revoke_key(agent=agent, prefix=key.prefix, actor=cast.OPERATOR, at=NOON)
    assert events("agent.added", "agent.key_issued", "agent.key_revoked") == 3


def test_a_stopped_agent_asks_nothing_until_it_is_started() -> None:
    agent, raw = cast.agent()
    for _ in range(2):
        agents.stop(agent=agent, reason="odd", actor=cast.OPERATOR, at=NOON)
    assert not agents.by_name("robo").is_enabled
    with pytest.raises(KeyRefused, match="stopped"):
        agents.authenticate(raw, at=NOON)
    agents.start(agent=agent, actor=cast.OPERATOR, at=NOON)
    assert agents.authenticate(raw, at=NOON).agent == agent
    assert (events("agent.stopped"), events("agent.started")) == (1, 1)


@pytest.mark.parametrize("name", ["", " robo", "ro\nbo", "r\u043ebo", "robo\u200b", "x" * 81])
def test_a_name_that_could_be_mistaken_is_refused(name: str) -> None:
    with pytest.raises(errors.Invalid):
        agents.add(name=name, owner=None, actor=cast.OPERATOR, at=NOON)


def test_a_taken_name_is_refused_in_any_case() -> None:
    cast.agent("robo")
    with pytest.raises(errors.Conflict):
        agents.add(name="ROBO", owner=None, actor=cast.OPERATOR, at=NOON)
    with pytest.raises(errors.NotFound):
        agents.by_name("nobody")


# --- policies, first run, replays ------------------------------------------------------------

FILES = policies.read_directory(cast.POLICIES)


def apply(files: dict[str, str]) -> tuple[PolicyVersion, bool]:
    return policies.apply(files=files, author="tests", actor=cast.OPERATOR, at=NOON)


def test_the_same_files_again_are_the_same_version() -> None:
    first, is_new = apply(FILES)
    again, is_new_again = apply(FILES)
    assert (is_new, is_new_again) == (True, False)
    assert first == again
    changed = {name: text + "\n# a remark" for name, text in FILES.items()}
    assert apply(changed)[0].number == 2
    assert policies.current().version == 2
    assert events("policy.applied") == 2


def test_a_bad_policy_leaves_the_one_before_in_force() -> None:
    apply(FILES)
    with pytest.raises(Exception, match="not YAML"):
        apply({"bad.yaml": "["})
    assert policies.current().version == 1


def test_an_open_request_keeps_the_plan_it_was_made_under() -> None:
    row = cast.request(at=NOON, **cast.HIGH)
    easier = {
        name: text.replace("{team: security, quorum: 1}", "{team: managers, quorum: 1}")
        for name, text in FILES.items()
    }
    apply(easier)
    cast.decide(row, cast.person("ada"), at=minutes(1))
    other = people.add(
        email="m2@example.com", name="M2", teams=["managers"], actor=cast.OPERATOR, at=NOON
    )
    with pytest.raises(errors.SeatTaken):
        cast.decide(row, other, at=minutes(2))


def test_without_a_policy_nothing_is_judged() -> None:
    with pytest.raises(NoPolicy):
        policies.current()


def test_a_policys_members_join_their_teams() -> None:
    lin = people.add(email="lin@example.com", name="Lin", actor=cast.OPERATOR, at=NOON)
    files = {
        name: text.replace("members: []", "members: [Lin@example.com, ada@example.com]")
        for name, text in FILES.items()
    }
    apply(files)
    assert lin.teams.count() == 4


def test_a_first_run_makes_what_is_missing_once(tmp_path: Path) -> None:
    made = first_run.prepare(policy_dir=cast.POLICIES, data_dir=tmp_path, at=NOON)
    assert (made.policy_version, made.manager) == (1, first_run.FIRST_MANAGER)
    assert Person.objects.get(email=made.manager).check_password(made.password)
    assert (tmp_path / first_run.DEMO_KEY_FILE).read_text().strip() == made.agent_key
    assert (tmp_path / first_run.DEMO_KEY_FILE).stat().st_mode & 0o077 == 0
    again = first_run.prepare(policy_dir=cast.POLICIES, data_dir=tmp_path, at=NOON)
    assert (again.manager, again.password, again.agent_key) == ("", "", "")


def test_a_first_manager_may_be_chosen_and_the_demo_left_out(tmp_path: Path) -> None:
    made = first_run.prepare(
        policy_dir=cast.POLICIES, data_dir=tmp_path, at=NOON, email="ada@example.com",
        password=cast.PASSWORD, demo=False,
    )  # fmt: skip
    assert (made.manager, made.password, made.agent_key) == ("ada@example.com", "", "")
    assert Agent.objects.count() == 0


def test_a_callback_has_an_effect_once() -> None:
    assert replays.first_time(provider="slack", key="a" * 64, at=NOON)
    assert not replays.first_time(provider="slack", key="a" * 64, at=NOON)
    assert replays.first_time(provider="github", key="a" * 64, at=NOON)
    assert str(Replay.objects.get(provider="slack")) == "slack aaaaaaaaaaaa"
    assert replays.forget_old(at=NOON + 2 * DAYS) == 0
    assert replays.forget_old(at=NOON + 4 * DAYS) == 2
