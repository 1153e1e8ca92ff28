"""A message of the office's own WeCom app to one person (自建应用，message/send).

The facts (获取access_token, developer.work.weixin.qq.com/document/path/91039; 发送应用消息, …/90236; 全局错误码,
…/90455): GET /cgi-bin/gettoken?corpid=…&corpsecret=… gives `access_token` for `expires_in` seconds, to be kept and not
asked for anew each time; 40014 and 42001 mean that it is no longer good. POST /cgi-bin/message/send?access_token=…
takes {"touser", "msgtype": "text", "agentid", "text": {"content"}} with at most 2,048 bytes of content. Several
accounts are divided by `|` and `@all` means everybody: so only what is one account's name is ever put there. Whom it
does not know it names in `invaliduser`, beside errcode 0, or answers 81013 where there is nobody left to send to.
With `enable_duplicate_check` the same words reach the same person once in half an hour.
"""

from __future__ import annotations

import re
import threading
from time import monotonic
from urllib.parse import urlencode

from django.conf import settings

from inbox.transport import NotSent, ask_wecom, cut

# 1 to 64 of letters, digits and _-@. of which the first is a letter or a digit (创建成员, …/90195).
ACCOUNT = re.compile(r"[0-9A-Za-z][0-9A-Za-z_@.-]{0,63}", re.ASCII)
NO_TOKEN = {40014, 42001}
NOBODY = "企业微信里没有这个账号，或它不在应用的可见范围内，请核对“提醒方式”中的企业微信账号"
FINAL = {81013: NOBODY, 40003: NOBODY, 40031: NOBODY, 60111: NOBODY}
# The server's set-up, which the system administrator can mend while the message waits.
SETTING = {
    40001: "WECOM_APP_SECRET 不对", 40013: "WECOM_CORP_ID 不对", 40056: "WECOM_AGENT_ID 不对",
    41002: "WECOM_CORP_ID 不对", 301002: "WECOM_AGENT_ID 与 WECOM_APP_SECRET 不是同一个应用的",
    48002: "应用没有发送消息的权限", 60020: "本服务器的地址不在应用的可信IP中",
}  # fmt: skip
# Busy, too many in a while, too many at once.
BUSY = {-1, 6000, 45009, 45033}
EARLY = 300  # seconds before its end a token is no longer used

_lock = threading.Lock()
_token: dict[tuple[str, str, str], tuple[str, float]] = {}


def is_set_up() -> bool:
    return bool(settings.WECOM_CORP_ID and settings.WECOM_AGENT_ID and settings.WECOM_APP_SECRET)


def send(account: str, text: str, end: str) -> None:
    """Send a text, whose `end` is never cut off, to one account; NotSent where it did not go out."""
    if not is_set_up():
        raise NotSent("系统没有接上企业微信的应用，请联系系统管理员", final=True, server=True)
    if not ACCOUNT.fullmatch(account):
        raise NotSent(NOBODY, final=True)
    message = {
        "touser": account, "msgtype": "text", "agentid": int(settings.WECOM_AGENT_ID),
        "text": {"content": cut(text.replace("<", "＜"), end)},
        "enable_duplicate_check": 1, "duplicate_check_interval": 1800,
    }  # fmt: skip
    answer = ask_wecom(_address("message/send", access_token=_token_now()), message)
    if answer["errcode"] in NO_TOKEN:
        answer = ask_wecom(_address("message/send", access_token=_token_now(anew=True)), message)
    _demand_ok(answer["errcode"])
    if answer.get("invaliduser") or answer.get("unlicenseduser"):
        raise NotSent(NOBODY, final=True)


def _token_now(*, anew: bool = False) -> str:
    """The token that is kept, or a new one where there is none, it is about to end or it was refused."""
    whose = (settings.WECOM_API_URL, settings.WECOM_CORP_ID, settings.WECOM_APP_SECRET)
    with _lock:
        kept, until = _token.get(whose, ("", 0.0))
        if kept and monotonic() < until and not anew:
            return kept
        _token.pop(whose, None)
        answer = ask_wecom(_address("gettoken", corpid=whose[1], corpsecret=whose[2]))
        _demand_ok(answer["errcode"])
        token, lasts = answer.get("access_token"), answer.get("expires_in", 7200)
        if not isinstance(token, str) or not token or not isinstance(lasts, int):
            raise NotSent("企业微信的答复看不懂", server=True)
        _token[whose] = (token, monotonic() + lasts - EARLY)
        return token


def _address(path: str, **query: str) -> str:
    return f"{settings.WECOM_API_URL}/cgi-bin/{path}?{urlencode(query)}"


def _demand_ok(code: object) -> None:
    if code == 0 and not isinstance(code, bool):
        return
    number = code if isinstance(code, int) else "?"
    if number in FINAL:
        raise NotSent(f"{FINAL[number]}（errcode {number}）", final=True)
    if number in SETTING:
        raise NotSent(f"{SETTING[number]}，请联系系统管理员（errcode {number}）", server=True)
    if number in BUSY | NO_TOKEN:
        raise NotSent(f"企业微信正忙（errcode {number}）", server=True)
    raise NotSent(f"企业微信没有接受（errcode {number}）", final=True)
