"""What people may type, checked for form only; whether it counts is for the rules to say."""

from __future__ import annotations

from django import forms

from approvals.domain.terms import AskedOf, RiskLevel, Status, Verdict

LONGEST_COMMENT = 4_000


class SignIn(forms.Form):
    email = forms.EmailField(max_length=254)
    password = forms.CharField(max_length=1_000, strip=False)


class Decide(forms.Form):
    """One verdict, with the version and the digest of what the person was looking at."""

    verdict = forms.ChoiceField(choices=[(verdict.value, verdict.value) for verdict in Verdict])
    comment = forms.CharField(max_length=LONGEST_COMMENT, required=False)
    version = forms.IntegerField(min_value=1, max_value=2**31 - 1)
    shown = forms.RegexField(r"^[0-9a-f]{64}$")
    confirm = forms.CharField(max_length=200, required=False)
    opened = forms.CharField(max_length=200, required=False)
    password = forms.CharField(max_length=1_000, required=False, strip=False)
    why = forms.CharField(max_length=40, required=False)
    asked_of = forms.ChoiceField(
        choices=[(whom.value, whom.value) for whom in AskedOf], required=False
    )
    stop = forms.BooleanField(required=False)


class Write(forms.Form):
    text = forms.CharField(max_length=LONGEST_COMMENT)
    go_on = forms.BooleanField(required=False)


class Mark(forms.Form):
    """Whether a suggestion made in shadow mode was right."""

    mark = forms.ChoiceField(choices=[("right", "right"), ("wrong", "wrong")])
    comment = forms.CharField(max_length=LONGEST_COMMENT, required=False)


class Filters(forms.Form):
    """The filters of history, as they stand in its address."""

    status = forms.ChoiceField(
        choices=[("", "")] + [(word.value, word.value) for word in Status], required=False
    )
    risk = forms.ChoiceField(
        choices=[("", "")] + [(word.value, word.value) for word in RiskLevel], required=False
    )
    agent = forms.CharField(max_length=80, required=False)
    action = forms.CharField(max_length=200, required=False)
    q = forms.CharField(max_length=200, required=False)
    after = forms.DateField(required=False, input_formats=["%Y-%m-%d"])
    before = forms.DateField(required=False, input_formats=["%Y-%m-%d"])
