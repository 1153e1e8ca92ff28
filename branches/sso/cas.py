"""CAS 2.0 and 3.0 as the portal needs it: send somebody there, ask whose ticket it is, hear that a login is over.

After the CAS Protocol 3.0 specification, §2.1, 2.3, 2.5, 2.8 and appendix C. The one question asked by the back
channel is short; python-cas asks it without a timeout, following redirects, and takes the first of many names
(docs/decisions/0016-single-sign-on.md).
"""

from __future__ import annotations

import re
from urllib.parse import urlencode
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from branches.sso.configuration import SingleSignOn
from branches.sso.outcome import SignOnFailed, Trouble, Witness
from branches.sso.transport import ask

CAS = "{http://www.yale.edu/tp/cas}"
SAML = "{urn:oasis:names:tc:SAML:2.0:protocol}"
TICKET = re.compile(r"ST-[A-Za-z0-9._-]{1,253}")


def login_url(sso: SingleSignOn, *, renew: bool) -> str:
    """Where somebody logs in; `renew` asks for the password even of somebody who is logged in there."""
    query = {"service": sso.service} | ({"renew": "true"} if renew else {})
    return f"{sso.server}/login?{urlencode(query)}"


def logout_url(sso: SingleSignOn) -> str:
    name = "service" if sso.cas_version == "3" else "url"
    return f"{sso.server}/logout?{urlencode({name: sso.after_logout})}"


def validate(sso: SingleSignOn, ticket: str, *, renew: bool) -> Witness:
    """Whose service ticket this is, by the server's own word."""
    if not TICKET.fullmatch(ticket):
        raise SignOnFailed(Trouble.TICKET, "不是服务票据")
    path = "p3/serviceValidate" if sso.cas_version == "3" else "serviceValidate"
    query = {"service": sso.service, "ticket": ticket} | ({"renew": "true"} if renew else {})
    status, body = ask(sso, f"{sso.server}/{path}", query=query)
    if status != 200:
        raise SignOnFailed(Trouble.ANSWER, f"HTTP {status}")
    return Witness(_number(sso, _success(_parsed(body))), ticket)


def _parsed(body: bytes | str) -> Element:
    """The root of the XML; a document type, and with it every entity, is refused."""
    try:
        return fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError, RecursionError):
        raise SignOnFailed(Trouble.ANSWER, "不是可用的 XML") from None


def _success(root: Element) -> Element:
    """The one success of a service response."""
    if root.tag != f"{CAS}serviceResponse" or len(root) != 1:
        raise SignOnFailed(Trouble.ANSWER, "不是 CAS 的答复")
    answer = root[0]
    if answer.tag == f"{CAS}authenticationFailure":
        code = answer.get("code", "")
        if code in ("INVALID_TICKET", "INVALID_TICKET_SPEC"):
            raise SignOnFailed(Trouble.TICKET, code)
        if code == "INTERNAL_ERROR":
            raise SignOnFailed(Trouble.UNREACHABLE, code)
        known = re.fullmatch(r"[A-Z_]{1,40}", code)
        raise SignOnFailed(Trouble.ANSWER, code if known else "没有说明原因的拒绝")
    if answer.tag != f"{CAS}authenticationSuccess":
        raise SignOnFailed(Trouble.ANSWER, "不是 CAS 的答复")
    # Only the person's own login counts, not another application's in the person's name.
    if answer.find(f"{CAS}proxies") is not None:
        raise SignOnFailed(Trouble.ANSWER, "经代理应用取得的票据")
    return answer


def _number(sso: SingleSignOn, success: Element) -> str:
    """The name, or the attribute that the settings name: exactly one, anywhere in the answer."""
    users = list(success.iter(f"{CAS}user"))
    if len(users) != 1 or users[0] not in list(success):
        raise SignOnFailed(Trouble.ANSWER if users else Trouble.NUMBER, f"{len(users)}个用户名")
    found = users
    if sso.claim:
        found = [child for group in success.findall(f"{CAS}attributes") for child in group.findall(CAS + sso.claim)]
        if len(found) > 1:
            raise SignOnFailed(Trouble.ANSWER, f"属性 {sso.claim} 有{len(found)}个")
        if not found:
            raise SignOnFailed(Trouble.NUMBER, f"没有属性 {sso.claim}")
    if len(found[0]):
        raise SignOnFailed(Trouble.ANSWER, "工号里还有别的元素")
    return (found[0].text or "").strip()


def ended_ticket(document: str) -> str:
    """The ticket whose login the server says is over; the ticket itself is the proof, nobody else knows it."""
    root = _parsed(document)
    named = [element for element in root.iter() if element.tag == f"{SAML}SessionIndex"]
    if root.tag != f"{SAML}LogoutRequest" or len(named) != 1 or len(named[0]):
        raise SignOnFailed(Trouble.ANSWER, "不是注销请求")
    ticket = (named[0].text or "").strip()
    if not TICKET.fullmatch(ticket):
        raise SignOnFailed(Trouble.ANSWER, "不是服务票据")
    return ticket
