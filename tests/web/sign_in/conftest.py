"""Who signs in, and the identity provider some of them come from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from approvals.models import Person
from tests.fakes.oidc import IdentityProvider
from tests.support import cast
from tests.web.single_sign_on import configured


@pytest.fixture
def lin(db: None) -> Person:
    """Somebody with a password, signed in nowhere yet."""
    return cast.person("lin", password=cast.PASSWORD)


@pytest.fixture
def provider(settings: Any) -> Iterator[IdentityProvider]:
    """An identity provider of the tests' own, which the service asks."""
    with configured(settings) as running:
        yield running
