"""The kinds of secrets we know by their looks.

Typed rules only: guessing by entropy hides prose.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass

_WORD = r"[A-Za-z0-9]"
_SLUG = r"[A-Za-z0-9_-]"
_HEX = "[0-9a-f]"
_GROUPS = rf"(?:{_WORD}{{1,14}}-){{0,4}}{_WORD}{{10}}"
_REST = re.compile(rf"{_SLUG}*")


def _always(_: str) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Kind:
    """How one kind of secret looks, and what its rule is called.

    The name stands where the secret stood, so it says no more than the beginning that such keys share.
    `pattern` masks its last group, else all of it. A kind that may be broken is sought with line
    breaks taken out, matches no more than it needs to be sure, and `rest` finds its end.
    """

    rule: str
    pattern: re.Pattern[str]
    may_be_broken: bool = False
    stands_alone: bool = False
    rest: re.Pattern[str] = _REST
    test: Callable[[str], bool] = _always


def _key(rule: str, prefix: str, body: str) -> Kind:
    """A key whose prefix says it all, wherever it stands."""
    return Kind(rule, re.compile(prefix + body), may_be_broken=True)


def _word(rule: str, prefix: str, body: str) -> Kind:
    """A key whose prefix could be the end of another word."""
    return Kind(rule, re.compile(prefix + body), may_be_broken=True, stands_alone=True)


def _has_the_mix_of_a_random_key(text: str) -> bool:
    """Forty random base64 letters are never a hash, a path or a long name."""
    uppers, lowers = sum(map(str.isupper, text)), sum(map(str.islower, text))
    digits, slashes = sum(map(str.isdecimal, text)), text.count("/")
    others = digits + slashes + text.count("+")
    return min(uppers, lowers) >= 5 and digits >= 1 and others >= 2 and slashes <= 3


def _is_no_reference(text: str) -> bool:
    """A variable's name in place of a password is worth seeing."""
    return text[0] not in "$<{%•"


_OPEN_PREFIXES = (
    "ghp_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "AKIA",
    "AIza",
    "sk-ant-",
    "sk-proj-",
    "sk_live_",
    "rk_live_",
    "hvs.",
    "npm_",
    "dop_v1_",
    "cs_agent_",
    "cs_person_",
    "-----BEGIN ",
)


def _in_base64(prefix: str) -> str:
    """The letters of base64 that this prefix alone decides."""
    whole = len(prefix) * 8 // 6
    return re.escape(base64.b64encode(prefix.encode()).decode()[:whole])


_TOKENS = (
    _key("slack-token", "xox[abceoprs]-", _GROUPS),
    _key("slack-token", "xapp-", _GROUPS),
    _key("slack-webhook", "hooks\\.slack\\.com/services/", rf"{_WORD}+/{_WORD}+/{_WORD}{{16}}"),
    _key("github-token", "gh[opsur]_", rf"{_WORD}{{36}}"),
    _key("github-token", "github_pat_", r"\w{40}"),
    _key("gitlab-token", "gl(?:pat|dt|rt|ptt|cbt)-", rf"{_SLUG}{{20}}"),
    _word("aws-key-id", "A(?:KIA|SIA)", "[A-Z0-9]{16}"),
    _word("google-key", "AIza", rf"{_SLUG}{{35}}"),
    _word("google-token", "ya29\\.", rf"{_SLUG}{{20}}"),
    _key("google-secret", "GOCSPX-", rf"{_SLUG}{{24}}"),
    _word("anthropic-key", "sk-ant-", rf"{_SLUG}{{20}}"),
    _word("openai-key", "sk-(?:proj|svcacct|admin)-", rf"{_SLUG}{{20}}"),
    _word("openai-key", "sk-", rf"{_WORD}{{32}}"),
    _word("stripe-key", "[sr]k_(?:live|test)_", rf"{_WORD}{{16}}"),
    _key("webhook-secret", "whsec_", r"[A-Za-z0-9+/=]{24}"),
    _word("vault-token", "hv[sbr]\\.", rf"{_SLUG}{{20}}"),
    _key("countersign-key", "cs_(?:agent|person)_", rf"{_SLUG}{{16}}"),
    _key("npm-token", "npm_", rf"{_WORD}{{36}}"),
    _key("pypi-token", "pypi-", rf"{_SLUG}{{50}}"),
    _word("sendgrid-key", "SG\\.", rf"{_SLUG}{{16,32}}\.{_SLUG}{{32}}"),
    _word("twilio-key", "SK", rf"{_HEX}{{32}}"),
    _word("mailgun-key", "key-", rf"{_HEX}{{32}}"),
    _key("digitalocean-token", "do[opr]_v1_", rf"{_HEX}{{64}}"),
    _word("hugging-face-token", "hf_", rf"{_WORD}{{30}}"),
    _key("shopify-token", "shp(?:at|ca|pa|ss)_", "[0-9a-fA-F]{32}"),
    _key("square-token", "sq0(?:atp|csp)-", rf"{_SLUG}{{22}}"),
    _key("docker-token", "dckr_pat_", rf"{_SLUG}{{20}}"),
    _word("databricks-token", "dapi", rf"{_HEX}{{32}}"),
    _key("grafana-token", "glsa_", r"\w{32}"),
    _key("new-relic-key", "NRAK-", "[A-Z0-9]{27}"),
    _key("atlassian-token", "ATATT3", rf"{_SLUG}{{50}}"),
    _key("linear-key", "lin_api_", rf"{_WORD}{{32}}"),
    _key("doppler-token", "dp\\.(?:pt|st|ct|sa)\\.", rf"{_WORD}{{40}}"),
    _key("age-key", "AGE-SECRET-KEY-1", "[A-Z0-9]{58}"),
)

_JWT = rf"(?<!{_SLUG})eyJ{_SLUG}{{8,}}\.eyJ{_SLUG}{{8,}}\.{_SLUG}{{16}}"
# The signature may go on over line breaks, as whole lines of nothing else.
_REST_OF_JWT = re.compile(rf"{_SLUG}*(?:\r?\n[ \t]*{_SLUG}{{16,}}(?=\s|\Z))*")

_STRUCTURES = (
    Kind(
        "private-key",
        re.compile(
            r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
            r"(?:[^-]++|-(?!----))*+(?:-----END [A-Z0-9 ]{0,40}-----)?"
        ),
    ),
    Kind("web-token", re.compile(rf"{_JWT}{_SLUG}*")),
    Kind("web-token", re.compile(_JWT), may_be_broken=True, rest=_REST_OF_JWT),
    Kind(
        "authorization-header",
        re.compile(r"(?i:bearer|basic)[ \t]+(?=[\w.~+/=-]*\d)([\w.~+/=-]{16,})", re.ASCII),
    ),
    Kind(
        "authorization-header",
        re.compile(
            r"(?i:authorization)[\"']?[ \t]*[:=][ \t]*[\"']?(?i:(?:bearer|basic|token)[ \t]+)?"
            r"([^\s\"',;]{8,})"
        ),
        test=_is_no_reference,
    ),
    Kind("password-in-address", re.compile(r"://[^\s/@:]*:([^\s/]+)@"), test=_is_no_reference),
    Kind(
        "password-field",
        re.compile(
            r"(?i:password|passwd|client_secret|api_?key|access_?key|secret_?key)"
            r"(?:[\"'][ \t]*:|[ \t]*=)[ \t]*[\"']?([^\s\"'&;,]{8,})"
        ),
        test=_is_no_reference,
    ),
    Kind("azure-key", re.compile(r"AccountKey=([A-Za-z0-9+/]{40,}={0,2})")),  # Azure
    Kind(
        "aws-secret",
        re.compile(r"(?<![A-Za-z0-9/+=])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])"),  # AWS secret key
        test=_has_the_mix_of_a_random_key,
    ),
    *(
        Kind(
            "key-in-base64",
            re.compile(rf"(?<![A-Za-z0-9+/]){_in_base64(prefix)}[A-Za-z0-9+/]{{12,}}={{0,2}}"),
        )
        for prefix in _OPEN_PREFIXES
    ),
)

KINDS = (*_TOKENS, *_STRUCTURES)
