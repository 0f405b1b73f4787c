"""Secrets are masked wherever they are known by their looks, and prose never is."""

from __future__ import annotations

import base64
import re
import time

import pytest

from approvals.domain.display import Flag, redact, show
from approvals.domain.text.secret_kinds import KINDS

MIXED = "a1B2c3D4e5" * 20
HEX = "0a1b2c3d4e" * 20
JWT = f"eyJ{MIXED[:17]}.eyJ{MIXED[:60]}.{MIXED[:43]}"

# Written in two halves: no scanner of repositories takes them for real ones.
KEYS = {
    "Slack bot": "xox" + "b-123456789012-" + MIXED[:24],
    "Slack app": "xap" + "p-1-A012-" + MIXED[:40],
    "Slack webhook": "hooks.slack.com/" + "services/T0001/B0001/" + MIXED[:24],
    "GitHub": "gh" + "p_" + MIXED[:36],
    "GitHub OAuth": "gh" + "o_" + MIXED[:36],
    "GitHub server": "gh" + "s_" + MIXED[:36],
    "GitHub fine-grained": "github_" + "pat_" + MIXED[:22] + "_" + MIXED[:59],
    "GitLab": "glp" + "at-" + MIXED[:20],
    "AWS id": "AK" + "IA" + "Q2W3" * 4,
    "AWS secret": "wJalrXUtnFEMI/K7MDENG/bPx" + "RfiCYEXAMPLEKEY",
    "Google": "AI" + "za" + MIXED[:35],
    "Anthropic": "sk-" + "ant-api03-" + MIXED[:40],
    "OpenAI": "sk" + "-" + MIXED[:48],
    "OpenAI project": "sk-" + "proj-" + MIXED[:48],
    "Stripe": "sk_" + "live_" + MIXED[:24],
    "Stripe restricted": "rk_" + "live_" + MIXED[:24],
    "Vault": "hv" + "s." + MIXED[:24],
    "agent of ours": "cs_agent_" + MIXED[:32],
    "person of ours": "cs_person_" + MIXED[:32],
    "npm": "np" + "m_" + MIXED[:36],
    "SendGrid": "S" + "G." + MIXED[:22] + "." + MIXED[:43],
    "Twilio": "S" + "K" + HEX[:32],
    "DigitalOcean": "dop_" + "v1_" + HEX[:64],
    "JWT": JWT,
    "private key": "-----BEGIN RSA "
    + f"PRIVATE KEY-----\nProc-Type: 4\n{MIXED}\n-----END RSA PRIVATE KEY-----",
    "base64 of a key": base64.b64encode(f"gh{'p'}_{MIXED[:36]}".encode()).decode(),
}
RULES = {
    "Slack bot": "slack-token", "Slack app": "slack-token", "Slack webhook": "slack-webhook",
    "GitHub": "github-token", "GitHub OAuth": "github-token", "GitHub server": "github-token",
    "GitHub fine-grained": "github-token", "GitLab": "gitlab-token", "AWS id": "aws-key-id",
    "AWS secret": "aws-secret", "Google": "google-key", "Anthropic": "anthropic-key",
    "OpenAI": "openai-key", "OpenAI project": "openai-key", "Stripe": "stripe-key",
    "Stripe restricted": "stripe-key", "Vault": "vault-token", "agent of ours": "countersign-key",
    "person of ours": "countersign-key", "npm": "npm-token", "SendGrid": "sendgrid-key",
    "Twilio": "twilio-key", "DigitalOcean": "digitalocean-token", "JWT": "web-token",
    "private key": "private-key", "base64 of a key": "key-in-base64",
}  # fmt: skip
ONE_LINE = {name: key for name, key in KEYS.items() if name != "private key"}
IN_ADDRESS, HEADER, FIELD = "password-in-address", "authorization-header", "password-field"
SPLIT = {
    name: key
    for name, key in ONE_LINE.items()
    if name not in {"JWT", "AWS secret", "base64 of a key"}
}


def mask(length: int, rule: str) -> str:
    return f"•••• {length} characters, hidden by rule {rule}"


@pytest.mark.parametrize("name", KEYS)
def test_a_key_is_masked_by_its_length_and_the_rule_that_knew_it(name: str) -> None:
    key = KEYS[name]
    masked = mask(len(key), RULES[name])
    assert redact(f"use {key} now") == (f"use {masked} now", 1)
    assert redact(masked) == (masked, 0)


def test_two_keys_of_one_kind_and_length_are_told_apart_by_nothing() -> None:
    for kind in KINDS:
        assert re.fullmatch("[a-z]+(?:-[a-z0-9]+)*", kind.rule)
    one, other = ("gh" + "p_" + letters * 9 for letters in ("aB1c", "Zy9x"))
    assert redact(one) == redact(other)


def test_a_mask_of_another_time_is_still_known_for_one() -> None:
    for masked in ("•••• 40 characters hidden", mask(40, "github-token")):
        assert Flag.SECRET in show(masked).flags


@pytest.mark.parametrize("name", ONE_LINE)
def test_hidden_characters_do_not_save_a_key(name: str) -> None:
    key = KEYS[name]
    for hidden in ("\u200b", "\u00ad", "\x08", "\U000e0041"):
        split = f"{key[:3]}{hidden}{key[3:9]}{hidden * 2}{key[9:]}"
        text, count = redact(f"use {split} now")
        assert (text, count) == (f"use {mask(len(split), RULES[name])} now", 1)


@pytest.mark.parametrize("name", SPLIT)
def test_a_line_break_or_an_odd_space_does_not_save_a_key(name: str) -> None:
    key = KEYS[name]
    for gap in ("\n", "\r\n    ", "\u00a0"):
        split = f"{key[:3]}{gap}{key[3:15]}{gap}{key[15:]}"
        text, count = redact(f"use {split}\nnow")
        assert (text, count) == (f"use {mask(len(split), RULES[name])}\nnow", 1)


def test_a_token_wrapped_over_lines_is_masked_to_its_end() -> None:
    wrapped = "\n".join(JWT[start : start + 32] for start in range(0, 128, 32))
    text, _ = redact(f"token: {wrapped}\nrm -rf /")
    assert text == f"token: {mask(len(wrapped), 'web-token')}\nrm -rf /"


def test_the_line_after_a_key_stays_readable() -> None:
    text, _ = redact(f"{KEYS['GitHub']}\nDELETE FROM customers")
    assert text.endswith("github-token\nDELETE FROM customers")


def test_wide_letters_do_not_save_a_key() -> None:
    wide = "".join(chr(ord(char) + 0xFEE0) for char in KEYS["GitHub"])
    assert redact(wide) == (mask(40, "github-token"), 1)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("https://ada:hunter22@db.example/x", f"https://ada:{mask(8, IN_ADDRESS)}@db.example/x"),
        ("postgres://:p@ss@db/x", f"postgres://:{mask(4, IN_ADDRESS)}@db/x"),
        (f"Bearer {MIXED[:20]}", f"Bearer {mask(20, HEADER)}"),
        ("authorization: Basic QWxhZGRpbg==", f"authorization: Basic {mask(12, HEADER)}"),
        ('"Authorization": "ApiKeyWithoutScheme"', f'"Authorization": "{mask(19, HEADER)}"'),
        ('{"password": "correct horse"}', '{"password": "correct horse"}'),
        ('{"password": "hunter2222"}', f'{{"password": "{mask(10, FIELD)}"}}'),
        ("API_KEY=abcdefgh1", f"API_KEY={mask(9, FIELD)}"),
        (f"AccountKey={MIXED[:86]}==", f"AccountKey={mask(88, 'azure-key')}"),
        (
            f'{{"line": "one\\nsk-ant-{MIXED[:30]}"}}',
            f'{{"line": "one\\n{mask(37, "anthropic-key")}"}}',
        ),
    ],
)
def test_a_secret_known_by_its_place_is_masked_there(text: str, masked: str) -> None:
    assert redact(text)[0] == masked


@pytest.mark.parametrize(
    "text",
    [
        "commit da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "ask-ant-hill-people-about-the-new-garden",
        "task-" + "a1" * 20,
        "the bearer of good-news-everyone-here",
        "mail ada@example.com about http://example.com:8080/a@b",
        "PASSWORD=$DB_PASSWORD",
        "https://ada:${TOKEN}@example.com",
        "/usr/local/share/applications/mimeinfos1",
        "3f1c1a52-7f0e-4b39-9a44-2d1f0d1c9c11",
        "Größe, 返金, 😀 and nothing else",
        "",
    ],
)
def test_what_only_resembles_a_secret_stays(text: str) -> None:
    assert redact(text) == (text, 0)


def test_every_secret_is_counted_and_overlapping_ones_once() -> None:
    text, count = redact(f"Authorization: Bearer {JWT}, then {KEYS['GitHub']} {KEYS['Slack bot']}")
    assert count == 3
    assert text.count("••••") == 3


def test_an_unfinished_private_key_hides_what_follows() -> None:
    text, count = redact("a -----BEGIN PRIVATE " + f"KEY-----\n{MIXED}")
    assert (text.split()[1], count) == ("••••", 1)


def test_a_masked_text_says_so_when_shown() -> None:
    shown = show(redact(f"use {KEYS['npm']}")[0])
    assert shown.flags == {Flag.SECRET}
    assert shown.notes == ("A secret was masked.",)


@pytest.mark.parametrize(
    "part",
    [
        "eyJ",
        "eyJaaaaaaaa.",
        "ghp_" + "a" * 36,
        "-----BEGIN PRIVATE " + "KEY-----",
        "://a:",
        "Bearer a1",
        "a\n\u200b",
        "SG.",
    ],
)
def test_time_grows_with_the_text_and_no_faster(part: str) -> None:
    text = part * (10**6 // len(part))
    started = time.process_time()
    redact(text)
    assert time.process_time() - started < 5
