"""Pages of accounts, each named here: what allauth has more (registration, mail) is not reachable."""

from __future__ import annotations

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as keys
from django.urls import URLPattern, URLResolver, path

from havre.interfaces.panel.accounts import sessions, tokens, views

urlpatterns: list[URLPattern | URLResolver] = [
    path("login/", account.login, name="account_login"),
    path("logout/", account.logout, name="account_logout"),
    path("reauthenticate/", account.reauthenticate, name="account_reauthenticate"),
    path("password/", account.password_change, name="account_change_password"),
    path("welcome/<str:text>/", views.welcome, name="account_welcome"),
    path("two-factor/", mfa.index, name="mfa_index"),
    path("two-factor/authenticate/", mfa.authenticate, name="mfa_authenticate"),
    path("two-factor/reauthenticate/", mfa.reauthenticate, name="mfa_reauthenticate"),
    path("two-factor/app/add/", totp.activate_totp, name="mfa_activate_totp"),
    path("two-factor/app/remove/", totp.deactivate_totp, name="mfa_deactivate_totp"),
    path("two-factor/codes/", codes.view_recovery_codes, name="mfa_view_recovery_codes"),
    path("two-factor/codes/new/", codes.generate_recovery_codes, name="mfa_generate_recovery_codes"),
    path("two-factor/codes/download/", codes.download_recovery_codes, name="mfa_download_recovery_codes"),
    path("two-factor/keys/", keys.list_webauthn, name="mfa_list_webauthn"),
    path("two-factor/keys/add/", keys.add_webauthn, name="mfa_add_webauthn"),
    path("two-factor/keys/login/", keys.login_webauthn, name="mfa_login_webauthn"),
    path("two-factor/keys/reauthenticate/", keys.reauthenticate_webauthn, name="mfa_reauthenticate_webauthn"),
    path("two-factor/keys/<int:pk>/edit/", keys.edit_webauthn, name="mfa_edit_webauthn"),
    path("two-factor/keys/<int:pk>/remove/", keys.remove_webauthn, name="mfa_remove_webauthn"),
    path("sessions/", sessions.listing, name="account_sessions"),
    path("sessions/<int:number>/end/", sessions.end, name="account_end_session"),
    path("sessions/end-others/", sessions.end_others, name="account_end_other_sessions"),
    path("tokens/", tokens.listing, name="account_tokens"),
    path("tokens/new/", tokens.create, name="account_new_token"),
    path("tokens/<int:number>/revoke/", tokens.revoke, name="account_revoke_token"),
]
