from __future__ import annotations

import pytest

from havre.domain import repository_address as addresses


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("git@github.com:you/Shop.git", "shop"),
        ("https://git.example/a/b/the_shop/", "the-shop"),
        ("ssh://git@git.example:2222/2024-shop.git", "shop"),
        ("git@host:shop.git", "shop"),
        ("https://git.example/" + "a" * 60, "a" * 30),
        ("https://git.example/123", "project"),
        ("https://[bad", "project"),
        ("", "project"),
    ],
)
def test_an_address_suggests_a_name(address, name):
    assert addresses.project_name(address) == name


@pytest.mark.parametrize(
    ("address", "is_ssh", "over_ssh"),
    [
        ("git@github.com:you/shop.git", True, ""),
        ("ssh://git@git.example:22/you/shop.git", True, ""),
        ("https://github.com/you/shop.git", False, "git@github.com:you/shop.git"),
        ("https://me@git.example:8443/you/shop", False, "git@git.example:you/shop.git"),
        ("git://git.example/you/shop", False, ""),
        ("https://git.example/shop", False, ""),
        ("https://git.example/you/sh op", False, ""),
        ("/srv/shop", False, ""),
    ],
)
def test_how_a_repository_is_read(address, is_ssh, over_ssh):
    assert addresses.is_ssh(address) is is_ssh
    assert addresses.over_ssh(address) == over_ssh


@pytest.mark.parametrize(
    ("address", "page"),
    [
        ("git@github.com:you/shop.git", "https://github.com/you/shop/settings/keys/new"),
        (
            "https://gitlab.com/a/b/shop",
            "https://gitlab.com/a/b/shop/-/settings/repository#js-deploy-keys-settings",
        ),
        ("ssh://git@codeberg.org/you/shop.git", "https://codeberg.org/you/shop/settings/keys"),
        ("git@github.com.evil.example:you/shop.git", ""),
        ("git@github.com:you/<script>", ""),
        ("git@git.example:you/shop.git", ""),
    ],
)
def test_where_a_forge_takes_the_key(address, page):
    assert addresses.key_page(address) == page
