"""The public keys that receivers verify our webhooks with, if they would rather not share a secret.

They stand apart from the keys of grants: who holds a webhook key must not be able to sign a grant.
"""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.http import require_safe

from integrations.signing import public_text, read_signing_key


@require_safe
def keys(request: HttpRequest) -> JsonResponse:
    """`/.well-known/webhook-keys.json`: every key that signs now, as Standard Webhooks write them."""
    del request
    found = [public_text(read_signing_key(text)) for text in settings.WEBHOOK_SIGNING_KEY]
    return JsonResponse({"keys": found}, headers={"Cache-Control": "public, max-age=300"})


urlpatterns = [path("webhook-keys.json", keys)]
