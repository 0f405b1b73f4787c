"""What is bounded says so where the bound was passed, and says nothing where it was just reached."""

from __future__ import annotations

import pytest

from approvals.models import Person
from approvals.models.desk import SavedView
from approvals.queries import views
from approvals.services import clock
from tests.support import cast
from tests.web.conftest import Browser

pytestmark = pytest.mark.django_db


def shared_views(person: Person, page: str, how_many: int) -> None:
    now = clock.now()
    SavedView.objects.bulk_create(
        SavedView(person=person, page=page, name=f"a {number:03}", query=f"q={number}",
                  is_shared=True, created_at=now)
        for number in range(how_many)
    )  # fmt: skip


@pytest.mark.parametrize("page", ["queue", "history"])
def test_a_view_of_ones_own_is_never_among_those_that_are_left_out(lin: Browser, page: str) -> None:
    said = f"Only {views.MOST_LISTED} saved views are listed"
    SavedView.objects.create(person=lin.person, page=page, name="zebra", query="q=zebra",
                             created_at=clock.now())  # fmt: skip
    shared_views(cast.person("ada"), page, views.MOST_LISTED - 1)
    assert said not in lin.get(f"/{page}").text

    shared_views(cast.person("grace"), page, 1)
    text = lin.get(f"/{page}").text
    assert said in text
    assert "zebra" in text
    assert text.index("zebra") < text.index("a 000")
