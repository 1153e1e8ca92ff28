"""A person's own mailbox: it counts once its owner has typed back the code that was sent there.

A code has six digits, is good for a quarter of an hour and for five guesses, and only its digest is kept. Of codes
there are at most one a minute and five an hour: neither may a code be guessed by asking for many, nor a stranger's
mailbox be filled from here. The mailbox itself is sealed, and nobody is shown it again whole.
"""

from __future__ import annotations

import hmac
import secrets as chance
from datetime import datetime, timedelta

from django.db.models import F
from django.utils.timezone import localtime

from branches import audit, secrets
from branches.access import Access
from inbox import outside
from inbox.models import Preference
from inbox.transport import to_mailbox

GOOD_FOR, TRIES = timedelta(minutes=15), 5
BETWEEN, AN_HOUR, MOST = timedelta(minutes=1), timedelta(hours=1), 5


class Refused(Exception):
    """Why no code is sent, or why it is not taken, in a sentence."""


def hint_of(address: str) -> str:
    """What may still be seen of a mailbox: z***@example.edu.cn."""
    name, _, domain = address.rpartition("@")
    return f"{name[:1]}***@{domain}"[:60]


def own(access: Access) -> Preference:
    """The person's row, or one that is not kept yet: nothing but the inbox."""
    found = Preference.objects.filter(user=access.actor).first()
    return found or Preference(user=access.actor, set_at=access.now)


def waits(row: Preference, now: datetime) -> bool:
    """Whether a code was sent that may still be typed."""
    until = row.email_code_until_at
    return bool(row.email_code_mac and until and now < until and row.email_code_tries < TRIES)


def ask(access: Access, address: str) -> None:
    """Keep the address as unconfirmed and send it a code; Refused where that is too soon, NotSent where it failed.

    What was confirmed before counts no longer: mail goes to one mailbox, the one that was named last.
    """
    now, code = access.now, f"{chance.randbelow(10**6):06d}"
    with audit.act(access, audit.Kind.SETTING, "登记提醒邮箱", access.actor):
        Preference.objects.get_or_create(user=access.actor, defaults={"set_at": now})
        row = Preference.objects.select_for_update().get(user=access.actor)
        row.email_codes_since_at, row.email_codes = _counted(row, now)
        row.email_sealed, row.email_hint = secrets.seal(address, outside.PURPOSE), hint_of(address)
        row.by_email, row.email_confirmed_at, row.set_at = False, None, now
        row.email_code_mac = _mac(row, code)
        row.email_code_until_at, row.email_code_tries = now + GOOD_FOR, 0
        row.save()
    # After the commit: nothing is sent inside a transaction.
    text = f"您的验证码是 {code}，{GOOD_FOR.seconds // 60}分钟内有效。\n\n"
    text += "请把它填到支部工作台“提醒方式”页面上。如果不是您本人操作，不必理会这封邮件。\n"
    to_mailbox(address, f"{outside.FROM}邮箱验证码", text, {"Auto-Submitted": "auto-generated"})


def _counted(row: Preference, now: datetime) -> tuple[datetime, int]:
    """Since when codes are counted and how many there are with this one; Refused where it is one too many."""
    if row.email_code_until_at and now < row.email_code_until_at - GOOD_FOR + BETWEEN:
        raise Refused("验证码刚刚发过，请过一分钟再要；没有收到的，先看看垃圾邮件。")
    since = row.email_codes_since_at
    if since is None or now >= since + AN_HOUR:
        return now, 1
    if row.email_codes >= MOST:
        raise Refused(f"一小时内最多发{MOST}次验证码，请在{localtime(since + AN_HOUR):%H:%M}以后再试。")
    return since, row.email_codes + 1


def confirm(access: Access, code: str) -> None:
    """Take the code that was typed: mail then goes there. Refused where it is wrong, too old or guessed too often."""
    mine = Preference.objects.filter(user=access.actor).exclude(email_code_mac="")
    # Counted before it is looked at, so that many guesses at once are no more than five.
    guessing = mine.filter(email_code_tries__lt=TRIES, email_code_until_at__gt=access.now)
    if not guessing.update(email_code_tries=F("email_code_tries") + 1):
        raise Refused("验证码已经失效，请重新获取。")
    row = mine.get()
    if not hmac.compare_digest(row.email_code_mac, _mac(row, code)):
        left = TRIES - row.email_code_tries
        raise Refused(f"验证码不对，还可以试{left}次。" if left > 0 else f"输错{TRIES}次，验证码已作废，请重新获取。")
    with audit.act(access, audit.Kind.SETTING, "确认提醒邮箱", access.actor):
        # Unless another mailbox was named meanwhile.
        mine.filter(email_code_mac=row.email_code_mac).update(
            by_email=True, email_confirmed_at=access.now, email_code_mac="", email_code_until_at=None,
            email_code_tries=0, set_at=access.now,
        )  # fmt: skip


def forget(access: Access) -> None:
    """The mailbox is taken out, and with it every mail that waits."""
    with audit.act(access, audit.Kind.SETTING, "删除提醒邮箱", access.actor):
        Preference.objects.filter(user=access.actor).update(
            by_email=False, email_sealed="", email_hint="", email_confirmed_at=None, email_code_mac="",
            set_at=access.now,
        )  # fmt: skip


def _mac(row: Preference, code: str) -> str:
    """Of this person, this mailbox and this code together: a code for one mailbox confirms no other."""
    return secrets.mac(f"{row.user_id}|{row.email_sealed}|{code}", "inbox.email_code")
