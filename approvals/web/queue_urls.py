"""The addresses of the queue, of what is done to several requests, and of saved views."""

from __future__ import annotations

from django.urls import path

from approvals.web import queue, queue_known, queue_waiting, saved_views, several, shell

urlpatterns = [
    path("", queue.home),
    path("queue", queue.queue),
    path("queue/rows", queue.queue_rows),
    path("queue/names", queue_known.names),
    path("queue/waiting", queue_waiting.waiting),
    path("queue/several", several.several),
    path("queue/deny", several.deny),
    path("queue/undo", several.undo),
    path("queue/assign", several.assign),
    path("queue/mute", several.mute),
    path("queue/export", several.export),
    path("views/<int:number>/delete", saved_views.delete),
    path("views/<int:number>/share", saved_views.share),
    path("views/<int:number>/change", saved_views.change),
    path("views/<slug:page>", saved_views.save),
    path("preferences", shell.prefer),
]
