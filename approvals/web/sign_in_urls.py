"""The addresses of signing in, and of what proves who somebody is."""

from __future__ import annotations

from django.urls import path

from approvals.web import codes, linking, passkeys, proving, sign_in, single_sign_on

urlpatterns = [
    path("sign-in", sign_in.sign_in),
    path("sign-in/again", sign_in.again),
    path("sign-in/stay", sign_in.stay),
    path("sign-in/single-sign-on", single_sign_on.begin),
    path("sign-in/single-sign-on/back", single_sign_on.back),
    path("sign-in/passkey", passkeys.prove),
    path("sign-in/passkey/options", passkeys.ask_to_prove),
    path("sign-in/code", codes.ask),
    path("sign-in/codes", codes.enrol),
    path("sign-out", sign_in.sign_out),
    path("proven", proving.proven),
    path("link/<slug:kind>", linking.link),
    path("settings/you/passkeys", passkeys.register),
    path("settings/you/passkeys/options", passkeys.ask_to_register),
    path("settings/you/passkeys/<int:number>/rename", passkeys.rename),
    path("settings/you/passkeys/<int:number>/remove", passkeys.remove),
    path("settings/you/codes", codes.set_up),
    path("settings/you/codes/renew", codes.renew),
    path("settings/you/codes/remove", codes.remove),
]
