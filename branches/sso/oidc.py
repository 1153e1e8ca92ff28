"""OpenID Connect as the portal needs it: authorization code with PKCE, the provider's word checked, logout both ways.

After OpenID Connect Core 1.0 (§3.1), Discovery 1.0, RP-Initiated Logout 1.0, Back-Channel Logout 1.0 (§2.4-2.6),
RFC 7636 and RFC 9207. Signatures are joserfc's business; which algorithms, whose keys and which claims are ours.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from hmac import compare_digest
from typing import Any
from urllib.parse import urlencode, urlsplit

import urllib3
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from branches.sso.configuration import SingleSignOn
from branches.sso.outcome import SignOnFailed, Trouble, Witness
from branches.sso.transport import ask_for_json

# Asymmetric only: with HS256 whoever knows the client's secret could write tokens, with "none" anybody.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
SKEW = 60  # seconds that the two clocks may differ
KEPT = timedelta(hours=1)
# A token with an unknown key makes the keys be fetched anew, at most so often: anybody can send such a token.
ASK_AGAIN = timedelta(minutes=1)
# After a provider that did not answer, nobody else waits for it for so long: its pages are anybody's to open.
DOWN = timedelta(seconds=15)
# A logout is told at once; what is older was kept by somebody.
LOGOUT_AGE = 300
LOGGED_OUT = "http://schemas.openid.net/event/backchannel-logout"


@dataclass
class Provider:
    """What a provider says of itself and its keys, kept for an hour in this process."""

    sso: SingleSignOn
    said: dict[str, Any] = field(default_factory=dict)
    said_at: datetime | None = None
    down_at: datetime | None = None
    keys: KeySet | None = None
    keys_at: datetime | None = None

    def at(self, name: str, now: datetime) -> str:
        """An address of the provider by its name in the metadata; empty if there is none."""
        if self.said_at is None or not timedelta(0) <= now - self.said_at < KEPT:
            status, said = self.ask_once(f"{self.sso.server}/.well-known/openid-configuration", now)
            if status != 200 or str(said.get("issuer", "")).rstrip("/") != self.sso.server:
                raise SignOnFailed(Trouble.ANSWER, "发现文档中的 issuer 与 SSO_SERVER 不同")
            self.said, self.said_at = said, now
        address = self.said.get(name) or ""
        if not isinstance(address, str) or (address and urlsplit(address).scheme != "https"):
            raise SignOnFailed(Trouble.ANSWER, f"{name} 不是 https 网址")
        return address

    def ask_once(self, url: str, now: datetime) -> tuple[int, dict[str, Any]]:
        if self.down_at is not None and timedelta(0) <= now - self.down_at < DOWN:
            raise SignOnFailed(Trouble.UNREACHABLE, "刚才没有答复")
        try:
            return ask_for_json(self.sso, url)
        except SignOnFailed as failed:
            self.down_at = now if failed.trouble == Trouble.UNREACHABLE else None
            raise

    def needs(self, name: str, now: datetime) -> str:
        if address := self.at(name, now):
            return address
        raise SignOnFailed(Trouble.ANSWER, f"发现文档缺少 {name}")

    def fetch_keys(self, now: datetime) -> KeySet:
        status, said = ask_for_json(self.sso, self.needs("jwks_uri", now))
        try:
            self.keys, self.keys_at = KeySet.import_key_set(said), now  # type: ignore[arg-type]
        except (JoseError, KeyError, TypeError, ValueError):
            raise SignOnFailed(Trouble.ANSWER, f"公钥不可用（HTTP {status}）") from None
        return self.keys

    def claims(self, token: object, now: datetime) -> dict[str, Any]:
        """What a token claims, if one of the provider's keys signed it; nothing else about it is checked here."""
        if not isinstance(token, str):
            raise SignOnFailed(Trouble.ANSWER, "没有令牌")
        keys, at = self.keys, self.keys_at
        fresh = keys is None or at is None or not timedelta(0) <= now - at < KEPT
        if keys is None or fresh:
            keys, at = self.fetch_keys(now), now
        try:
            return jwt.decode(token, keys, algorithms=ALGORITHMS).claims
        except InvalidKeyIdError:
            if fresh or (at is not None and now - at < ASK_AGAIN):
                raise SignOnFailed(Trouble.ANSWER, "令牌的公钥不认识") from None
        except (JoseError, ValueError, TypeError, RecursionError) as error:
            raise SignOnFailed(Trouble.ANSWER, f"令牌不可采信：{type(error).__name__}") from None
        try:
            return jwt.decode(token, self.fetch_keys(now), algorithms=ALGORITHMS).claims
        except (JoseError, ValueError, TypeError) as error:
            raise SignOnFailed(Trouble.ANSWER, f"令牌不可采信：{type(error).__name__}") from None


@lru_cache(maxsize=4)
def provider(sso: SingleSignOn) -> Provider:
    return Provider(sso)


# ------------------------------------------------------------------------------------------------------- logging in


def begin(sso: SingleSignOn, now: datetime, *, renew: bool) -> tuple[str, dict[str, str]]:
    """Where somebody logs in, and what the session keeps to recognise the answer."""
    kept = {name: secrets.token_urlsafe(32) for name in ("state", "nonce", "verifier")}
    challenge = base64.urlsafe_b64encode(hashlib.sha256(kept["verifier"].encode()).digest()).rstrip(b"=").decode()
    query = {
        "response_type": "code", "client_id": sso.client_id, "redirect_uri": sso.service, "scope": sso.scope,
        "state": kept["state"], "nonce": kept["nonce"], "code_challenge": challenge, "code_challenge_method": "S256",
    }  # fmt: skip
    if renew:
        query |= {"prompt": "login", "max_age": "0"}
    return _with(provider(sso).needs("authorization_endpoint", now), query), kept


def finish(
    sso: SingleSignOn, answer: Mapping[str, str], kept: Mapping[str, str], now: datetime, *, renewed_since: float | None
) -> Witness:
    """Who it is, from what came back by the browser and from what the provider says to the code.

    `renewed_since`: the password must have been asked after this instant (seconds since 1970).
    """
    if not compare_digest(answer.get("state", "").encode(), kept.get("state", "").encode()) or not kept.get("state"):
        raise SignOnFailed(Trouble.LATE, "state 不符")
    if answer.get("iss", sso.server).rstrip("/") != sso.server:
        raise SignOnFailed(Trouble.ANSWER, "iss 不是设定的认证中心")
    if "error" in answer:
        cancelled = answer["error"] in ("access_denied", "login_required", "interaction_required", "consent_required")
        raise SignOnFailed(Trouble.CANCELLED if cancelled else Trouble.ANSWER, "认证中心没有给出授权码")
    tokens = _exchange(sso, answer.get("code", ""), kept["verifier"], now)
    claims = provider(sso).claims(tokens.get("id_token"), now)
    _check_id_token(sso, claims, kept["nonce"], now)
    if renewed_since is not None and not _at_or_after(claims.get("auth_time"), renewed_since - SKEW):
        raise SignOnFailed(Trouble.ANSWER, "认证中心没有重新核对密码")
    session = claims.get("sid")
    if "\n" in str(session):
        raise SignOnFailed(Trouble.ANSWER, "sid 不可用")
    return Witness(
        _number(sso, claims, tokens.get("access_token"), now),
        session if isinstance(session, str) else "",
        claims["sub"],
    )


def _exchange(sso: SingleSignOn, code: str, verifier: str, now: datetime) -> dict[str, Any]:
    """The tokens for the code, which the provider gives once."""
    if not 1 <= len(code) <= 2048 or not code.isascii():
        raise SignOnFailed(Trouble.TICKET, "没有授权码")
    there = provider(sso)
    address = there.needs("token_endpoint", now)
    form = {
        "grant_type": "authorization_code", "code": code, "redirect_uri": sso.service, "code_verifier": verifier,
        "client_id": sso.client_id,
    }  # fmt: skip
    headers = {}
    methods = there.said.get("token_endpoint_auth_methods_supported")
    if not isinstance(methods, list) or "client_secret_basic" in methods:
        pair = ":".join(urlencode({"": part})[1:] for part in (sso.client_id, sso.client_secret))
        headers = urllib3.make_headers(basic_auth=pair)
    else:
        form["client_secret"] = sso.client_secret
    status, said = ask_for_json(sso, address, form=form, headers=headers)
    if status != 200:
        refused = said.get("error") == "invalid_grant"
        raise SignOnFailed(Trouble.TICKET if refused else Trouble.ANSWER, f"HTTP {status}，授权码未被接受")
    return said


def _check_id_token(sso: SingleSignOn, claims: Mapping[str, Any], nonce: str, now: datetime) -> None:
    """Core §3.1.3.7: from this provider, for this portal, for this very login, and in time."""
    _check_common(sso, claims, now)
    audience = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    if claims.get("azp", sso.client_id) != sso.client_id or (len(audience) > 1 and "azp" not in claims):
        raise SignOnFailed(Trouble.ANSWER, "azp 不是本门户")
    if not isinstance(claims.get("sub"), str) or not claims["sub"]:
        raise SignOnFailed(Trouble.ANSWER, "没有 sub")
    if not compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
        raise SignOnFailed(Trouble.ANSWER, "nonce 不符")


def _check_common(sso: SingleSignOn, claims: Mapping[str, Any], now: datetime) -> None:
    registry = jwt.JWTClaimsRegistry(
        now=int(now.timestamp()), leeway=SKEW,
        iss={"essential": True}, aud={"essential": True, "value": sso.client_id},
        exp={"essential": True}, iat={"essential": True},
    )  # fmt: skip
    try:
        registry.validate(dict(claims))
    except JoseError as error:
        raise SignOnFailed(Trouble.ANSWER, f"令牌不可采信：{error.error} {getattr(error, 'claim', '')}") from None
    if str(claims["iss"]).rstrip("/") != sso.server:
        raise SignOnFailed(Trouble.ANSWER, "令牌的 iss 不是设定的认证中心")


def _number(sso: SingleSignOn, claims: Mapping[str, Any], access_token: object, now: datetime) -> str:
    """The claim with the staff number: in the token, or else from the userinfo of the same person."""
    found = claims.get(sso.claim)
    address = provider(sso).at("userinfo_endpoint", now)
    if found is None and address and isinstance(access_token, str) and access_token.isascii():
        status, more = ask_for_json(sso, address, headers={"Authorization": f"Bearer {access_token}"})
        if status != 200 or more.get("sub") != claims["sub"]:
            raise SignOnFailed(Trouble.ANSWER, f"userinfo 不可采信（HTTP {status}）")
        found = more.get(sso.claim)
    if not isinstance(found, str | int) or isinstance(found, bool):
        raise SignOnFailed(Trouble.NUMBER, f"没有可用的 {sso.claim}")
    return str(found)


# ------------------------------------------------------------------------------------------------------- logging out


def logout_url(sso: SingleSignOn, now: datetime) -> str:
    """Where somebody ends the login at the provider too; empty if the provider has no such page."""
    address = provider(sso).at("end_session_endpoint", now)
    return _with(address, {"client_id": sso.client_id, "post_logout_redirect_uri": sso.after_logout}) if address else ""


def ended(sso: SingleSignOn, token: str, now: datetime) -> tuple[str, str]:
    """The provider's session and the subject whose login it says is over; either may be empty."""
    claims = provider(sso).claims(token, now)
    _check_common(sso, claims, now)
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(LOGGED_OUT), dict):
        raise SignOnFailed(Trouble.ANSWER, "不是注销令牌")
    if "nonce" in claims or not claims.get("jti"):
        raise SignOnFailed(Trouble.ANSWER, "不是注销令牌")
    if not _at_or_after(claims["iat"], now.timestamp() - LOGOUT_AGE):
        raise SignOnFailed(Trouble.ANSWER, "注销令牌太旧")
    session, subject = claims.get("sid", ""), claims.get("sub", "")
    if not isinstance(session, str) or not isinstance(subject, str) or not (session or subject):
        raise SignOnFailed(Trouble.ANSWER, "注销令牌没有写明是谁")
    return session, subject


def _at_or_after(moment: object, earliest: float) -> bool:
    return isinstance(moment, int | float) and not isinstance(moment, bool) and moment >= earliest


def _with(address: str, query: Mapping[str, str]) -> str:
    return f"{address}{'&' if '?' in address else '?'}{urlencode(query)}"
