"""The Django app that only tests install: it lets them empty tables nobody else may."""

from django.apps import AppConfig


class TestSupport(AppConfig):
    name = "tests.support"
    label = "test_support"
