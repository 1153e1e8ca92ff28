"""Logging in by CAS, against a real server (django-cas-server), and against a bad one that says what it likes."""

from __future__ import annotations

import logging
from datetime import timedelta
from urllib.parse import quote, urlencode

import pyotp
import pytest
from django.test import Client
from django.urls import get_resolver
from django.utils import timezone

from branches import second_factor, secrets
from branches.models import AuditEvent, LoginSession, User
from branches.sso import transport
from branches.sso.cas import validate
from branches.sso.outcome import SignOnFailed, Trouble
from tests.sso.conftest import Answer, Evil, query
from tests.sso.server import ANOTHER_SERVICE

pytestmark = pytest.mark.django_db

FAILED = "/sso/failed/{}/"
NS = "http://www.yale.edu/tp/cas"


def is_fresh() -> bool:
    """Whether somebody's login is open for sensitive acts."""
    return LoginSession.objects.filter(sudo_until_at__isnull=False).exists()


def why() -> str:
    """What the audit log says of the last single sign-on that came to nothing."""
    return AuditEvent.objects.filter(what="统一身份认证未通过").latest("seq").detail["why"]


# A real server


@pytest.mark.parametrize("version", ["2", "3"])
def test_a_member_logs_in_and_is_who_the_server_says(cas_server, cas_on, person, version) -> None:
    cas_on(cas_server, cas_version=version)
    member = person()
    address = member.begin(next="/members/1/?tab=posts")
    assert address.startswith(f"{cas_server}/login?service=")
    answer = member.back(member.sign_on(address))
    assert (answer.status_code, answer.url) == (302, "/members/1/?tab=posts")
    row = LoginSession.objects.get()
    assert (row.user.staff_number, row.via, row.ended_at) == ("18004", "cas", None)
    assert member.is_in()


def test_the_session_before_the_login_is_worth_nothing_after_it(cas_server, cas_on, person) -> None:
    cas_on(cas_server)
    member = person()
    address = member.begin()
    before = member.client.session.session_key
    member.back(member.sign_on(address))
    assert before and member.client.session.session_key != before
    stranger = Client()
    stranger.cookies["portal_session"] = before
    assert stranger.get("/account/history/").status_code == 302


@pytest.mark.parametrize("claim", ["", "last_name"])
def test_the_number_is_found_in_any_spelling(cas_server, cas_on, person, claim) -> None:
    """The server's name is T18004a, its attribute the same in full-width letters between blanks."""
    cas_on(cas_server, claim=claim)
    User.objects.filter(staff_number="18004").update(staff_number="t18004a")
    person().log_in("T18004a")
    assert LoginSession.objects.get().user.staff_number == "t18004a"


def test_an_attribute_that_is_not_there_is_said_so(cas_server, cas_on, person) -> None:
    cas_on(cas_server, claim="employeeNumber")
    assert person().log_in().url == FAILED.format("number")


def test_nobody_gets_an_account_by_logging_in(cas_server, cas_on, person) -> None:
    cas_on(cas_server)
    accounts = User.objects.count()
    stranger = person()
    answer = stranger.log_in("99999")
    page = stranger.client.get(answer.url).content.decode()
    assert "请找系统管理员开通" in page and f"{cas_server}/logout" in page
    assert User.objects.count() == accounts and not LoginSession.objects.exists()
    assert not AuditEvent.objects.filter(actor_name__contains="99999").exists()


def test_a_paused_account_stays_out(cas_server, cas_on, person) -> None:
    cas_on(cas_server)
    User.objects.filter(staff_number="18004").update(is_active=False)
    member = person()
    answer = member.log_in()
    assert "已暂停" in member.client.get(answer.url).content.decode()
    assert not LoginSession.objects.exists()
    assert AuditEvent.objects.get(what="统一身份认证未通过").actor_name == "18004"


def test_a_ticket_opens_one_login(cas_server, cas_on, person) -> None:
    cas_on(cas_server)
    member, thief = person(), person()
    address = member.sign_on(member.begin())
    assert member.back(address).url == "/"
    thief.begin()
    assert thief.back(address).url == FAILED.format("ticket")
    assert not thief.is_in() and LoginSession.objects.count() == 1


def test_even_a_server_that_takes_a_ticket_twice_opens_one_login(evil, cas_on, person) -> None:
    cas_on(evil.url)
    evil.answers["/p3/serviceValidate"] = Answer(success("<cas:user>18004</cas:user>"))
    for expected in ("/", FAILED.format("ticket")):
        somebody = person()
        somebody.begin()
        assert somebody.client.get(query(ticket="ST-1")).url == expected


@pytest.mark.parametrize(
    "ticket", ["ST-forged-0123456789", "PT-1-proxy", "ST-", "", "ST-1 2", "ST-1\n", f"ST-{'x' * 300}"]
)
def test_a_forged_ticket_opens_nothing(cas_server, cas_on, person, ticket) -> None:
    cas_on(cas_server)
    somebody = person()
    somebody.begin()
    assert somebody.client.get(query(ticket=ticket)).url == FAILED.format("ticket")
    assert not somebody.is_in()


def test_a_ticket_for_another_service_opens_nothing(cas_server, cas_on, person) -> None:
    cas_on(cas_server)
    victim = person()
    victim.begin()
    victim.portal = ANOTHER_SERVICE
    address = victim.sign_on(f"{cas_server}/login?service={quote(ANOTHER_SERVICE)}")
    assert victim.client.get(query(ticket=address.rpartition("ticket=")[2])).url == FAILED.format("answer")
    assert why() == "INVALID_SERVICE" and not victim.is_in()


def test_a_ticket_that_nobody_here_asked_for_opens_nothing(cas_server, cas_on, person) -> None:
    """A foreign page that sends somebody here with its own ticket logs nobody in as somebody else."""
    cas_on(cas_server)
    attacker, victim = person(), person()
    address = attacker.sign_on(attacker.begin())
    assert victim.back(address).url == FAILED.format("late")
    assert not victim.is_in()
    assert not AuditEvent.objects.filter(what="统一身份认证未通过").exists()


@pytest.mark.parametrize(("minutes", "opens"), [(10, True), (11, False)])
def test_the_way_there_and_back_may_take_ten_minutes(cas_server, cas_on, person, clock, minutes, opens) -> None:
    cas_on(cas_server)
    clock("2018-07-04 10:00")
    member = person()
    address = member.begin()
    clock(f"2018-07-04 10:{minutes}")
    answer = member.back(member.sign_on(address))
    assert answer.url == ("/" if opens else FAILED.format("late"))


def test_the_service_is_the_settings_and_never_the_hosts(cas_server, cas_on, person, settings, door) -> None:
    cas_on(cas_server)
    settings.ALLOWED_HOSTS = ["*"]
    page = Client().post("/sso/begin/", headers={"host": "evil.example", "x-forwarded-host": "evil.example"})
    assert "evil.example" not in page.content.decode()
    assert quote(f"{door.url}/sso/back/", safe="") in page.content.decode()


def test_what_is_done_already_is_not_done_again(cas_server, cas_on, person) -> None:
    """Whoever is logged in goes on; the browser's back button shows the home page."""
    cas_on(cas_server)
    member = person()
    address = member.sign_on(member.begin())
    member.back(address)
    assert member.back(address).url == "/"
    assert member.client.post("/sso/begin/", {"next": "/members/1/"}).url == "/members/1/"


TRICKS = [
    "https://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil.example", "https:evil.example",
    "https:///evil.example", "http:\\\\evil.example", "/\t/evil.example", "javascript:alert(1)", " //evil.example",
    "//127.0.0.1@evil.example", "\x00//evil.example",
]  # fmt: skip


@pytest.mark.parametrize("trick", TRICKS)
def test_it_leads_to_no_other_site(evil, cas_on, person, trick) -> None:
    cas_on(evil.url)
    evil.answers["/p3/serviceValidate"] = Answer(success("<cas:user>18004</cas:user>"))
    somebody = person()
    somebody.begin(next=trick)
    assert somebody.client.get(query(ticket="ST-1")).url == "/"


def test_the_ticket_stands_nowhere_afterwards(cas_server, cas_on, person, caplog) -> None:
    cas_on(cas_server)
    caplog.set_level(logging.DEBUG)
    logging.getLogger(__name__).debug("listening")
    member, late = person(), person()
    address = member.sign_on(member.begin())
    ticket = address.rpartition("ticket=")[2]
    late.begin()
    for answer in (member.back(address), late.back(address)):
        assert answer.status_code == 302 and ticket not in answer.url
        assert "no-store" in answer["Cache-Control"]
    kept = [str(values) for model in (AuditEvent, LoginSession) for values in model.objects.values()]
    assert kept and not [line for line in kept if ticket in line]
    assert caplog.records and not [line for line in caplog.messages if ticket in line]


# Sudo


def test_the_password_asked_for_there_once_more_opens_sensitive_acts(cas_server, cas_on, person) -> None:
    cas_on(cas_server)
    member = person()
    member.log_in()
    address = member.begin(purpose="sudo", next="/account/")
    assert "renew=true" in address
    assert member.back(member.sign_on(address)).url == "/account/"
    assert is_fresh()
    assert AuditEvent.objects.filter(what="再次验证身份", ok=True).count() == 1


def test_a_login_that_went_on_there_is_not_enough_for_sensitive_acts(cas_server, cas_on, person) -> None:
    cas_on(cas_server)
    member = person()
    member.log_in()
    address = member.begin(purpose="sudo").replace("&renew=true", "")
    assert member.back(member.sign_on(address)).url != "/"
    assert not is_fresh()


def test_somebody_elses_password_opens_nothing(cas_server, cas_on, person) -> None:
    cas_on(cas_server)
    member = person()
    member.log_in("18004")
    answer = member.back(member.sign_on(member.begin(purpose="sudo"), "18003"))
    assert answer.url == FAILED.format("other") and not is_fresh()
    assert member.is_in()


# What follows the first factor


def test_the_password_steps_do_not_apply_to_whom_the_campus_vouches_for(cas_server, cas_on, person) -> None:
    cas_on(cas_server)
    User.objects.filter(staff_number="18004").update(must_change_password=True)
    member = person()
    member.log_in()
    page = member.client.get("/account/")
    assert page.status_code == 200 and "主要栏目" in page.content.decode()


def test_whoever_has_a_second_factor_shows_it_after_the_campus_too(cas_server, cas_on, person, door) -> None:
    cas_on(cas_server)
    secret = second_factor.new_secret()
    sealed = secrets.seal(secret, second_factor.PURPOSE)
    User.objects.filter(staff_number="18004").update(totp_sealed=sealed, totp_at=timezone.now())
    member = person()
    assert member.log_in(next="/account/").url == "/login/code/"
    assert not member.is_in() and not LoginSession.objects.exists()
    assert member.client.post("/login/code/", {"code": pyotp.TOTP(secret).now()}).url == "/account/"
    assert member.is_in() and LoginSession.objects.get().via == "cas"
    # The ticket was kept for the single logout.
    member.web.get(f"{cas_server}/logout")
    (message,) = door.got
    assert member.deliver(message).status_code == 200 and not member.is_in()


# Single logout


def test_the_end_of_the_login_there_ends_the_login_here(cas_server, cas_on, person, door) -> None:
    cas_on(cas_server)
    member, colleague = person(), person()
    member.log_in("18004")
    colleague.log_in("18003")
    assert member.web.get(f"{cas_server}/logout").status_code == 200
    (message,) = door.got
    for _ in range(2):  # said twice it is still over, and no more
        assert member.deliver(message).status_code == 200
    assert not member.is_in() and colleague.is_in()
    row = LoginSession.objects.get(user__staff_number="18004")
    assert row.ended_why == "sso"
    assert AuditEvent.objects.filter(what="结束登录").count() == 1
    assert "统一身份认证已退出" in member.client.get("/login/").content.decode()


def test_the_logout_here_offers_the_logout_there(cas_server, cas_on, person) -> None:
    cas_on(cas_server)
    member = person()
    member.log_in()
    answer = member.client.post("/logout/")
    page = member.client.get(answer.url).content.decode()
    assert "同时退出统一身份认证" in page and f"{cas_server}/logout?service=" in page
    assert not member.is_in()


SAML = "urn:oasis:names:tc:SAML:2.0:protocol"


def logout_request(inside: str, root: str = "samlp:LogoutRequest", head: str = "") -> str:
    return f'{head}<{root} xmlns:samlp="{SAML}" xmlns:x="urn:x" ID="1" Version="2.0">{inside}</{root}>'


def index(ticket: str) -> str:
    return f"<samlp:SessionIndex>{ticket}</samlp:SessionIndex>"


ENTITY = '<!DOCTYPE r [<!ENTITY t "ST-1">]>'
ONES_OWN = "ST-1"


@pytest.mark.parametrize(
    ("document", "status"),
    [
        ("", 400), ("not xml", 400), (logout_request(""), 400), (logout_request(index("ST-1") * 2), 400),
        (logout_request(index("&t;"), head=ENTITY), 400), (logout_request(index("ST-1"), root="x:LogoutRequest"), 400),
        (logout_request("<x:SessionIndex>ST-1</x:SessionIndex>"), 400), (logout_request(index("<x:a/>ST-1")), 400),
        (logout_request(index("ST-1"), head="<!DOCTYPE r>"), 400), (logout_request(index("ST-2")), 200),
        (logout_request(index("ST-1") + "<x:a>" + "a" * 17000 + "</x:a>"), 413), (logout_request(index("st-1")), 400),
        (logout_request(index(" ")), 400),
    ],
)  # fmt: skip
def test_a_logout_message_that_names_no_ticket_of_ours_ends_nothing(evil, cas_on, person, document, status) -> None:
    cas_on(evil.url)
    evil.answers["/p3/serviceValidate"] = Answer(success("<cas:user>18004</cas:user>"))
    member = person()
    member.begin()
    member.client.get(query(ticket=ONES_OWN))
    body = urlencode({"logoutRequest": document}).encode()
    for path in ("/sso/back/", "/sso/logout/"):
        assert member.deliver((path, "application/x-www-form-urlencoded", body)).status_code == status
    assert member.is_in()
    good = urlencode({"logoutRequest": logout_request(index(ONES_OWN))}).encode()
    as_file = {"logoutRequest": logout_request(index(ONES_OWN))}  # multipart: no server sends it so
    assert Client().post("/sso/logout/", as_file).status_code == 400
    assert member.is_in()
    assert member.deliver(("/sso/logout/", "application/x-www-form-urlencoded", good)).status_code == 200
    assert not member.is_in()


# A bad server


def response(inside: str, head: str = "", ns: str = NS) -> bytes:
    return f'{head}<cas:serviceResponse xmlns:cas="{ns}" xmlns:x="urn:x">{inside}</cas:serviceResponse>'.encode()


def success(inside: str, **how: str) -> bytes:
    return response(f"<cas:authenticationSuccess>{inside}</cas:authenticationSuccess>", **how)


USER = "<cas:user>18004</cas:user>"
LAUGHS = "<!DOCTYPE r [" + '<!ENTITY a0 "18004">' + "".join(
    f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 9)
) + "]>"  # fmt: skip


@pytest.mark.parametrize(
    ("body", "trouble"),
    [
        (b"", "answer"), (b"yes\n18004\n", "answer"), (b"<html>18004</html>", "answer"), (b"\xff\xfe\x00", "answer"),
        (success("<cas:user>&a8;</cas:user>", head=LAUGHS), "answer"),
        (success("<cas:user>&f;</cas:user>", head='<!DOCTYPE r [<!ENTITY f SYSTEM "file:///etc/host">]>'), "answer"),
        (success(USER, head='<!DOCTYPE r SYSTEM "https://127.0.0.1/x.dtd">'), "answer"),
        (b"<?xml version='1.0' encoding='no-such-code'?>" + success(USER), "answer"),
        (success(USER * 2), "answer"), (success(USER + "<cas:user>18003</cas:user>"), "answer"),
        (success(f"{USER}<cas:attributes><cas:user>18003</cas:user></cas:attributes>"), "answer"),
        (success(f"<x:wrap>{USER}</x:wrap>"), "answer"), (success("<cas:user>18<x:a/>004</cas:user>"), "answer"),
        (success("<x:user>18004</x:user>"), "number"), (success(USER, ns="urn:other"), "answer"),
        (success(""), "number"), (success("<cas:user/>"), "number"), (success("<cas:user> </cas:user>"), "number"),
        (success(f"<cas:user>{'1' * 61}</cas:user>"), "number"),
        (success(f"{USER}<cas:proxies><cas:proxy>https://x</cas:proxy></cas:proxies>"), "answer"),
        (response(""), "answer"), (response("<cas:authenticationSuccess/><cas:authenticationSuccess/>"), "answer"),
        (response('<cas:authenticationFailure code="INVALID_TICKET">no</cas:authenticationFailure>'), "ticket"),
        (response('<cas:authenticationFailure code="INTERNAL_ERROR">no</cas:authenticationFailure>'), "unreachable"),
        (response('<cas:authenticationFailure code="ST-1">ST-1</cas:authenticationFailure>'), "answer"),
        (response(f"<x:authenticationSuccess>{USER}</x:authenticationSuccess>"), "answer"),
        (success(USER) + b" " * (transport.LARGEST + 1), "answer"),
        (b"<a>" * 100_000, "answer"),
    ],
)  # fmt: skip
def test_an_answer_that_says_anything_but_one_name_opens_nothing(evil, cas_on, person, body, trouble) -> None:
    cas_on(evil.url)
    evil.answers["/p3/serviceValidate"] = Answer(body)
    somebody = person()
    somebody.begin()
    assert somebody.client.get(query(ticket="ST-1")).url == FAILED.format(trouble)
    assert not LoginSession.objects.exists() and "ST-1" not in why()


@pytest.mark.parametrize("claims", [["18004", "18003"], ["18004", "18004"]])
def test_an_attribute_said_twice_opens_nothing(evil, cas_on, person, claims) -> None:
    cas_on(evil.url, claim="number")
    said = "".join(f"<cas:number>{claim}</cas:number>" for claim in claims)
    evil.answers["/p3/serviceValidate"] = Answer(success(f"{USER}<cas:attributes>{said}</cas:attributes>"))
    somebody = person()
    somebody.begin()
    assert somebody.client.get(query(ticket="ST-1")).url == FAILED.format("answer")


STATUSES = {301: "answer", 302: "answer", 307: "answer", 403: "answer", 404: "answer", 500: "unreachable"}


@pytest.mark.parametrize(("status", "trouble"), STATUSES.items())
def test_another_status_than_200_opens_nothing_and_no_redirect_is_followed(
    evil, cas_on, person, status, trouble
) -> None:
    cas_on(evil.url)
    headers = {"Location": f"{evil.url}/elsewhere"} if status < 400 else {}
    evil.answers["/p3/serviceValidate"] = Answer(success(USER), status, headers)
    evil.answers["/elsewhere"] = Answer(success(USER))
    somebody = person()
    somebody.begin()
    assert somebody.client.get(query(ticket="ST-1")).url == FAILED.format(trouble)
    assert len(evil.asked) == 1


def test_a_server_that_is_down_is_said_so_and_the_password_still_opens(cas_on, evil, person) -> None:
    cas_on(evil.url)
    evil.stop()
    member = person()
    member.begin()
    answer = member.client.get(query(ticket="ST-1"))
    page = member.client.get(answer.url).content.decode()
    assert "暂时连不上" in page and "工号和密码登录" in page
    assert "ST-1" not in str(list(AuditEvent.objects.values()))
    page = member.client.get("/login/").content.decode()
    assert "统一身份认证打不开" in page
    assert member.client.post("/login/", {"username": "18004", "password": "Tests-only-2018!"}).url == "/"


@pytest.mark.parametrize("how", ["silent", "dripping"])
def test_a_server_that_is_slow_is_given_up(evil, cas_on, person, monkeypatch, how) -> None:
    monkeypatch.setattr(transport, "SECONDS", 0.4)
    cas_on(evil.url)
    # Either would have said all it has to say after three seconds.
    slow = Answer(pieces=[b" "] * 30, pause=0.1) if how == "dripping" else Answer(pause=3)
    evil.answers["/p3/serviceValidate"] = slow
    somebody = person()
    somebody.begin()
    assert somebody.client.get(query(ticket="ST-1")).url == FAILED.format("unreachable")
    assert evil.said_all == 0


def test_five_seconds_are_enough_patience() -> None:
    assert transport.SECONDS == 5


@pytest.mark.parametrize("wrong", ["another authority", "another host", "the machine's own authorities"])
def test_a_certificate_that_does_not_fit_is_refused(evil, cas_on, certificates, wrong) -> None:
    server, authority = evil, str(certificates / "ca.crt")
    if wrong == "another authority":
        authority = str(certificates / "other.crt")
    elif wrong == "another host":
        server = Evil(certificates / "elsewhere.crt", certificates / "server.key")
    else:
        authority = ""
    sso = cas_on(server.url, ca_file=authority)
    server.answers["/p3/serviceValidate"] = Answer(success(USER))
    with pytest.raises(SignOnFailed) as caught:
        validate(sso, "ST-1", renew=False)
    assert caught.value.trouble == Trouble.UNREACHABLE and not server.asked
    if server is not evil:
        server.stop()


def test_the_right_certificate_is_accepted(evil, cas_on) -> None:
    evil.answers["/p3/serviceValidate"] = Answer(success(USER))
    assert validate(cas_on(evil.url), "ST-1", renew=False).number == "18004"


# The pages


def test_where_it_is_off_there_is_no_button_and_no_page(db, settings) -> None:
    settings.SSO = None
    assert "统一身份认证" not in Client().get("/login/").content.decode()
    for path in ("/sso/back/", "/sso/failed/nobody/", "/sso/ended/"):
        assert Client().get(path).status_code == 404
    for path in ("/sso/begin/", "/sso/back/", "/sso/logout/"):
        assert Client().post(path).status_code == 404


@pytest.mark.parametrize("trouble", list(Trouble))
def test_every_trouble_has_a_page_with_a_way_on(evil, cas_on, trouble) -> None:
    cas_on(evil.url)
    page = Client().get(FAILED.format(trouble.value))
    assert page.status_code == 200 and "返回登录页" in page.content.decode()
    # Nothing leads away by itself: no loop between here and there.
    assert "refresh" not in page.content.decode().lower()


def test_a_trouble_that_does_not_exist_has_no_page(evil, cas_on) -> None:
    cas_on(evil.url)
    assert Client().get(FAILED.format("other-thing")).status_code == 404


def test_to_begin_takes_the_portals_own_form(evil, cas_on) -> None:
    """Neither a link nor a foreign form sends somebody to log in."""
    cas_on(evil.url)
    assert Client().get("/sso/begin/").status_code == 405
    assert Client(enforce_csrf_checks=True).post("/sso/begin/").status_code == 403


def test_nothing_but_the_two_addresses_of_the_back_channel_does_without_the_token() -> None:

    def views(patterns):
        for pattern in patterns:
            if hasattr(pattern, "url_patterns"):
                yield from views(pattern.url_patterns)
            else:
                yield pattern

    exempt = {p.name for p in views(get_resolver().url_patterns) if getattr(p.callback, "csrf_exempt", False)}
    assert exempt == {"sso_back", "sso_logout"}


def test_a_login_of_the_future_is_no_login(evil, cas_on, person) -> None:
    """A clock set back between the two halves of a login does not make it last."""
    cas_on(evil.url)
    somebody = person()
    somebody.begin()
    session = somebody.client.session
    session["sso"] |= {"at": (timezone.now() + timedelta(hours=1)).isoformat()}
    session.save()
    assert somebody.client.get(query(ticket="ST-1")).url == FAILED.format("late")
