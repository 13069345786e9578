from __future__ import annotations

import pytest

from havre.domain.access import (
    EVERYTHING,
    OPERATIONS,
    RULES,
    Action,
    Grants,
    Reach,
    Role,
    allows,
    allows_somewhere,
    common,
    grants,
)
from havre.domain.consent import RULES as KINDS

V, D, M, OWNER = Role

# Written out, not derived: viewer, developer, maintainer, owner.
TABLE = {
    Action.SEE: (True, True, True, True),
    Action.READ_LOGS: (False, True, True, True),
    Action.READ_VARIABLES: (False, True, True, True),
    Action.READ_SECRETS: (False, True, True, True),
    Action.PLAN: (False, True, True, True),
    Action.DEPLOY: (False, True, True, True),
    Action.OPERATE: (False, True, True, True),
    Action.RUN: (False, True, True, True),
    Action.CANCEL: (False, True, True, True),
    Action.SET_VARIABLES: (False, True, True, True),
    Action.SET_SECRETS: (False, True, True, True),
    Action.COPY_SETTINGS: (False, True, True, True),
    Action.BACK_UP: (False, True, True, True),
    Action.DRILL: (False, False, True, True),
    Action.RESTORE: (False, False, True, True),
    Action.ERASE: (False, False, True, True),
    Action.DESTROY: (False, False, True, True),
    Action.SET_DEPLOY_KEY: (False, False, True, True),
    Action.READ_AUDIT: (False, False, True, True),
    Action.EXTRACT: (False, False, False, True),
    Action.ENTER: (False, False, False, True),
    Action.MANAGE_MEMBERS: (False, False, False, True),
    Action.SEE_SERVER: (True, True, True, True),
    Action.READ_METRICS: (True, True, True, True),
    Action.CREATE_PROJECT: (False, False, True, True),
    Action.MANAGE_SILENCES: (False, False, True, True),
    Action.MANAGE_CHANNELS: (False, False, False, True),
    Action.MANAGE_STORAGE: (False, False, False, True),
    Action.MANAGE_TOKENS: (False, False, False, True),
    Action.MANAGE_USERS: (False, False, False, True),
    Action.READ_SERVER_AUDIT: (False, False, False, True),
}


def test_every_action_has_a_rule_and_a_row():
    assert set(RULES) == set(Action) == set(TABLE)


@pytest.mark.parametrize(
    ("action", "role", "may"),
    [(action, role, may) for action, row in TABLE.items() for role, may in zip(Role, row, strict=True)],
)
def test_a_row_of_the_table(action, role, may):
    everywhere, here = Grants(role), Grants(None, {"shop": role})
    about_server = RULES[action].reach is Reach.SERVER
    assert allows(everywhere, action, None if about_server else "shop") is may
    assert allows_somewhere(everywhere, action) is may
    # A role in a project says nothing about the server, nor about another project.
    assert allows(here, action, "shop") is (may and not about_server)
    assert allows(here, action, "blog") is False
    assert allows(here, action) is False
    assert allows_somewhere(here, action) is (may and not about_server)
    assert allows(Grants(), action, "shop") is False


def test_the_higher_role_counts():
    both = Grants(V, {"shop": M})
    assert both.role_in("shop") is M
    assert both.role_in("blog") is V
    assert Grants(M, {"shop": V}).role_in("shop") is M
    assert Grants().role_in("shop") is None


def test_an_action_in_a_project_needs_one():
    assert allows(EVERYTHING, Action.SEE) is False
    assert all(allows(EVERYTHING, action, "shop") for action in Action)


def test_every_kind_of_operation_is_an_action():
    assert set(OPERATIONS) == set(KINDS)
    assert all(RULES[action].reach is Reach.PROJECT for action in OPERATIONS.values())


def test_what_is_granted_stays_within():
    assert Grants(None, {"shop": D}).within(Grants(None, {"shop": M}))
    assert Grants(None, {"shop": D}).within(Grants(D))
    assert not Grants(None, {"shop": M}).within(Grants(None, {"shop": D}))
    assert not Grants(None, {"blog": V}).within(Grants(None, {"shop": OWNER}))
    assert not Grants(V).within(Grants(None, {"shop": OWNER}))
    assert Grants().within(Grants())


def test_grants_come_out_of_rows():
    assert grants([(None, "viewer"), ("shop", "owner")]) == Grants(V, {"shop": OWNER})
    assert grants([]).is_nothing
    with pytest.raises(ValueError, match="king"):
        grants([(None, "king")])


@pytest.mark.parametrize(
    ("token", "owner", "both"),
    [
        (Grants(M), Grants(D), Grants(D, {})),
        (Grants(M), Grants(None, {"shop": D}), Grants(None, {"shop": D})),
        (Grants(None, {"shop": M}), Grants(V), Grants(None, {"shop": V})),
        (Grants(None, {"shop": M}), Grants(None, {"blog": M}), Grants(None, {})),
        (Grants(V, {"shop": M}), Grants(M), Grants(V, {"shop": M})),
        (Grants(OWNER), Grants(), Grants(None, {})),
    ],
)
def test_a_token_has_no_more_than_its_owner(token, owner, both):
    assert common(token, owner) == common(owner, token) == both
    assert both.within(token)
    assert both.within(owner)
