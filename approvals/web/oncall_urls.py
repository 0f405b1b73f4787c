"""The addresses of the on-call page."""

from __future__ import annotations

from django.urls import path

from approvals.web import oncall

urlpatterns = [
    path("oncall", oncall.show),
    path("oncall/away", oncall.go_away),
    path("oncall/away/<int:number>/end", oncall.come_back),
    path("oncall/shifts", oncall.take_shift),
    path("oncall/shifts/<int:number>/end", oncall.end_shift),
]
