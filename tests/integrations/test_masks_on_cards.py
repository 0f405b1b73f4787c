"""Every card names the rule that masked a secret, and holds no part of the secret."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integrations.test_changes_on_cards import DOORS
from tests.integrations.test_slack_blocks import a_card

SECRET = "sk_" + "live_" + "4eC39HqLyjWDarjtT1zdp7dc"
MASK = f"•••• {len(SECRET)} characters, hidden by rule stripe-key"


@pytest.mark.parametrize("door", DOORS)
def test_a_masked_secret_names_its_rule_and_nothing_of_itself(door: Any) -> None:
    told = door(
        a_card(
            parameters={"key": SECRET},
            reasoning=f"It needs {SECRET} today.",
            rollback={"state_before": {"key": SECRET}},
        )
    )
    assert told.count(MASK) >= 3
    assert not any(SECRET[at : at + 4] in told for at in range(len("sk_live_"), len(SECRET) - 3))
