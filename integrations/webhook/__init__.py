"""Webhooks: tell an agent what became of its request, signed so it can believe it."""

from integrations.webhook.adapter import WebhookAdapter, check_callback_url, wait_named

__all__ = ["WebhookAdapter", "check_callback_url", "wait_named"]
