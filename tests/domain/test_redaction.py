"""Secrets are masked wherever they are known by their looks, and prose never is."""

from __future__ import annotations

import base64
import time

import pytest

from approvals.domain.display import Flag, redact, show

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
ONE_LINE = {name: key for name, key in KEYS.items() if name != "private key"}
SPLIT = {
    name: key
    for name, key in ONE_LINE.items()
    if name not in {"JWT", "AWS secret", "base64 of a key"}
}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_a_key_is_masked_by_its_length(key: str) -> None:
    assert redact(f"use {key} now") == (f"use •••• {len(key)} characters hidden now", 1)


@pytest.mark.parametrize("key", ONE_LINE.values(), ids=ONE_LINE)
def test_hidden_characters_do_not_save_a_key(key: str) -> None:
    for hidden in ("\u200b", "\u00ad", "\x08", "\U000e0041"):
        split = f"{key[:3]}{hidden}{key[3:9]}{hidden * 2}{key[9:]}"
        text, count = redact(f"use {split} now")
        assert (text, count) == (f"use •••• {len(split)} characters hidden now", 1)


@pytest.mark.parametrize("key", SPLIT.values(), ids=SPLIT)
def test_a_line_break_or_an_odd_space_does_not_save_a_key(key: str) -> None:
    for gap in ("\n", "\r\n    ", "\u00a0"):
        split = f"{key[:3]}{gap}{key[3:15]}{gap}{key[15:]}"
        text, count = redact(f"use {split}\nnow")
        assert (text, count) == (f"use •••• {len(split)} characters hidden\nnow", 1)


def test_a_token_wrapped_over_lines_is_masked_to_its_end() -> None:
    wrapped = "\n".join(JWT[start : start + 32] for start in range(0, 128, 32))
    text, _ = redact(f"token: {wrapped}\nrm -rf /")
    assert text == f"token: •••• {len(wrapped)} characters hidden\nrm -rf /"


def test_the_line_after_a_key_stays_readable() -> None:
    text, _ = redact(f"{KEYS['GitHub']}\nDELETE FROM customers")
    assert text.endswith("hidden\nDELETE FROM customers")


def test_wide_letters_do_not_save_a_key() -> None:
    wide = "".join(chr(ord(char) + 0xFEE0) for char in KEYS["GitHub"])
    assert redact(wide) == ("•••• 40 characters hidden", 1)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("https://ada:hunter22@db.example/x", "https://ada:•••• 8 characters hidden@db.example/x"),
        ("postgres://:p@ss@db/x", "postgres://:•••• 4 characters hidden@db/x"),
        (f"Bearer {MIXED[:20]}", "Bearer •••• 20 characters hidden"),
        ("authorization: Basic QWxhZGRpbg==", "authorization: Basic •••• 12 characters hidden"),
        ('"Authorization": "ApiKeyWithoutScheme"', '"Authorization": "•••• 19 characters hidden"'),
        ('{"password": "correct horse"}', '{"password": "correct horse"}'),
        ('{"password": "hunter2222"}', '{"password": "•••• 10 characters hidden"}'),
        ("API_KEY=abcdefgh1", "API_KEY=•••• 9 characters hidden"),
        (f"AccountKey={MIXED[:86]}==", "AccountKey=•••• 88 characters hidden"),
        (f'{{"line": "one\\nsk-ant-{MIXED[:30]}"}}', '{"line": "one\\n•••• 37 characters hidden"}'),
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
