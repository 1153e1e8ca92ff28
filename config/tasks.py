"""What runs in the background: every kind of work there is, and which of it comes round by itself."""

from __future__ import annotations

from django.conf import settings

from jobs.queue import Work
from jobs.rounds import Regular

# By name; rooms name a kind when they ask for it (`jobs.queue.ask`).
KINDS: dict[str, Work] = {
    "open_duties": Work("下发方案，产生任务", "plan.opening.run", unit="个支部"),
    "reminders": Work("提醒", "plan.reminders.run_round"),
    "group_reminders": Work("群里的提醒", "study.reminding.run_groups"),
    "messages": Work("发送消息", "inbox.sending.run_round"),
    "pushes": Work("发送移动党支部的通知", "config.rounds.send_pushes"),
    "clean_up": Work("清理过期的记录", "config.rounds.clean_up"),
    "purge_imports": Work("清除上传的名册内容", "config.rounds.purge_imports"),
    "pause_idle_accounts": Work("暂停闲置的账号", "config.rounds.pause_idle_accounts"),
    "verify_chain": Work("核对审计日志", "config.rounds.verify_chain"),
    "clear_jobs": Work("清除办完的后台任务", "jobs.keeping.run"),
}

# The nights' work is spread: on one machine it shares the database with nobody, on many it does not come at once.
ROUNDS: tuple[Regular, ...] = (
    Regular("reminders", "reminders", every=5),
    Regular("group_reminders", "group_reminders", every=5),
    Regular("messages", "messages", every=1),
    Regular("pushes", "pushes", every=1),
    Regular("clean_up", "clean_up", daily="02:00"),
    Regular("purge_imports", "purge_imports", daily="02:20"),
    Regular("clear_jobs", "clear_jobs", daily="02:40"),
)
if not settings.DEMO:
    # A demo's visitors stay away for months, and its clock jumps: nobody is paused, no chain's head is noted.
    ROUNDS += (
        Regular("pause_idle_accounts", "pause_idle_accounts", daily="03:00"),
        Regular("verify_chain", "verify_chain", daily="03:20"),
    )
