"""The whole way in a real browser: the button, the campus server's form, back, out again; the policy holds."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from branches.models import LoginSession
from branches.sso import oidc
from branches.sso.configuration import SingleSignOn
from tests.browser.conftest import DESK, PHONE, Watch
from tests.sso.conftest import _door, cas_server, certificates, oidc_server  # noqa: F401
from tests.sso.server import CLIENT_ID, CLIENT_SECRET, PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("width", [DESK, PHONE])
@pytest.mark.parametrize("kind", ["cas", "oidc"])
def test_a_member_goes_to_the_campus_server_and_comes_back(kind, width, watch: Watch, world, settings, request) -> None:
    server = request.getfixturevalue(f"{kind}_server")
    folder = request.getfixturevalue("certificates")
    more = {"claim": "preferred_username", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    oidc.provider.cache_clear()
    settings.SSO = SingleSignOn(
        kind, server, watch.url, ca_file=str(folder / "ca.crt"), **(more if kind == "oidc" else {})
    )
    page = watch.open(width, any_certificate=True)
    page.goto("/login/?next=/account/")
    page.get_by_role("button", name="统一身份认证登录").click()
    page.locator("[name=username]").fill("18004")
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("[type=submit]").first.click()
    expect(page.get_by_role("heading", level=1, name="我的账户")).to_be_visible()
    assert page.url == f"{watch.url}/account/"
    page.get_by_role("main").get_by_role("button", name="退出登录").click()
    expect(page.get_by_role("heading", level=1, name="已退出支部工作台")).to_be_visible()
    page.get_by_role("link", name="同时退出统一身份认证").click()
    # CAS ends its login and sends people back at once; the provider asks first.
    page.wait_for_url(f"{watch.url}/login/" if kind == "cas" else f"{server}/logout/**")
    assert LoginSession.objects.get().ended_why == "logout"
    # The campus server is a foreign address with troubles of its own; of the portal's pages none may be left.
    there = urlsplit(server).netloc
    assert any(there in problem for problem in watch.problems)
    its_own = (there, "page error: jQuery is not defined")  # what its pages would fetch from elsewhere is not here
    watch.problems[:] = [problem for problem in watch.problems if not any(sign in problem for sign in its_own)]
