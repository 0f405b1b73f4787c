"""The addresses below history."""

from __future__ import annotations

from django.urls import path

from approvals.web import exports, history, history_changes, history_integrity

urlpatterns = [
    path("history/newer", history.newer),
    path("history/changes", history_changes.changes),
    path("history/changes/<int:seq>", history_changes.change),
    path("history/integrity", history_integrity.integrity_page),
    path("history/exports", exports.exported),
    path("history/exports/<uuid:key>", exports.export),
    path("history/exports/<uuid:key>/retry", exports.retry),
    path("history/exports/<uuid:key>/file", exports.download),
]
