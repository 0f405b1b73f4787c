"""Several workspaces: how the app gets in, under which token it speaks, and how it is thrown out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.checks import run_checks
from django.http import HttpResponse
from django.test import Client

from approvals.domain.terms import Status
from approvals.models import Alert, AuditEvent, Person, SlackWorkspace
from approvals.models.people import Role
from approvals.ports import DeliveryError
from approvals.services import actors, clock, sealing
from integrations.slack import manifest, workspaces
from integrations.slack.workspaces import Installed
from tests.fakes.knocks import signed
from tests.fakes.slack_rooms import TOKEN, RoomySlack, event
from tests.support import cast
from tests.support.slack import knock, linked, refusals, shown

pytestmark = [pytest.mark.urls("tests.integrations.slack_urls"), pytest.mark.django_db]


@pytest.fixture
def slack(settings: Any) -> Iterator[RoomySlack]:
    with RoomySlack() as fake:
        for name, value in fake.settings.items():
            setattr(settings, name, value)
        settings.SLACK_CLIENT_ID, settings.SLACK_CLIENT_SECRET = "111.222", "client-secret"
        settings.SLACK_TEAM_ID = "T1"
        settings.ADAPTERS = ["integrations.slack.adapter.SlackAdapter"]
        yield fake


def operator(client: Client, role: Role = Role.OPERATOR) -> Person:
    someone = cast.person("ophelia", teams=(), role=role)
    client.force_login(someone)
    return someone


def begun(client: Client) -> str:
    """Begin an installation; returns its state."""
    answer = client.get("/integrations/slack/install")
    assert answer.status_code == 302
    return parse_qs(urlsplit(answer["Location"]).query)["state"][0]


def came_back(client: Client, **said: str) -> HttpResponse:
    answer = client.get("/integrations/slack/oauth", said)
    assert isinstance(answer, HttpResponse)
    return answer


def installed(team: str = "T2") -> SlackWorkspace:
    given = Installed(team, "", f"Team {team}", "UB2", f"xoxb-{team.lower()}", ("chat:write",))
    return workspaces.install(given, by=actors.operator("tests"), at=clock.now())


def test_an_operator_installs_the_app_in_another_workspace(slack: RoomySlack) -> None:
    client = Client()
    someone = operator(client)
    answer = client.get("/integrations/slack/install")
    sent = parse_qs(urlsplit(answer["Location"]).query)
    assert urlsplit(answer["Location"]).path == "/oauth/v2/authorize"
    assert sent["client_id"] == ["111.222"]
    assert sent["scope"] == [",".join(manifest.SCOPES)]
    token = slack.offer("code-1", "T2")
    done = came_back(client, code="code-1", state=sent["state"][0])
    assert done.status_code == 200
    assert "installed in Team T2" in done.content.decode()
    row = SlackWorkspace.objects.get()
    assert (row.team_id, row.installed_by) == ("T2", f"person:{someone.email}")
    assert workspaces.token_for("T2/C9") == token
    assert AuditEvent.objects.filter(type="workspace.installed").count() == 1
    call = slack.called("oauth.v2.access")[0]
    assert call.body["redirect_uri"] == sent["redirect_uri"][0]
    assert "no-store" in done["Cache-Control"]


def test_the_token_stands_nowhere_as_it_came(slack: RoomySlack) -> None:
    row = installed()
    told = json.dumps([event.entry for event in AuditEvent.objects.all()])
    assert "xoxb-t2" not in row.sealed_token + told
    assert row.sealed_token.startswith("s1.")


def test_a_token_opens_for_its_own_row_and_under_a_known_key_only(
    slack: RoomySlack, settings: Any
) -> None:
    first, second = installed("T2"), installed("T3")
    SlackWorkspace.objects.filter(pk=second.pk).update(sealed_token=first.sealed_token)
    assert workspaces.token_of(team="T3", enterprise="") is None
    former, settings.SECRET_KEY = settings.SECRET_KEY, "another-key-altogether"
    with pytest.raises(DeliveryError, match="SECRET_KEY has changed"):
        workspaces.token_for("T2/C9")
    settings.SECRET_KEY_FALLBACKS = [former]
    assert workspaces.token_for("T2/C9") == "xoxb-t2"


@pytest.mark.parametrize("sealed", ["", "s1.", "s1.AAAA", "s1.é", "s2.AAAA", "x" * 500])
def test_what_was_not_sealed_here_does_not_open(sealed: str) -> None:
    with pytest.raises(sealing.Unopenable):
        sealing.unseal(sealed, purpose="p", place="x")


def test_installing_again_replaces_the_token(slack: RoomySlack) -> None:
    installed()
    client = Client()
    operator(client)
    slack.offer("again", "T2", access_token="xoxb-new")
    came_back(client, code="again", state=begun(client))
    assert workspaces.token_for("T2/C9") == "xoxb-new"
    assert SlackWorkspace.objects.filter(revoked_at=None).count() == 1


@pytest.mark.parametrize("role", [Role.MEMBER, Role.MANAGER, Role.AUDITOR])
def test_nobody_but_operators_installs(slack: RoomySlack, role: Role) -> None:
    client = Client()
    operator(client, role)
    assert client.get("/integrations/slack/install").status_code == 403
    assert came_back(client, code="x", state="y").status_code == 403


def test_who_is_not_signed_in_signs_in_first(slack: RoomySlack) -> None:
    answer = Client().get("/integrations/slack/install")
    assert answer["Location"] == "/sign-in?next=%2Fintegrations%2Fslack%2Finstall"
    back = came_back(Client(), code="secret-code", state="x")
    assert "secret-code" not in back["Location"]


def test_an_answer_counts_once_in_the_browser_that_began_within_ten_minutes(
    slack: RoomySlack,
) -> None:
    client, other = Client(), Client()
    operator(client)
    operator(other)
    slack.offer("code-1", "T2")
    assert came_back(client, code="code-1", state="never-begun").status_code == 400
    state = begun(client)
    assert came_back(other, code="code-1", state=state).status_code == 400
    assert came_back(client, code="code-1", state=state + "x").status_code == 400
    assert came_back(client, code="code-1", state=state).status_code == 400  # it was used up
    state = begun(client)
    session = client.session
    begun_at = clock.now() - timedelta(minutes=11)
    session["slack_install"] = session["slack_install"] | {"at": begun_at.isoformat()}
    session.save()
    assert came_back(client, code="code-1", state=state).status_code == 410
    assert not SlackWorkspace.objects.exists()
    assert came_back(client, code="code-1", state=begun(client)).status_code == 200
    assert came_back(client, code="code-1", state=state).status_code == 400


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"error": "access_denied"}, "refused at Slack"),
        ({"code": ""}, "no code"),
        ({"code": "x" * 501}, "no code"),
        ({"code": "wrong"}, "Slack refused the code: invalid_code"),
    ],
)
def test_what_goes_wrong_at_slack_installs_nothing(
    slack: RoomySlack, said: dict[str, str], words: str
) -> None:
    client = Client()
    operator(client)
    answer = came_back(client, state=begun(client), **said)
    assert answer.status_code == 400
    assert words in answer.content.decode()
    assert "Nothing was installed." in answer.content.decode()


@pytest.mark.parametrize(
    "changes",
    [
        {"access_token": ""}, {"access_token": 5}, {"team": None}, {"team": "T2"},
        {"expires_in": 43_200, "refresh_token": "xoxe-1"}, {"app_id": "A9"},
    ],
)  # fmt: skip
def test_a_senseless_answer_of_slack_installs_nothing(
    slack: RoomySlack, settings: Any, changes: dict[str, Any]
) -> None:
    settings.SLACK_APP_ID = "A1"
    client = Client()
    operator(client)
    slack.offer("code-1", "T2", **changes)
    answer = came_back(client, code="code-1", state=begun(client))
    assert answer.status_code in {400, 502}
    assert not SlackWorkspace.objects.exists()


def test_a_click_is_answered_under_the_token_of_its_own_workspace(slack: RoomySlack) -> None:
    installed()
    row = cast.request()
    linked("mallory", "T2:U1")
    payload = slack.press(shown(slack, row), shown(slack, row).button("approve") or {}, team="T2")
    knock(signed(payload | {"team": {"id": "T2"}}))
    assert slack.tokens_of("views.open") == ["xoxb-t2"]
    knock(slack.click(shown(slack, row), "approve", user="U9"))
    assert slack.tokens_of("views.open")[-1] == TOKEN


def test_a_workspace_that_never_installed_the_app_is_refused_and_written_down(
    slack: RoomySlack,
) -> None:
    row = cast.request()
    linked("lin", "T9:U1")
    payload = slack.press(shown(slack, row), shown(slack, row).button("approve") or {}, team="T9")
    answer = knock(signed(payload | {"team": {"id": "T9"}}))
    assert answer.status_code == 403
    assert json.loads(answer.content)["code"] == "workspace_not_installed"
    row.refresh_from_db()
    assert row.status == Status.PENDING
    assert refusals(row) == ["workspace_not_installed"]
    assert Alert.objects.get().kind == "forged_channel_messages"
    refused = knock(event("app_home_opened", team="T9"))
    assert (refused.status_code, refused["X-Slack-No-Retry"]) == (403, "1")
    assert slack.homes == {}


@pytest.mark.parametrize(
    "kind", [("app_uninstalled", {}), ("tokens_revoked", {"tokens": {"bot": ["UB2"]}})]
)
def test_a_workspace_that_throws_us_out_is_forgotten_at_once(
    slack: RoomySlack, kind: tuple[str, dict[str, Any]]
) -> None:
    row = installed()
    assert knock(event(kind[0], team="T2", **kind[1])).status_code == 200
    row.refresh_from_db()
    assert row.revoked_at is not None
    assert row.sealed_token == ""
    assert AuditEvent.objects.filter(type="workspace.revoked").count() == 1
    with pytest.raises(DeliveryError, match="took the app's access away") as caught:
        workspaces.token_for("T2/C9")
    assert caught.value.permanent
    homes = dict(slack.homes)
    for last_words in ("app_home_opened", "tokens_revoked", "app_uninstalled"):
        assert knock(event(last_words, team="T2")).status_code == 200
    assert slack.homes == homes
    assert not Alert.objects.exists()  # its last words are no attack


def test_a_users_own_token_revoked_is_none_of_our_business(slack: RoomySlack) -> None:
    row = installed()
    knock(event("tokens_revoked", team="T2", tokens={"oauth": ["U1"]}))
    row.refresh_from_db()
    assert row.revoked_at is None


def test_a_late_word_does_not_end_a_newer_installation(slack: RoomySlack) -> None:
    row = installed()
    before = int((row.installed_at - timedelta(minutes=2)).timestamp())
    knock(event("app_uninstalled", team="T2", at=before))
    row.refresh_from_db()
    assert row.revoked_at is None


def test_an_address_without_a_workspace_is_the_configured_one(slack: RoomySlack) -> None:
    assert workspaces.token_for("C1") == TOKEN
    assert workspaces.token_for("T1/C1") == TOKEN
    assert workspaces.channel_of("T1/C1") == "C1"
    assert workspaces.channel_of("#ops/night") == "#ops/night"
    with pytest.raises(DeliveryError, match="not installed in the Slack workspace T5"):
        workspaces.token_for("T5/C1")


def test_slack_that_does_not_answer_is_said(slack: RoomySlack, settings: Any) -> None:
    settings.SLACK_API_URL = "http://127.0.0.1:9/api/"
    client = Client()
    operator(client)
    assert came_back(client, code="code-1", state=begun(client)).status_code == 502


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"SLACK_CLIENT_SECRET": ""}, "SLACK_CLIENT_SECRET"),
        ({"SLACK_CLIENT_ID": ""}, "SLACK_CLIENT_ID"),
        ({"SLACK_TEAM_ID": ""}, "SLACK_TEAM_ID"),
    ],
)
def test_half_of_the_credentials_stop_the_start(
    slack: RoomySlack, settings: Any, changes: dict[str, str], missing: str
) -> None:
    for name, value in changes.items():
        setattr(settings, name, value)
    assert f"Slack is configured without {missing}." in [error.msg for error in run_checks()]


def test_without_credentials_there_is_nothing_to_install(slack: RoomySlack, settings: Any) -> None:
    settings.SLACK_CLIENT_ID = settings.SLACK_CLIENT_SECRET = ""
    client = Client()
    operator(client)
    assert client.get("/integrations/slack/install").status_code == 404
