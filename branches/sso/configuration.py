"""How the campus signs on, read once at the start; what cannot be meant stops it, in a sentence."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

KINDS = ("cas", "oidc")
LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@dataclass(frozen=True)
class SingleSignOn:
    """One server and how to ask it. `server` and `portal` carry no slash at their ends."""

    kind: str
    server: str
    portal: str
    # The attribute (CAS) or claim (OpenID Connect) with the staff number; empty for CAS means the name itself.
    claim: str = ""
    ca_file: str = ""
    cas_version: str = "3"
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    scope: str = "openid profile"

    @property
    def service(self) -> str:
        """Where the server sends people back: from the settings and never from the request's Host."""
        return f"{self.portal}/sso/back/"

    @property
    def after_logout(self) -> str:
        return f"{self.portal}/login/"


def read(
    *, kind: str, server: str, portal: str, claim: str, ca_file: str, cas_version: str, client_id: str,
    client_secret: str, scope: str,
) -> SingleSignOn | None:  # fmt: skip
    """The environment's values as one; None where SSO_KIND is empty."""
    if not kind:
        return None
    if kind not in KINDS:
        raise ImproperlyConfigured(f"SSO_KIND={kind} 不认识，请写 cas 或 oidc；不用统一身份认证就不要设。")
    server, portal = address("SSO_SERVER", server), portal_address(portal) or address("PORTAL_URL", "")
    if cas_version not in ("2", "3"):
        raise ImproperlyConfigured(f"SSO_CAS_VERSION={cas_version} 不认识，请写 2 或 3。")
    if ca_file and not Path(ca_file).is_file():
        raise ImproperlyConfigured(f"SSO_CA_FILE={ca_file} 不是文件，请写证书文件（PEM）的完整路径。")
    # A claim may be named by an address; an attribute is the name of an XML element.
    if claim and not re.fullmatch(r"[a-z_][\w./:-]*" if kind == "oidc" else r"[a-z_][\w.-]*", claim, re.ASCII | re.I):
        raise ImproperlyConfigured(f"SSO_CLAIM={claim} 不是属性的名称，请写如 employeeNumber。")
    if kind == "oidc" and not (client_id and client_secret):
        raise ImproperlyConfigured("SSO_KIND=oidc 时，SSO_CLIENT_ID 和 SSO_CLIENT_SECRET 都须写上。")
    if kind == "oidc" and not claim:
        raise ImproperlyConfigured("SSO_KIND=oidc 时，请用 SSO_CLAIM 写明哪一项是工号，如 preferred_username。")
    if kind == "oidc" and "openid" not in scope.split():
        raise ImproperlyConfigured(f"SSO_SCOPE={scope} 缺少 openid。")
    return SingleSignOn(kind, server, portal, claim, ca_file, cas_version, client_id, client_secret, scope)


def portal_address(text: str) -> str:
    """Where the portal is found from outside, without a path; empty stays empty."""
    if not text:
        return ""
    portal = address("PORTAL_URL", text, loopback=True)
    if urlsplit(portal).path:
        raise ImproperlyConfigured("PORTAL_URL 只写到域名，不带路径，如 https://portal.example.edu.cn。")
    return portal


def address(variable: str, text: str, *, loopback: bool = False) -> str:
    """An https address without its last slash; http only to the machine itself, where that is allowed."""
    parts = urlsplit(text)
    plain = loopback and parts.scheme == "http" and parts.hostname in LOOPBACK
    if (
        not parts.hostname
        or not (parts.scheme == "https" or plain)
        or parts.query
        or parts.fragment
        or "@" in parts.netloc
    ):
        raise ImproperlyConfigured(f"{variable}={text} 不是 https 开头的完整网址，如 https://sso.example.edu.cn/cas。")
    return text.rstrip("/")
