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
    """How one kind of secret looks.

    `pattern` masks its last group, else all of it. A kind that may be broken is sought with line
    breaks taken out, matches no more than it needs to be sure, and `rest` finds its end.
    """

    pattern: re.Pattern[str]
    may_be_broken: bool = False
    stands_alone: bool = False
    rest: re.Pattern[str] = _REST
    test: Callable[[str], bool] = _always


def _key(prefix: str, body: str) -> Kind:
    """A key whose prefix says it all, wherever it stands."""
    return Kind(re.compile(prefix + body), may_be_broken=True)


def _word(prefix: str, body: str) -> Kind:
    """A key whose prefix could be the end of another word."""
    return Kind(re.compile(prefix + body), may_be_broken=True, stands_alone=True)


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
    _key("xox[abceoprs]-", _GROUPS),  # Slack
    _key("xapp-", _GROUPS),
    _key("hooks\\.slack\\.com/services/", rf"{_WORD}+/{_WORD}+/{_WORD}{{16}}"),
    _key("gh[opsur]_", rf"{_WORD}{{36}}"),  # GitHub
    _key("github_pat_", r"\w{40}"),
    _key("gl(?:pat|dt|rt|ptt|cbt)-", rf"{_SLUG}{{20}}"),  # GitLab
    _word("A(?:KIA|SIA)", "[A-Z0-9]{16}"),  # AWS
    _word("AIza", rf"{_SLUG}{{35}}"),  # Google
    _word("ya29\\.", rf"{_SLUG}{{20}}"),
    _key("GOCSPX-", rf"{_SLUG}{{24}}"),
    _word("sk-ant-", rf"{_SLUG}{{20}}"),  # Anthropic
    _word("sk-(?:proj|svcacct|admin)-", rf"{_SLUG}{{20}}"),  # OpenAI
    _word("sk-", rf"{_WORD}{{32}}"),
    _word("[sr]k_(?:live|test)_", rf"{_WORD}{{16}}"),  # Stripe
    _key("whsec_", r"[A-Za-z0-9+/=]{24}"),
    _word("hv[sbr]\\.", rf"{_SLUG}{{20}}"),  # Vault
    _key("cs_(?:agent|person)_", rf"{_SLUG}{{16}}"),  # ours
    _key("npm_", rf"{_WORD}{{36}}"),
    _key("pypi-", rf"{_SLUG}{{50}}"),
    _word("SG\\.", rf"{_SLUG}{{16,32}}\.{_SLUG}{{32}}"),  # SendGrid
    _word("SK", rf"{_HEX}{{32}}"),  # Twilio
    _word("key-", rf"{_HEX}{{32}}"),  # Mailgun
    _key("do[opr]_v1_", rf"{_HEX}{{64}}"),  # DigitalOcean
    _word("hf_", rf"{_WORD}{{30}}"),  # Hugging Face
    _key("shp(?:at|ca|pa|ss)_", "[0-9a-fA-F]{32}"),  # Shopify
    _key("sq0(?:atp|csp)-", rf"{_SLUG}{{22}}"),  # Square
    _key("dckr_pat_", rf"{_SLUG}{{20}}"),  # Docker
    _word("dapi", rf"{_HEX}{{32}}"),  # Databricks
    _key("glsa_", r"\w{32}"),  # Grafana
    _key("NRAK-", "[A-Z0-9]{27}"),  # New Relic
    _key("ATATT3", rf"{_SLUG}{{50}}"),  # Atlassian
    _key("lin_api_", rf"{_WORD}{{32}}"),  # Linear
    _key("dp\\.(?:pt|st|ct|sa)\\.", rf"{_WORD}{{40}}"),  # Doppler
    _key("AGE-SECRET-KEY-1", "[A-Z0-9]{58}"),
)

_JWT = rf"(?<!{_SLUG})eyJ{_SLUG}{{8,}}\.eyJ{_SLUG}{{8,}}\.{_SLUG}{{16}}"
# The signature may go on over line breaks, as whole lines of nothing else.
_REST_OF_JWT = re.compile(rf"{_SLUG}*(?:\r?\n[ \t]*{_SLUG}{{16,}}(?=\s|\Z))*")

_STRUCTURES = (
    Kind(
        re.compile(
            r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
            r"(?:[^-]++|-(?!----))*+(?:-----END [A-Z0-9 ]{0,40}-----)?"
        )
    ),
    Kind(re.compile(rf"{_JWT}{_SLUG}*")),
    Kind(re.compile(_JWT), may_be_broken=True, rest=_REST_OF_JWT),
    Kind(re.compile(r"(?i:bearer|basic)[ \t]+(?=[\w.~+/=-]*\d)([\w.~+/=-]{16,})", re.ASCII)),
    Kind(
        re.compile(
            r"(?i:authorization)[\"']?[ \t]*[:=][ \t]*[\"']?(?i:(?:bearer|basic|token)[ \t]+)?"
            r"([^\s\"',;]{8,})"
        ),
        test=_is_no_reference,
    ),
    Kind(re.compile(r"://[^\s/@:]*:([^\s/]+)@"), test=_is_no_reference),
    Kind(
        re.compile(
            r"(?i:password|passwd|client_secret|api_?key|access_?key|secret_?key)"
            r"(?:[\"'][ \t]*:|[ \t]*=)[ \t]*[\"']?([^\s\"'&;,]{8,})"
        ),
        test=_is_no_reference,
    ),
    Kind(re.compile(r"AccountKey=([A-Za-z0-9+/]{40,}={0,2})")),  # Azure
    Kind(
        re.compile(r"(?<![A-Za-z0-9/+=])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])"),  # AWS secret key
        test=_has_the_mix_of_a_random_key,
    ),
    *(
        Kind(re.compile(rf"(?<![A-Za-z0-9+/]){_in_base64(prefix)}[A-Za-z0-9+/]{{12,}}={{0,2}}"))
        for prefix in _OPEN_PREFIXES
    ),
)

KINDS = (*_TOKENS, *_STRUCTURES)
