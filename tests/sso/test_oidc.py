"""Logging in by OpenID Connect, against a real provider (django-oauth-toolkit), and against a bad one of our own."""

from __future__ import annotations

import base64
import hmac
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.conf import settings
from django.utils import timezone
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from branches.models import AuditEvent, LoginSession, User
from branches.sso import oidc, transport
from branches.sso.outcome import SignOnFailed
from tests.conftest import at
from tests.sso.conftest import Answer, Evil, query
from tests.sso.server import CLIENT_ID, CLIENT_SECRET

pytestmark = pytest.mark.django_db

FAILED = "/sso/failed/{}/"
FORM = "application/x-www-form-urlencoded"


def is_fresh() -> bool:
    """Whether somebody's login is open for sensitive acts."""
    return LoginSession.objects.filter(sudo_until_at__isnull=False).exists()


def why() -> str:
    return AuditEvent.objects.filter(what="统一身份认证未通过").latest("seq").detail["why"]


# A real provider


def test_a_member_logs_in_and_is_who_the_provider_says(oidc_server, oidc_on, person) -> None:
    oidc_on(oidc_server)
    member = person()
    address = member.begin(next="/account/?x=1")
    asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    assert asked["response_type"] == "code" and asked["code_challenge_method"] == "S256"
    assert min(len(asked[name]) for name in ("state", "nonce", "code_challenge")) >= 43
    answer = member.back(member.sign_on(address))
    assert (answer.status_code, answer.url) == (302, "/account/?x=1")
    row = LoginSession.objects.get()
    assert (row.user.staff_number, row.via) == ("18004", "oidc")
    assert member.is_in()


def test_the_number_may_stand_in_the_userinfo_in_any_spelling(oidc_server, oidc_on, person) -> None:
    oidc_on(oidc_server, claim="employee_number")
    User.objects.filter(staff_number="18004").update(staff_number="t18004a")
    person().log_in("T18004a")
    assert LoginSession.objects.get().user.staff_number == "t18004a"


@pytest.mark.parametrize(
    ("account", "claim", "trouble"),
    [("99999", "preferred_username", "nobody"), ("18004", "no_such_claim", "number"), ("18003", "", "paused")],
)
def test_who_has_no_account_in_use_stays_out(oidc_server, oidc_on, person, account, claim, trouble) -> None:
    oidc_on(oidc_server, **({"claim": claim} if claim else {}))
    User.objects.filter(staff_number="18003").update(is_active=False)
    accounts = User.objects.count()
    somebody = person()
    assert somebody.log_in(account).url == FAILED.format(trouble)
    assert User.objects.count() == accounts and not LoginSession.objects.exists()


def test_a_code_opens_one_login(oidc_server, oidc_on, person) -> None:
    """Neither in another browser, nor in the same one, nor with the other's state set by hand."""
    oidc_on(oidc_server)
    member, thief = person(), person()
    address = member.sign_on(member.begin())
    assert thief.back(address).url == FAILED.format("late")
    thief.begin()
    assert thief.back(address).url == FAILED.format("late")
    kept = dict(member.client.session["sso"])
    assert member.back(address).url == "/"
    thief.begin()
    session = thief.client.session
    session["sso"] = kept
    session.save()
    assert thief.back(address).url == FAILED.format("ticket")
    assert LoginSession.objects.count() == 1


def test_a_code_without_its_verifier_opens_nothing(oidc_server, oidc_on, person) -> None:
    oidc_on(oidc_server)
    member = person()
    address = member.sign_on(member.begin())
    session = member.client.session
    session["sso"] |= {"verifier": "x" * 43}
    session.save()
    assert member.back(address).url == FAILED.format("ticket")


def test_a_token_for_another_login_opens_nothing(oidc_server, oidc_on, person) -> None:
    oidc_on(oidc_server)
    member = person()
    address = member.sign_on(member.begin())
    session = member.client.session
    session["sso"] |= {"nonce": "x" * 43}
    session.save()
    assert member.back(address).url == FAILED.format("answer")
    assert why() == "nonce 不符"


def test_a_wrong_secret_is_said_to_be_the_settings_fault(oidc_server, oidc_on, person) -> None:
    oidc_on(oidc_server, client_secret="wrong")
    assert person().log_in().url == FAILED.format("answer")


def test_sensitive_acts_take_the_password_there_once_more(oidc_server, oidc_on, person) -> None:
    oidc_on(oidc_server)
    member = person()
    member.log_in()
    address = member.begin(purpose="sudo", next="/account/")
    asked = parse_qs(urlsplit(address).query)
    assert asked["prompt"] == ["login"] and asked["max_age"] == ["0"]


def test_the_logout_here_offers_the_logout_there(oidc_server, oidc_on, person, door) -> None:
    oidc_on(oidc_server)
    member = person()
    member.log_in()
    page = member.client.get(member.client.post("/logout/").url).content.decode()
    assert "同时退出统一身份认证" in page and not member.is_in()
    address = page.partition(f'href="{oidc_server}/logout/?')[2].partition('"')[0].replace("&amp;", "&")
    asked = member.web.get(f"{oidc_server}/logout/?{address}")
    assert asked.status_code == 200, asked.text
    token = asked.text.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
    fields = {name: values[0] for name, values in parse_qs(address).items()}
    done = member.web.post(asked.url, fields | {"csrfmiddlewaretoken": token, "allow": "Logout"},
                           headers={"Referer": asked.url}, allow_redirects=False)  # fmt: skip
    assert done.headers["Location"].startswith(f"{door.url}/login/")
    assert "sessionid" not in member.web.cookies or not member.web.cookies["sessionid"]


# What a provider says by itself: a login is over


def logout_claims(issuer: str, **more: Any) -> dict[str, Any]:
    now = int(timezone.now().timestamp())
    claims = {
        "iss": issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 120, "jti": "j1",
        "events": {oidc.LOGGED_OUT: {}}, **more,
    }  # fmt: skip
    return {name: value for name, value in claims.items() if value is not None}


def tell(token: str) -> tuple[str, str, bytes]:
    return "/sso/logout/", FORM, urlencode({"logout_token": token}).encode()


# What the tests' provider calls its first account (18004) and that account's session (tests/sso/validator.py).
SUBJECT, SESSION = "1", "session-1"


@pytest.mark.parametrize("named", ["sid", "sub", "both"])
def test_the_end_of_the_login_there_ends_the_login_here(oidc_server, oidc_on, person, said, named) -> None:
    oidc_on(oidc_server)
    member, colleague = person(), person()
    member.log_in("18004")
    colleague.log_in("18003")
    names = {"sid": {"sid": SESSION}, "sub": {"sub": SUBJECT}, "both": {"sid": SESSION, "sub": SUBJECT}}[named]
    token = said(logout_claims(oidc_server, **names), header={"typ": "logout+jwt"})
    for _ in range(2):
        answer = member.deliver(tell(token))
        assert answer.status_code == 200 and "no-store" in answer["Cache-Control"]
    assert not member.is_in() and colleague.is_in()
    assert LoginSession.objects.get(user__staff_number="18004").ended_why == "sso"
    assert AuditEvent.objects.filter(what="结束登录").count() == 1


NOT_MEANT = [
    {"iss": "https://evil.example"}, {"iss": None}, {"aud": "another"}, {"aud": None}, {"aud": ["another"]},
    {"exp": 1}, {"exp": None}, {"iat": None}, {"events": None}, {"events": {}}, {"events": {oidc.LOGGED_OUT: 1}},
    {"events": [oidc.LOGGED_OUT]}, {"nonce": "n"}, {"jti": None}, {"sid": None}, {"sid": 1}, {"sub": 1},
    {"iat": 1}, {"iat": "now"}, {"iat": True}, {"exp": 1e400},
]  # fmt: skip


@pytest.mark.parametrize("changed", NOT_MEANT, ids=str)
def test_a_logout_token_that_is_not_meant_for_here_and_now_ends_nothing(
    oidc_server, oidc_on, person, said, changed
) -> None:
    oidc_on(oidc_server)
    member = person()
    member.log_in()
    token = said(logout_claims(oidc_server, **{"sid": SESSION, **changed}))
    assert member.deliver(tell(token)).status_code == 400
    assert member.is_in()


def test_a_logout_token_that_another_signed_ends_nothing(oidc_server, oidc_on, person, said, certificates) -> None:
    oidc_on(oidc_server)
    member = person()
    member.log_in()
    claims = logout_claims(oidc_server, sid=SESSION)
    good = said(claims)
    other, own = RSAKey.generate_key(2048), RSAKey.import_key((certificates / "signing.pem").read_bytes())
    head, _, rest = good.partition(".")
    forged = [
        said(claims, key=other), said(claims, key=other, header={"kid": own.thumbprint()}),
        jwt.encode({"alg": "HS256", "kid": own.thumbprint()}, claims, OctKey.import_key(CLIENT_SECRET * 2)),
        good[:-4] + "AAAA", f"{head}.{rest.partition('.')[0]}.", "", "a.b.c", "x" * 20_000,
    ]  # fmt: skip
    for token in forged:
        assert member.deliver(tell(token)).status_code in (400, 413)
    assert member.is_in()
    assert member.deliver(tell(good)).status_code == 200
    assert not member.is_in()


# A bad provider


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@dataclass
class BadProvider:
    """A provider of our own that answers well until a test changes what it says."""

    evil: Evil
    key: RSAKey
    nonce: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    tokens: dict[str, Any] = field(default_factory=dict)

    def speak(self, key: Any = None) -> None:
        url, now = self.evil.url, int(timezone.now().timestamp())
        signer = key or self.key
        algorithm = "ES256" if isinstance(signer, ECKey) else "RS256"
        claims = {
            "iss": url, "aud": CLIENT_ID, "sub": "s1", "iat": now, "exp": now + 300, "nonce": self.nonce,
            "number": "18004", **self.claims,
        }  # fmt: skip
        claims = {name: value for name, value in claims.items() if value is not None}
        head = {"alg": algorithm, "kid": signer.thumbprint(), **self.header}
        token = jwt.encode(head, claims, signer, algorithms=[algorithm])
        metadata = {
            "issuer": url, "authorization_endpoint": f"{url}/auth", "token_endpoint": f"{url}/token",
            "jwks_uri": f"{url}/keys", "userinfo_endpoint": f"{url}/me", "end_session_endpoint": f"{url}/end",
            **self.metadata,
        }  # fmt: skip
        answers = {
            "/.well-known/openid-configuration": metadata,
            "/keys": {"keys": [self.key.as_dict(private=False, kid=self.key.thumbprint())]},
            "/token": {"access_token": "a", "token_type": "Bearer", "id_token": token, **self.tokens},
        }
        for path, answer in answers.items():
            self.evil.answers[path] = Answer(json.dumps(answer).encode())

    def asked(self, path: str) -> int:
        return sum(urlsplit(asked).path == path for asked in self.evil.asked)


@pytest.fixture(scope="module")
def bad_key() -> RSAKey:
    return RSAKey.generate_key(2048)


@pytest.fixture
def bad(evil, oidc_on, bad_key) -> BadProvider:
    provider = BadProvider(evil, bad_key)
    oidc_on(evil.url, claim="number")
    return provider


@pytest.fixture
def attempt(bad, person) -> Callable[..., str]:
    """Begin, let the provider speak, come back: where that leads."""

    def go(say: Callable[[], None] | None = None, **answer: str) -> str:
        somebody = person()
        bad.speak()
        somebody.begin()
        bad.nonce, state = (somebody.client.session["sso"][name] for name in ("nonce", "state"))
        (say or bad.speak)()
        return somebody.client.get(query(**({"state": state, "code": "c"} | answer))).url

    return go


def test_what_the_bad_provider_says_well_opens_a_login(bad, attempt) -> None:
    assert attempt() == "/"
    assert attempt(iss=bad.evil.url) == "/"


WRONG_CLAIMS = [
    {"iss": "https://evil.example"}, {"iss": None}, {"aud": "another"}, {"aud": ["another"]}, {"aud": None},
    {"aud": [CLIENT_ID, "another"]}, {"aud": [CLIENT_ID, "another"], "azp": "another"}, {"azp": "another"},
    {"nonce": "other"}, {"nonce": None}, {"sub": None}, {"sub": ""}, {"sub": 5}, {"exp": None}, {"exp": 1},
    {"exp": "later"}, {"iat": None}, {"iat": 9_999_999_999}, {"nbf": 9_999_999_999},
]  # fmt: skip


@pytest.mark.parametrize("claims", WRONG_CLAIMS, ids=str)
def test_a_token_that_is_not_meant_for_here_and_now_opens_nothing(bad, attempt, claims) -> None:
    bad.claims = claims
    assert attempt() == FAILED.format("answer")
    assert not LoginSession.objects.exists()


@pytest.mark.parametrize(("seconds", "opens"), [(59, True), (61, False)])
def test_the_two_clocks_may_differ_by_a_minute(bad, attempt, clock, seconds, opens) -> None:
    clock("2026-11-23 10:00:00")
    now = int(at("2026-11-23 10:00:00").timestamp())
    bad.claims = {"iat": now - 300, "exp": now - seconds}
    assert attempt() == ("/" if opens else FAILED.format("answer"))


@pytest.mark.parametrize("number", [None, "", " ", ["18004"], {"v": "18004"}, True, 1.5, "1" * 61])
def test_a_number_that_is_none_opens_nothing(bad, attempt, number) -> None:
    bad.claims, bad.metadata = {"number": number}, {"userinfo_endpoint": None}
    assert attempt() == FAILED.format("number")


def test_a_number_without_quotes_is_one(bad, attempt) -> None:
    bad.claims = {"number": 18004}
    assert attempt() == "/"


@pytest.mark.parametrize("userinfo", [{"sub": "other", "number": "18004"}, {"number": "18004"}, [], "18004"], ids=str)
def test_the_userinfo_of_somebody_else_opens_nothing(bad, attempt, userinfo) -> None:
    bad.claims = {"number": None}
    bad.evil.answers["/me"] = Answer(json.dumps(userinfo).encode())
    assert attempt() == FAILED.format("answer")


def test_only_asymmetric_signatures_by_the_providers_own_key_count(bad, attempt) -> None:
    other = RSAKey.generate_key(2048)

    def by_another() -> None:
        bad.header = {"kid": bad.key.thumbprint()}
        bad.speak(other)

    def with_head(head: dict[str, str], secret: bytes = b"") -> None:
        """The good claims under another head, with an HMAC by that secret."""
        bad.speak()
        answer = json.loads(bad.evil.answers["/token"].body)
        signed = f"{_base64(json.dumps(head).encode())}.{answer['id_token'].split('.')[1]}"
        mac = _base64(hmac.digest(secret, signed.encode(), "sha256")) if secret else ""
        bad.evil.answers["/token"] = Answer(json.dumps(answer | {"id_token": f"{signed}.{mac}"}).encode())

    def by_the_public_key_as_a_secret() -> None:
        with_head({"alg": "HS256", "kid": bad.key.thumbprint()}, bad.key.as_pem(private=False))

    def by_the_clients_secret() -> None:
        with_head({"alg": "HS256"}, CLIENT_SECRET.encode())

    def by_nobody() -> None:
        with_head({"alg": "none", "kid": bad.key.thumbprint()})

    for forge in (by_another, by_the_public_key_as_a_secret, by_the_clients_secret, by_nobody):
        bad.header = {}
        assert attempt(forge) == FAILED.format("answer"), forge.__name__
    bad.header = {}
    bad.key = ECKey.generate_key("P-256")
    oidc.provider.cache_clear()
    assert attempt() == "/"


def test_a_new_key_is_fetched_once_and_an_unknown_one_not_at_every_token(bad, attempt, clock) -> None:
    clock("2026-11-23 10:00")
    bad.claims = {"iat": 1_795_000_000, "exp": 4_000_000_000}
    assert attempt() == "/" and bad.asked("/keys") == 1
    assert attempt() == "/" and bad.asked("/keys") == 1  # kept
    bad.key = RSAKey.generate_key(2048)
    clock("2026-11-23 10:02")
    assert attempt() == "/" and bad.asked("/keys") == 2  # the provider changed its key
    stranger = RSAKey.generate_key(2048)
    for _ in range(3):
        assert attempt(lambda: bad.speak(stranger)) == FAILED.format("answer")
    assert bad.asked("/keys") == 2  # asked within the last minute
    clock("2026-11-23 11:30")
    assert attempt() == "/" and bad.asked("/keys") == 3  # an hour later anyway


@pytest.mark.parametrize(
    "metadata",
    [{"issuer": "https://evil.example"}, {"issuer": None}, {"authorization_endpoint": "http://127.0.0.1/"},
     {"authorization_endpoint": None}, {"authorization_endpoint": ["https://x"]},
     {"authorization_endpoint": "javascript:alert(1)"}], ids=str,
)  # fmt: skip
def test_a_provider_that_calls_itself_something_else_is_not_gone_to(bad, person, metadata) -> None:
    bad.metadata = metadata
    bad.speak()
    assert person().client.post("/sso/begin/").url == FAILED.format("answer")


@pytest.mark.parametrize("metadata", [{"token_endpoint": "http://127.0.0.1/"}, {"jwks_uri": None}], ids=str)
def test_a_provider_without_a_safe_way_to_ask_opens_nothing(bad, attempt, metadata) -> None:
    bad.metadata = metadata
    assert attempt() == FAILED.format("answer")


@pytest.mark.parametrize(
    ("path", "answer", "trouble"),
    [
        ("/token", Answer(b"{}"), "answer"), ("/token", Answer(b"not json"), "answer"),
        ("/token", Answer(b"[1]"), "answer"), ("/token", Answer(b"{}", 302, {"Location": "/t"}), "answer"),
        ("/token", Answer(b'{"error": "invalid_grant"}', 400), "ticket"),
        ("/token", Answer(b'{"error": "invalid_client"}', 401), "answer"),
        ("/token", Answer(b"", 503), "unreachable"), ("/token", Answer(b" " * (transport.LARGEST + 9)), "answer"),
        ("/token", Answer(b"[" * 100_000), "answer"), ("/token", Answer(b'{"id_token": 5}'), "answer"),
        ("/keys", Answer(b"{}"), "answer"), ("/keys", Answer(b'{"keys": []}'), "answer"),
        ("/keys", Answer(b'{"keys": 5}'), "answer"), ("/keys", Answer(b'{"keys": [{"kty": "RSA"}]}'), "answer"),
        ("/keys", Answer(b'{"keys": ["a"]}'), "answer"), ("/keys", Answer(b"", 500), "unreachable"),
    ], ids=str,
)  # fmt: skip
def test_an_answer_that_is_none_opens_nothing(bad, attempt, path, answer, trouble) -> None:
    def say() -> None:
        bad.speak()
        bad.evil.answers[path] = answer

    assert attempt(say) == FAILED.format(trouble)
    assert not LoginSession.objects.exists()


@pytest.mark.parametrize(
    ("answer", "trouble"),
    [
        ({"state": "x" * 43}, "late"), ({"state": ""}, "late"), ({"state": "é"}, "late"),
        ({"iss": "https://evil.example"}, "answer"), ({"code": ""}, "ticket"), ({"code": "c" * 3000}, "ticket"),
        ({"code": "é"}, "ticket"), ({"error": "access_denied"}, "cancelled"), ({"error": "server_error"}, "answer"),
    ], ids=str,
)  # fmt: skip
def test_what_comes_back_by_the_browser_is_not_believed(attempt, answer, trouble) -> None:
    assert attempt(**answer) == FAILED.format(trouble)


@pytest.mark.parametrize(("auth_time", "opens"), [(0, True), (-3600, False), (None, False), ("now", False)])
def test_sensitive_acts_need_a_password_given_just_now(bad, person, attempt, auth_time, opens) -> None:
    member = person()
    bad.speak()
    member.begin()
    bad.nonce = member.client.session["sso"]["nonce"]
    bad.speak()
    member.client.get(query(state=member.client.session["sso"]["state"], code="c"))
    member.begin(purpose="sudo", next="/account/")
    bad.nonce, state = (member.client.session["sso"][name] for name in ("nonce", "state"))
    now = int(timezone.now().timestamp())
    bad.claims = {"auth_time": now + auth_time if isinstance(auth_time, int) else auth_time}
    bad.speak()
    answer = member.client.get(query(state=state, code="c"))
    assert answer.url == ("/account/" if opens else FAILED.format("answer"))
    assert is_fresh() is opens


def test_a_provider_that_is_down_is_said_so_and_the_password_still_opens(evil, oidc_on, person) -> None:
    oidc_on(evil.url)
    evil.stop()
    member = person()
    answer = member.client.post("/sso/begin/")
    assert answer.url == FAILED.format("unreachable")
    assert "工号和密码登录" in member.client.get(answer.url).content.decode()
    # The pages that would only offer the way to its logout open without it.
    for path in ("/sso/ended/", FAILED.format("nobody")):
        assert member.client.get(path).status_code == 200
    assert member.client.post("/login/", {"username": "18004", "password": "Tests-only-2018!"}).url == "/"


def test_for_a_provider_that_did_not_answer_nobody_else_waits(bad, person, clock) -> None:
    clock("2026-11-23 10:00:00")
    bad.evil.answers["/.well-known/openid-configuration"] = Answer(b"", 503)
    somebody = person()
    for _ in range(3):
        assert somebody.client.post("/sso/begin/").url == FAILED.format("unreachable")
    assert bad.asked("/.well-known/openid-configuration") == 1
    bad.speak()
    clock("2026-11-23 10:00:15")
    assert person().client.post("/sso/begin/").status_code == 200


@pytest.mark.parametrize("authority", ["other.crt", ""])
def test_a_certificate_that_does_not_fit_is_refused(bad, oidc_on, certificates, authority) -> None:
    bad.speak()
    sso = oidc_on(bad.evil.url, ca_file=str(certificates / authority) if authority else "")
    with pytest.raises(SignOnFailed):
        oidc.begin(sso, timezone.now(), renew=False)
    assert not bad.evil.asked


def test_what_was_said_is_kept_for_an_hour(bad) -> None:
    bad.speak()
    now = timezone.now()
    for minutes in (0, 59):
        oidc.begin(settings.SSO, now + timedelta(minutes=minutes), renew=False)
    assert bad.asked("/.well-known/openid-configuration") == 1
    oidc.begin(settings.SSO, now + timedelta(minutes=61), renew=False)
    assert bad.asked("/.well-known/openid-configuration") == 2


def test_no_code_and_no_token_stands_anywhere_afterwards(oidc_server, oidc_on, person, caplog) -> None:
    oidc_on(oidc_server)
    caplog.set_level(logging.DEBUG)
    logging.getLogger(__name__).debug("listening")
    member = person()
    address = member.sign_on(member.begin())
    code = parse_qs(urlsplit(address).query)["code"][0]
    assert code not in member.back(address).url
    kept = [str(values) for model in (AuditEvent, LoginSession) for values in model.objects.values()]
    kept += [str(dict(member.client.session)), *caplog.messages]
    assert not [line for line in kept if code in line or "eyJ" in line or CLIENT_SECRET in line]
