"""The access matrix, cell by cell: every route, every actor, reading and acting, on objects of the first branch.

The table below is written by hand and knows nothing of config/matrix.py: whoever widens or narrows a row there, or a
`visible_to`, turns a cell red here. A cell is two letters, what GET answers and what POST answers:

    k  200, the page or the file            L  302 to the login page          -  405, the method is not served
    r  302 to another page of the portal    x  403 at the door: no such role  u  422, the form again with what is wrong
    0  404, as if there were no such object p  403 in the room: seen, but not this person's to do
    b  400, a move that does not exist       s  302, asked for the password once more (what follows: AFTER_SUDO)

The five of the committee (office, inspector and the three administrators) belong to no branch, so each is one actor.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection, transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from branches import sessions
from branches.models import AuditEvent, AuditHead, LoginSession, Post, User
from config.guard import GuardMiddleware
from config.matrix import ROUTES
from plan.models import Duty
from tests.conftest import at, logged_in
from tests.plan.filed import document, photo
from tests.records import Records, make_records

pytestmark = pytest.mark.django_db

NOW = "2018-07-04 10:00"
ACTORS = (
    "anonymous", "office", "secretary", "deputy", "commissioner", "member", "other_secretary", "other_member",
    "inspector", "auditor", "sysadmin", "security", "nobody",
)  # fmt: skip

TABLE = """
#                                           anon  offi  secr  depu  comm  memb  osec  omem  insp  audi  sysa  secu  none
# everybody's
home                                        LL    k-    k-    k-    k-    k-    k-    k-    r-    r-    r-    r-    k-
todo                                        LL    k-    k-    k-    k-    k-    k-    k-    k-    x-    x-    x-    x-
healthz                                     k-    k-    k-    k-    k-    k-    k-    k-    k-    k-    k-    k-    k-
manifest                                    k-    k-    k-    k-    k-    k-    k-    k-    k-    k-    k-    k-    k-
service_worker                              k-    k-    k-    k-    k-    k-    k-    k-    k-    k-    k-    k-    k-
offline                                     k-    k-    k-    k-    k-    k-    k-    k-    k-    k-    k-    k-    k-
gallery                                     LL    k-    k-    k-    k-    k-    k-    k-    k-    k-    k-    k-    k-
handover_pack                               LL    k-    k-    k-    k-    0-    0-    0-    0-    x-    x-    x-    x-
handover_docx                               LL    k-    k-    k-    k-    0-    0-    0-    0-    x-    x-    x-    x-
checkup                                     LL    k-    k-    k-    k-    x-    k-    x-    x-    x-    x-    x-    x-
checkup_xlsx                                LL    k-    k-    k-    k-    x-    k-    x-    x-    x-    x-    x-    x-
checkup_rule                                LL    k-    k-    k-    k-    x-    k-    x-    x-    x-    x-    x-    x-
# branches: people and accounts
#                                           anon  offi  secr  depu  comm  memb  osec  omem  insp  audi  sysa  secu  none
branches:login                              kk    rr    rr    rr    rr    rr    rr    rr    rr    rr    rr    rr    rr
branches:activate                           kk    rr    rr    rr    rr    rr    rr    rr    rr    rr    rr    rr    rr
branches:login_again                        LL    k-    k-    k-    k-    k-    k-    k-    k-    k-    k-    k-    k-
branches:logout                             LL    -r    -r    -r    -r    -r    -r    -r    -r    -r    -r    -r    -r
branches:sso_begin                          -0    -0    -0    -0    -0    -0    -0    -0    -0    -0    -0    -0    -0
branches:sso_back                           00    00    00    00    00    00    00    00    00    00    00    00    00
branches:sso_logout                         -0    -0    -0    -0    -0    -0    -0    -0    -0    -0    -0    -0    -0
branches:sso_failed                         0-    0-    0-    0-    0-    0-    0-    0-    0-    0-    0-    0-    0-
branches:sso_ended                          0-    0-    0-    0-    0-    0-    0-    0-    0-    0-    0-    0-    0-
branches:account                            LL    k-    k-    k-    k-    k-    k-    k-    k-    k-    k-    k-    k-
branches:password                           LL    kk    kk    kk    kk    kk    kk    kk    kk    kk    kk    kk    kk
branches:privacy                            LL    kr    kr    kr    kr    kr    kr    kr    kr    kr    kr    kr    kr
branches:sudo                               LL    kk    kk    kk    kk    kk    kk    kk    kk    kk    kk    kk    kk
branches:login_code                         rr    rr    rr    rr    rr    rr    rr    rr    rr    rr    rr    rr    rr
branches:totp                               LL    ss    ss    ss    ss    ss    ss    ss    ss    ss    ss    ss    ss
branches:recovery_codes                     LL    -s    -s    -s    -s    -s    -s    -s    -s    -s    -s    -s    -s
branches:totp_off                           LL    -s    -s    -s    -s    -s    -s    -s    -s    -s    -s    -s    -s
branches:unsent                             LL    r-    r-    r-    r-    r-    r-    r-    r-    r-    r-    r-    r-
branches:sessions_end                       LL    -r    -r    -r    -r    -r    -r    -r    -r    -r    -r    -r    -r
branches:session_end@member                 LL    -0    -0    -0    -0    -r    -0    -0    -0    -0    -0    -0    -0
branches:security_list                      LL    x-    x-    x-    x-    x-    x-    x-    x-    x-    x-    k-    x-
branches:security_end                       LL    -x    -x    -x    -x    -x    -x    -x    -x    -x    -x    -s    -x
branches:security_lift                      LL    -x    -x    -x    -x    -x    -x    -x    -x    -x    -x    -s    -x
branches:security_totp_off                  LL    -x    -x    -x    -x    -x    -x    -x    -x    -x    -x    -s    -x
branches:own_history                        LL    k-    k-    k-    k-    k-    k-    k-    k-    k-    k-    k-    k-
branches:own_contact                        LL    kk    kk    kk    kk    kk    kk    kk    kk    kk    kk    kk    kk
branches:who_sees_me                        LL    k-    k-    k-    k-    k-    k-    k-    k-    k-    k-    k-    k-
branches:audit_log                          LL    x-    x-    x-    x-    x-    x-    x-    x-    k-    x-    x-    x-
branches:audit_xlsx                         LL    x-    x-    x-    x-    x-    x-    x-    x-    k-    x-    x-    x-
branches:audit_verify                       LL    -x    -x    -x    -x    -x    -x    -x    -x    -r    -x    -x    -x
branches:branch_list                        LL    k-    x-    x-    x-    x-    x-    x-    k-    x-    x-    x-    x-
branches:organization                       LL    k-    x-    x-    x-    x-    x-    x-    k-    x-    k-    x-    x-
branches:committee_new                      LL    kk    xx    xx    xx    xx    xx    xx    xx    xx    kk    xx    xx
branches:committee_edit                     LL    ss    xx    xx    xx    xx    xx    xx    xx    xx    ss    xx    xx
branches:branch_new                         LL    kk    xx    xx    xx    xx    xx    xx    xx    xx    kk    xx    xx
branches:member_list                        LL    k-    k-    k-    k-    x-    k-    x-    k-    x-    x-    x-    x-
branches:member_new                         LL    kk    xx    xx    xx    xx    xx    xx    xx    xx    xx    xx    xx
branches:member_find                        LL    kk    xx    xx    xx    xx    xx    xx    xx    xx    xx    xx    xx
branches:member_duplicates                  LL    k-    x-    x-    x-    x-    x-    x-    x-    x-    x-    x-    x-
branches:committee_posts                    LL    kk    xx    xx    xx    xx    xx    xx    xx    xx    xx    xx    xx
branches:roster_template                    LL    k-    x-    x-    x-    x-    x-    x-    x-    x-    x-    x-    x-
branches:roster_import                      LL    kk    xx    xx    xx    xx    xx    xx    xx    xx    xx    xx    xx
branches:user_list                          LL    x-    x-    x-    x-    x-    x-    x-    x-    x-    k-    x-    x-
branches:branch_detail                      LL    k-    k-    k-    k-    k-    0-    0-    k-    x-    x-    x-    x-
branches:branch_edit                        LL    kk    xx    xx    xx    xx    xx    xx    xx    xx    kk    xx    xx
branches:handover                           LL    kk    xx    xx    xx    xx    xx    xx    xx    xx    xx    xx    xx
branches:grants                             LL    xx    xx    xx    xx    xx    xx    xx    xx    xx    xx    ss    xx
branches:grant_end@other                    LL    xx    xx    xx    xx    xx    xx    xx    xx    xx    xx    ss    xx
branches:grant_end@own                      LL    xx    xx    xx    xx    xx    xx    xx    xx    xx    xx    ss    xx
branches:user_open_branch                   LL    -x    -x    -x    -x    -x    -x    -x    -x    -x    -s    -x    -x
branches:member_detail@member               LL    k-    k-    k-    k-    k-    0-    0-    k-    x-    x-    x-    x-
branches:member_detail@other_member         LL    k-    0-    0-    0-    0-    k-    k-    k-    x-    x-    x-    x-
branches:member_edit@member                 LL    kk    xx    xx    xx    xx    xx    xx    xx    xx    xx    xx    xx
branches:member_edit@other_member           LL    kk    xx    xx    xx    xx    xx    xx    xx    xx    xx    xx    xx
branches:member_transfer@member             LL    kk    xx    xx    xx    xx    xx    xx    xx    xx    xx    xx    xx
branches:member_transfer@other_member       LL    kk    xx    xx    xx    xx    xx    xx    xx    xx    xx    xx    xx
branches:member_reveal@member               LL    ss    ss    pp    pp    ss    00    00    pp    00    00    00    00
branches:member_reveal@other_member         LL    ss    00    00    00    00    ss    ss    pp    00    00    00    00
branches:member_pair                        LL    kk    xx    xx    xx    xx    xx    xx    xx    xx    xx    xx    xx
branches:user_open                          LL    -x    -x    -x    -x    -x    -x    -x    -x    -x    -s    -x    -x
branches:user_pause                         LL    -x    -x    -x    -x    -x    -x    -x    -x    -x    -r    -x    -x
branches:post_end@branch                    LL    00    xx    xx    xx    xx    xx    xx    xx    xx    xx    xx    xx
branches:post_end@committee                 LL    kk    xx    xx    xx    xx    xx    xx    xx    xx    xx    xx    xx
branches:roster_export@all                  LL    k-    k-    k-    k-    x-    k-    x-    k-    x-    x-    x-    x-
branches:roster_export@first                LL    k-    k-    k-    k-    x-    0-    x-    k-    x-    x-    x-    x-
branches:roster_preview                     LL    k-    x-    x-    x-    x-    x-    x-    x-    x-    x-    x-    x-
branches:roster_commit                      LL    -r    -x    -x    -x    -x    -x    -x    -x    -x    -x    -x    -x
branches:roster_columns                     LL    -k    -x    -x    -x    -x    -x    -x    -x    -x    -x    -x    -x
branches:roster_restart                     LL    -r    -x    -x    -x    -x    -x    -x    -x    -x    -x    -x    -x
branches:roster_progress                    LL    k-    x-    x-    x-    x-    x-    x-    x-    x-    x-    x-    x-
branches:roster_errors                      LL    k-    x-    x-    x-    x-    x-    x-    x-    x-    x-    x-    x-
# jobs: background work
#                                           anon  offi  secr  depu  comm  memb  osec  omem  insp  audi  sysa  secu  none
jobs:job_list                               LL    x-    x-    x-    x-    x-    x-    x-    x-    x-    k-    x-    x-
jobs:job_detail                             LL    k-    0-    0-    0-    0-    0-    0-    0-    0-    k-    0-    0-
jobs:job_progress                           LL    k-    0-    0-    0-    0-    0-    0-    0-    0-    k-    0-    0-
jobs:job_retry                              LL    -x    -x    -x    -x    -x    -x    -x    -x    -x    -r    -x    -x
# inbox
#                                           anon  offi  secr  depu  comm  memb  osec  omem  insp  audi  sysa  secu  none
inbox:message_list                          LL    k-    k-    k-    k-    k-    k-    k-    k-    k-    k-    k-    k-
inbox:messages_read                         LL    -r    -r    -r    -r    -r    -r    -r    -r    -r    -r    -r    -r
inbox:message_detail                        LL    0-    0-    0-    0-    k-    0-    0-    0-    0-    0-    0-    0-
inbox:message_read                          LL    -0    -0    -0    -0    -r    -0    -0    -0    -0    -0    -0    -0
inbox:preference                            LL    kk    kk    kk    kk    kk    kk    kk    kk    kk    kk    kk    kk
inbox:sending_list                          LL    k-    x-    x-    x-    x-    x-    x-    x-    x-    k-    x-    x-
inbox:sendings_again                        LL    -r    -x    -x    -x    -x    -x    -x    -x    -x    -x    -x    -x
inbox:sending_again                         LL    -r    -x    -x    -x    -x    -x    -x    -x    -x    -x    -x    -x
# plan: the document, the duties, the desks
#                                           anon  offi  secr  depu  comm  memb  osec  omem  insp  audi  sysa  secu  none
plan:plan_list                              LL    k-    k-    k-    k-    k-    k-    k-    k-    x-    x-    x-    x-
plan:plan_upload                            LL    kk    xx    xx    xx    xx    xx    xx    xx    xx    xx    xx    xx
plan:workdays                               LL    kr    xx    xx    xx    xx    xx    xx    xx    xx    xx    xx    xx
plan:relief_list                            LL    k-    k-    k-    k-    k-    k-    k-    k-    x-    x-    x-    x-
plan:relief_new                             LL    ku    ku    ku    xx    xx    ku    xx    xx    xx    xx    xx    xx
plan:relief_new@duty                        LL    ku    ku    ku    xx    xx    00    xx    xx    xx    xx    xx    xx
plan:relief_detail                          LL    k-    k-    k-    k-    k-    0-    0-    k-    x-    x-    x-    x-
# The committee's office is one person: what the branch asks for, that one grants alone.
plan:relief_move@grant                      LL    -r    -p    -p    -x    -x    -0    -x    -x    -x    -x    -x    -x
plan:relief_move@withdraw                   LL    -p    -r    -r    -x    -x    -0    -x    -x    -x    -x    -x    -x
plan:relief_move@unknown                    LL    -b    -b    -b    -x    -x    -0    -x    -x    -x    -x    -x    -x
plan:rhythm                                 LL    k-    x-    x-    x-    x-    x-    x-    x-    x-    x-    x-    x-
plan:lead_time                              LL    -r    -x    -x    -x    -x    -x    -x    -x    -x    -x    -x    -x
plan:workdays_notice                        LL    ku    xx    xx    xx    xx    xx    xx    xx    xx    xx    xx    xx
plan:reminder_policy                        LL    ku    xx    xx    xx    xx    xx    xx    xx    xx    xx    xx    xx
plan:plan_start                             LL    -r    -x    -x    -x    -x    -x    -x    -x    -x    -x    -x    -x
plan:board                                  LL    k-    x-    x-    x-    x-    x-    x-    k-    x-    x-    x-    x-
plan:board_xlsx                             LL    k-    x-    x-    x-    x-    x-    x-    k-    x-    x-    x-    x-
plan:board_docx                             LL    k-    x-    x-    x-    x-    x-    x-    k-    x-    x-    x-    x-
plan:heat                                   LL    k-    x-    x-    x-    x-    x-    x-    k-    x-    x-    x-    x-
plan:view_save                              LL    -r    -r    -r    -r    -r    -r    -r    -r    -x    -x    -x    -x
plan:view_remove@member                     LL    -0    -0    -0    -0    -r    -0    -0    -0    -x    -x    -x    -x
plan:duty_list                              LL    k-    k-    k-    k-    k-    k-    k-    k-    x-    x-    x-    x-
plan:duty_xlsx                              LL    k-    k-    k-    k-    x-    k-    x-    k-    x-    x-    x-    x-
plan:intray                                 LL    k-    k-    k-    x-    x-    k-    x-    x-    x-    x-    x-    x-
plan:filing_list                            LL    k-    k-    k-    k-    k-    k-    k-    k-    x-    x-    x-    x-
plan:log                                    LL    k-    x-    x-    x-    x-    x-    x-    x-    k-    x-    x-    x-
plan:plan_detail@issued                     LL    k-    k-    k-    k-    k-    k-    k-    k-    x-    x-    x-    x-
plan:plan_detail@draft                      LL    k-    0-    0-    0-    0-    0-    0-    0-    x-    x-    x-    x-
plan:plan_preview@issued                    LL    0-    x-    x-    x-    x-    x-    x-    x-    x-    x-    x-    x-
plan:plan_preview@draft                     LL    k-    x-    x-    x-    x-    x-    x-    x-    x-    x-    x-    x-
plan:plan_issue@issued                      LL    -r    -x    -x    -x    -x    -x    -x    -x    -x    -x    -x    -x
plan:plan_issue@draft                       LL    -r    -x    -x    -x    -x    -x    -x    -x    -x    -x    -x    -x
plan:plan_copy@issued                       LL    -r    -x    -x    -x    -x    -x    -x    -x    -x    -x    -x    -x
plan:plan_copy@draft                        LL    -0    -x    -x    -x    -x    -x    -x    -x    -x    -x    -x    -x
plan:plan_edit@issued                       LL    00    xx    xx    xx    xx    xx    xx    xx    xx    xx    xx    xx
plan:plan_edit@draft                        LL    kk    xx    xx    xx    xx    xx    xx    xx    xx    xx    xx    xx
plan:plan_settings@issued                   LL    00    xx    xx    xx    xx    xx    xx    xx    xx    xx    xx    xx
plan:plan_settings@draft                    LL    kk    xx    xx    xx    xx    xx    xx    xx    xx    xx    xx    xx
plan:plan_delete@issued                     LL    -0    -x    -x    -x    -x    -x    -x    -x    -x    -x    -x    -x
plan:plan_delete@draft                      LL    -r    -x    -x    -x    -x    -x    -x    -x    -x    -x    -x    -x
plan:plan_download@issued                   LL    k-    x-    x-    x-    x-    x-    x-    x-    x-    x-    x-    x-
plan:plan_download@draft                    LL    k-    x-    x-    x-    x-    x-    x-    x-    x-    x-    x-    x-
plan:requirement_new@issued                 LL    00    xx    xx    xx    xx    xx    xx    xx    xx    xx    xx    xx
plan:requirement_new@draft                  LL    kk    xx    xx    xx    xx    xx    xx    xx    xx    xx    xx    xx
plan:requirement_edit                       LL    kk    xx    xx    xx    xx    xx    xx    xx    xx    xx    xx    xx
plan:requirement_remove                     LL    -r    -x    -x    -x    -x    -x    -x    -x    -x    -x    -x    -x
plan:requirement_detail                     LL    k-    k-    k-    k-    k-    k-    k-    k-    x-    x-    x-    x-
plan:duty_detail@branch                     LL    k-    k-    k-    k-    k-    0-    0-    k-    x-    x-    x-    x-
plan:duty_detail@member                     LL    k-    k-    k-    k-    k-    0-    0-    k-    x-    x-    x-    x-
plan:duty_detail@committee                  LL    k-    0-    0-    0-    0-    0-    0-    k-    x-    x-    x-    x-
plan:filing_detail@gathering                LL    k-    k-    k-    k-    k-    0-    0-    k-    x-    x-    x-    x-
plan:filing_move@gathering                  LL    -r    -p    -p    -p    -p    -0    -0    -p    -x    -x    -x    -x
plan:filing_versions@gathering              LL    k-    k-    k-    k-    k-    0-    0-    k-    x-    x-    x-    x-
plan:filing_docx@gathering                  LL    k-    k-    k-    k-    k-    0-    0-    k-    x-    x-    x-    x-
plan:filing_detail@gathering_draft          LL    0-    k-    k-    k-    0-    0-    0-    0-    x-    x-    x-    x-
plan:filing_move@gathering_draft            LL    -0    -r    -r    -r    -0    -0    -0    -0    -x    -x    -x    -x
plan:filing_versions@gathering_draft        LL    0-    r-    r-    r-    0-    0-    0-    0-    x-    x-    x-    x-
plan:filing_docx@gathering_draft            LL    0-    k-    k-    k-    0-    0-    0-    0-    x-    x-    x-    x-
plan:filing_detail@branch_plan              LL    k-    k-    k-    k-    k-    0-    0-    k-    x-    x-    x-    x-
plan:filing_move@branch_plan                LL    -r    -p    -p    -p    -p    -0    -0    -p    -x    -x    -x    -x
plan:filing_versions@branch_plan            LL    k-    k-    k-    k-    k-    0-    0-    k-    x-    x-    x-    x-
plan:filing_docx@branch_plan                LL    k-    k-    k-    k-    k-    0-    0-    k-    x-    x-    x-    x-
plan:filing_detail@member_plan              LL    k-    k-    k-    k-    k-    0-    0-    k-    x-    x-    x-    x-
plan:filing_move@member_plan                LL    -p    -r    -r    -p    -p    -0    -0    -p    -x    -x    -x    -x
plan:filing_versions@member_plan            LL    k-    k-    k-    k-    k-    0-    0-    k-    x-    x-    x-    x-
plan:filing_docx@member_plan                LL    k-    k-    k-    k-    k-    0-    0-    k-    x-    x-    x-    x-
plan:filing_detail@member_plan_draft        LL    0-    0-    0-    0-    k-    0-    0-    0-    x-    x-    x-    x-
plan:filing_move@member_plan_draft          LL    -0    -0    -0    -0    -r    -0    -0    -0    -x    -x    -x    -x
plan:filing_versions@member_plan_draft      LL    0-    0-    0-    0-    r-    0-    0-    0-    x-    x-    x-    x-
plan:filing_docx@member_plan_draft          LL    0-    0-    0-    0-    k-    0-    0-    0-    x-    x-    x-    x-
plan:filing_detail@paper                    LL    k-    k-    k-    k-    k-    0-    0-    k-    x-    x-    x-    x-
plan:filing_move@paper                      LL    -r    -p    -p    -p    -p    -0    -0    -p    -x    -x    -x    -x
plan:filing_versions@paper                  LL    k-    k-    k-    k-    k-    0-    0-    k-    x-    x-    x-    x-
plan:filing_docx@paper                      LL    k-    k-    k-    k-    k-    0-    0-    k-    x-    x-    x-    x-
plan:filing_detail@members_paper_draft      LL    0-    0-    0-    0-    k-    0-    0-    0-    x-    x-    x-    x-
plan:filing_move@members_paper_draft        LL    -0    -0    -0    -0    -r    -0    -0    -0    -x    -x    -x    -x
plan:filing_versions@members_paper_draft    LL    0-    0-    0-    0-    r-    0-    0-    0-    x-    x-    x-    x-
plan:filing_docx@members_paper_draft        LL    0-    0-    0-    0-    k-    0-    0-    0-    x-    x-    x-    x-
plan:filing_detail@committees_paper_draft   LL    k-    0-    0-    0-    0-    0-    0-    0-    x-    x-    x-    x-
plan:filing_move@committees_paper_draft     LL    -r    -0    -0    -0    -0    -0    -0    -0    -x    -x    -x    -x
plan:filing_versions@committees_paper_draft LL    r-    0-    0-    0-    0-    0-    0-    0-    x-    x-    x-    x-
plan:filing_docx@committees_paper_draft     LL    k-    0-    0-    0-    0-    0-    0-    0-    x-    x-    x-    x-
plan:filing_move@unknown                    LL    -b    -b    -b    -b    -b    -0    -0    -b    -x    -x    -x    -x
# The other secretary's branch is invited to hold it too, and its leaders see the shared pictures.
plan:picture@filed                          LL    k-    k-    k-    k-    k-    k-    0-    k-    x-    x-    x-    x-
plan:picture_remove@filed                   LL    -p    -p    -p    -p    -p    -0    -0    -p    -x    -x    -x    -x
plan:picture_add@filed                      LL    -p    -p    -p    -p    -p    -0    -0    -p    -x    -x    -x    -x
plan:picture@draft                          LL    0-    k-    k-    k-    0-    0-    0-    0-    x-    x-    x-    x-
plan:picture_remove@draft                   LL    -0    -r    -r    -r    -0    -0    -0    -0    -x    -x    -x    -x
plan:picture_add@draft                      LL    -0    -r    -r    -r    -0    -0    -0    -0    -x    -x    -x    -x
plan:picture_add@members_paper_draft        LL    -0    -0    -0    -0    -r    -0    -0    -0    -x    -x    -x    -x
plan:picture_answer@filed                   LL    -p    -p    -p    -p    -p    -0    -0    -p    -x    -x    -x    -x
plan:picture_answer@draft                   LL    -0    -r    -r    -r    -0    -0    -0    -0    -x    -x    -x    -x
plan:attachment@filed                       LL    k-    k-    k-    k-    k-    0-    0-    k-    x-    x-    x-    x-
plan:attachment_remove@filed                LL    -p    -p    -p    -p    -p    -0    -0    -p    -x    -x    -x    -x
plan:attachment_add@filed                   LL    -p    -p    -p    -p    -p    -0    -0    -p    -x    -x    -x    -x
plan:attachment@draft                       LL    0-    k-    k-    k-    0-    0-    0-    0-    x-    x-    x-    x-
plan:attachment_remove@draft                LL    -0    -r    -r    -r    -0    -0    -0    -0    -x    -x    -x    -x
plan:attachment_add@draft                   LL    -0    -r    -r    -r    -0    -0    -0    -0    -x    -x    -x    -x
plan:paper_new@branch                       LL    pp    ku    ku    ku    pp    00    00    pp    xx    xx    xx    xx
plan:paper_new@member                       LL    pp    pp    pp    pp    rr    00    00    pp    xx    xx    xx    xx
plan:paper_new@committee                    LL    rr    00    00    00    00    00    00    pp    xx    xx    xx    xx
plan:paper_edit@filed                       LL    rr    rr    rr    rr    rr    00    00    rr    xx    xx    xx    xx
plan:paper_edit@draft                       LL    00    ku    ku    ku    00    00    00    00    xx    xx    xx    xx
plan:paper_edit@members_draft               LL    00    00    00    00    ku    00    00    00    xx    xx    xx    xx
# study: plans and gatherings
#                                           anon  offi  secr  depu  comm  memb  osec  omem  insp  audi  sysa  secu  none
study:member_plan                           LL    k-    k-    k-    k-    k-    k-    k-    k-    x-    x-    x-    x-
study:member_plan_begin                     LL    -p    -r    -r    -r    -r    -r    -r    -p    -x    -x    -x    -x
study:plan_review                           LL    xx    kr    kr    xx    xx    kr    xx    xx    xx    xx    xx    xx
study:member_progress                       LL    x-    k-    k-    k-    x-    k-    x-    x-    x-    x-    x-    x-
study:material_list                         LL    k-    k-    k-    k-    k-    k-    k-    k-    x-    x-    x-    x-
study:material_new                          LL    ku    xx    xx    xx    xx    xx    xx    xx    xx    xx    xx    xx
study:material_detail                       LL    k-    k-    k-    k-    k-    k-    k-    k-    x-    x-    x-    x-
study:material_file                         LL    k-    k-    k-    k-    k-    k-    k-    k-    x-    x-    x-    x-
study:material_edit                         LL    ku    xx    xx    xx    xx    xx    xx    xx    xx    xx    xx    xx
study:material_retire                       LL    -r    -x    -x    -x    -x    -x    -x    -x    -x    -x    -x    -x
study:reading_detail                        LL    k-    k-    k-    k-    k-    k-    k-    k-    x-    x-    x-    x-
study:gathering_list                        LL    k-    k-    k-    k-    k-    k-    k-    k-    x-    x-    x-    x-
study:gathering_new                         LL    xx    ku    ku    ku    xx    ku    xx    xx    xx    xx    xx    xx
study:gathering_edit@filed                  LL    xx    rr    rr    rr    xx    00    xx    xx    xx    xx    xx    xx
study:gathering_edit@draft                  LL    xx    ku    ku    ku    xx    00    xx    xx    xx    xx    xx    xx
study:branch_plan                           LL    k-    k-    k-    k-    k-    0-    0-    k-    x-    x-    x-    x-
study:branch_plan_begin                     LL    -x    -r    -r    -r    -x    -0    -x    -x    -x    -x    -x    -x
study:branch_plan_edit@filed                LL    xx    rr    rr    rr    xx    00    xx    xx    xx    xx    xx    xx
study:plan_item_new@filed                   LL    xx    rr    rr    rr    xx    00    xx    xx    xx    xx    xx    xx
study:plan_item_edit@filed                  LL    xx    rr    rr    rr    xx    00    xx    xx    xx    xx    xx    xx
study:plan_item_remove@filed                LL    -x    -r    -r    -r    -x    -0    -x    -x    -x    -x    -x    -x
study:branch_plan_edit@draft                LL    xx    ku    ku    ku    xx    00    xx    xx    xx    xx    xx    xx
study:plan_item_new@draft                   LL    xx    ku    ku    ku    xx    00    xx    xx    xx    xx    xx    xx
study:plan_item_edit@draft                  LL    xx    ku    ku    ku    xx    00    xx    xx    xx    xx    xx    xx
study:plan_item_remove@draft                LL    -x    -r    -r    -r    -x    -0    -x    -x    -x    -x    -x    -x
study:plan_item_move@filed                  LL    -x    -r    -r    -r    -x    -0    -x    -x    -x    -x    -x    -x
study:plan_item_move@draft                  LL    -x    -r    -r    -r    -x    -0    -x    -x    -x    -x    -x    -x
study:branch_plan_adjust@sent               LL    -x    -r    -r    -p    -x    -0    -x    -x    -x    -x    -x    -x
study:branch_plan_adjust@draft              LL    -x    -r    -r    -r    -x    -0    -x    -x    -x    -x    -x    -x
study:plan_table@filed                      LL    xx    rr    rr    rr    xx    00    xx    xx    xx    xx    xx    xx
study:plan_table@draft                      LL    xx    ku    ku    ku    xx    00    xx    xx    xx    xx    xx    xx
study:plan_xlsx@filed                       LL    k-    k-    k-    k-    k-    0-    0-    k-    x-    x-    x-    x-
study:plan_xlsx@draft                       LL    0-    k-    k-    k-    0-    0-    0-    0-    x-    x-    x-    x-
study:plan_template@filed                   LL    x-    k-    k-    k-    x-    0-    x-    x-    x-    x-    x-    x-
study:plan_import@filed                     LL    xx    rr    rr    rr    xx    00    xx    xx    xx    xx    xx    xx
study:plan_import@draft                     LL    xx    ku    ku    ku    xx    00    xx    xx    xx    xx    xx    xx
study:member_plan_edit@filed                LL    pp    pp    pp    pp    rr    00    00    pp    xx    xx    xx    xx
study:member_plan_redraft@filed             LL    pp    pp    pp    pp    rr    00    00    pp    xx    xx    xx    xx
study:week_done@filed                       LL    -p    -p    -p    -p    -r    -0    -0    -p    -x    -x    -x    -x
study:member_plan_edit@draft                LL    00    00    00    00    ku    00    00    00    xx    xx    xx    xx
study:member_plan_redraft@draft             LL    00    00    00    00    ku    00    00    00    xx    xx    xx    xx
study:week_done@draft                       LL    -0    -0    -0    -0    -r    -0    -0    -0    -x    -x    -x    -x
study:make_ups                              LL    kx    ku    ku    ku    xx    ku    xx    xx    xx    xx    xx    xx
study:follow_ups                            LL    k-    k-    k-    k-    k-    k-    k-    k-    x-    x-    x-    x-
study:follow_up_done                        LL    -0    -r    -r    -r    -r    -0    -0    -0    -x    -x    -x    -x
study:calendar                              LL    k-    k-    k-    k-    k-    0-    0-    k-    x-    x-    x-    x-
# commitments: writing pledges, and the gate
#                                           anon  offi  secr  depu  comm  memb  osec  omem  insp  audi  sysa  secu  none
commitments:pledge_list                     LL    k-    k-    k-    k-    k-    k-    k-    k-    x-    x-    x-    x-
commitments:pledge_new@own                  LL    xx    rr    ku    ku    rr    rr    ku    xx    xx    xx    xx    xx
commitments:pledge_new@duty                 LL    xx    ku    ku    ku    pp    00    00    xx    xx    xx    xx    xx
commitments:pledge_hints                    LL    -x    -k    -k    -k    -k    -k    -k    -x    -x    -x    -x    -x
commitments:pledge_edit@filed               LL    rr    rr    rr    rr    00    00    00    rr    xx    xx    xx    xx
commitments:pledge_edit@draft               LL    00    00    00    00    ku    00    00    00    xx    xx    xx    xx
commitments:pledge_gate@waiting             LL    pp    pp    kr    xx    xx    00    xx    xx    xx    xx    xx    xx
# study: the mobile branch
#                                           anon  offi  secr  depu  comm  memb  osec  omem  insp  audi  sysa  secu  none
study:push_list                             LL    k-    k-    k-    k-    k-    k-    k-    k-    x-    x-    x-    x-
study:push_new                              LL    ku    ku    ku    ku    xx    ku    xx    xx    xx    xx    xx    xx
study:push_detail@draft                     LL    0-    k-    k-    k-    0-    0-    0-    0-    x-    x-    x-    x-
study:push_edit@draft                       LL    00    ku    ku    ku    xx    00    xx    xx    xx    xx    xx    xx
study:push_publish@draft                    LL    -0    -r    -r    -r    -x    -0    -x    -x    -x    -x    -x    -x
study:push_withdraw@draft                   LL    -0    -r    -r    -r    -x    -0    -x    -x    -x    -x    -x    -x
study:push_done@draft                       LL    -0    -p    -p    -p    -0    -0    -0    -0    -x    -x    -x    -x
study:push_file@draft                       LL    0-    k-    k-    k-    0-    0-    0-    0-    x-    x-    x-    x-
study:push_detail@out                       LL    k-    k-    k-    k-    k-    0-    0-    k-    x-    x-    x-    x-
study:push_edit@out                         LL    pp    rr    rr    rr    xx    00    xx    xx    xx    xx    xx    xx
study:push_publish@out                      LL    -p    -r    -r    -r    -x    -0    -x    -x    -x    -x    -x    -x
study:push_withdraw@out                     LL    -p    -r    -r    -r    -x    -0    -x    -x    -x    -x    -x    -x
study:push_done@out                         LL    -p    -r    -r    -r    -r    -0    -0    -p    -x    -x    -x    -x
study:push_file@out                         LL    k-    k-    k-    k-    k-    0-    0-    k-    x-    x-    x-    x-
study:push_detail@committee                 LL    k-    k-    k-    k-    k-    k-    k-    k-    x-    x-    x-    x-
study:push_edit@committee                   LL    rr    pp    pp    pp    xx    pp    xx    xx    xx    xx    xx    xx
study:push_publish@committee                LL    -r    -p    -p    -p    -x    -p    -x    -x    -x    -x    -x    -x
study:push_withdraw@committee               LL    -r    -p    -p    -p    -x    -p    -x    -x    -x    -x    -x    -x
study:push_done@committee                   LL    -p    -r    -r    -r    -r    -r    -r    -p    -x    -x    -x    -x
study:delivery_again                        LL    -p    -r    -r    -r    -x    -0    -x    -x    -x    -x    -x    -x
study:channel_list                          LL    k-    k-    k-    x-    x-    k-    x-    x-    x-    x-    x-    x-
study:channel_new                           LL    ss    ss    ss    xx    xx    ss    xx    xx    xx    xx    xx    xx
study:channel_test@branch                   LL    -0    -r    -r    -x    -x    -0    -x    -x    -x    -x    -x    -x
study:channel_reminds@branch                LL    -0    -r    -r    -x    -x    -0    -x    -x    -x    -x    -x    -x
study:channel_end@branch                    LL    -0    -r    -r    -x    -x    -0    -x    -x    -x    -x    -x    -x
study:channel_test@committee                LL    -r    -0    -0    -x    -x    -0    -x    -x    -x    -x    -x    -x
study:channel_reminds@committee             LL    -r    -0    -0    -x    -x    -0    -x    -x    -x    -x    -x    -x
study:channel_end@committee                 LL    -r    -0    -0    -x    -x    -0    -x    -x    -x    -x    -x    -x
study:partners@filed                        LL    xx    ku    ku    ku    xx    00    xx    xx    xx    xx    xx    xx
study:partners@draft                        LL    xx    ku    ku    ku    xx    00    xx    xx    xx    xx    xx    xx
study:joint_edit                            LL    xx    00    00    00    xx    kr    xx    xx    xx    xx    xx    xx
study:check_in@filed                        LL    xx    ku    ku    ku    xx    00    xx    xx    xx    xx    xx    xx
study:check_in@draft                        LL    xx    ku    ku    ku    xx    00    xx    xx    xx    xx    xx    xx
study:check_in_state@draft                  LL    x-    k-    k-    k-    x-    0-    x-    x-    x-    x-    x-    x-
study:sign_in                               LL    00    ku    ku    ku    ku    pp    pp    00    xx    xx    xx    xx
study:calendar_feed                         LL    kk    kk    kk    kk    kk    kk    kk    kk    xx    xx    xx    xx
study:feed@unknown                          0-    0-    0-    0-    0-    0-    0-    0-    0-    0-    0-    0-    0-
# commitments: pioneer posts
#                                           anon  offi  secr  depu  comm  memb  osec  omem  insp  audi  sysa  secu  none
commitments:post_list                       LL    k-    k-    k-    k-    k-    k-    k-    k-    x-    x-    x-    x-
commitments:post_new                        LL    xx    ku    ku    ku    xx    ku    xx    xx    xx    xx    xx    xx
commitments:post_register                   LL    k-    k-    k-    k-    k-    0-    0-    k-    x-    x-    x-    x-
commitments:post_detail                     LL    k-    k-    k-    k-    k-    0-    0-    k-    x-    x-    x-    x-
commitments:post_edit                       LL    xx    ku    ku    ku    xx    00    xx    xx    xx    xx    xx    xx
commitments:post_close                      LL    -x    -u    -u    -u    -x    -0    -x    -x    -x    -x    -x    -x
commitments:rotation_draft                  LL    xx    kk    kk    kk    xx    00    xx    xx    xx    xx    xx    xx
commitments:term_begin@planned              LL    -x    -r    -r    -r    -x    -0    -x    -x    -x    -x    -x    -x
commitments:term_end@running                LL    -x    -u    -u    -u    -x    -0    -x    -x    -x    -x    -x    -x
commitments:term_handover@running           LL    -p    -u    -u    -u    -u    -0    -0    -p    -x    -x    -x    -x
commitments:nomination_list                 LL    k-    k-    k-    k-    k-    k-    k-    k-    x-    x-    x-    x-
commitments:nomination_new                  LL    pp    ku    ku    ku    ku    ku    ku    pp    xx    xx    xx    xx
commitments:nomination_detail@asked         LL    k-    k-    k-    k-    0-    0-    0-    k-    x-    x-    x-    x-
commitments:nomination_decide@asked         LL    -p    -u    -u    -x    -x    -0    -x    -x    -x    -x    -x    -x
commitments:nomination_withdraw@asked       LL    -p    -u    -u    -u    -0    -0    -0    -p    -x    -x    -x    -x
commitments:nomination_willing@asked        LL    -p    -r    -r    -r    -0    -0    -0    -p    -x    -x    -x    -x
commitments:nomination_picture@asked        LL    k-    k-    k-    k-    0-    0-    0-    k-    x-    x-    x-    x-
commitments:nomination_detail@accepted      LL    k-    k-    k-    k-    k-    0-    0-    k-    x-    x-    x-    x-
commitments:nomination_withdraw@accepted    LL    -p    -u    -u    -u    -u    -0    -0    -p    -x    -x    -x    -x
commitments:nomination_willing@accepted     LL    -p    -r    -r    -r    -r    -0    -0    -p    -x    -x    -x    -x
commitments:nomination_picture@accepted     LL    k-    k-    k-    k-    k-    0-    0-    k-    x-    x-    x-    x-
# commitments: a pledge's life after approval, and the wall (H2). The member's pledge, shown; another of the member's,
# judged; and one that the branch is still gating.
#                                           anon  offi  secr  depu  comm  memb  osec  omem  insp  audi  sysa  secu  none
commitments:pledge_wall                     LL    k-    k-    k-    k-    k-    k-    k-    k-    x-    x-    x-    x-
commitments:pledge_detail@shown             LL    k-    k-    k-    k-    k-    0-    0-    k-    x-    x-    x-    x-
commitments:pledge_detail@gated             LL    k-    k-    k-    k-    k-    0-    0-    k-    x-    x-    x-    x-
commitments:pledge_of@shown                 LL    r-    r-    r-    r-    r-    0-    0-    r-    x-    x-    x-    x-
commitments:pledge_step@shown               LL    -p    -r    -r    -p    -p    -0    -0    -p    -x    -x    -x    -x
commitments:pledge_step@judged              LL    -p    -u    -u    -p    -p    -0    -0    -p    -x    -x    -x    -x
commitments:pledge_say@judged               LL    -p    -u    -u    -u    -p    -0    -0    -p    -x    -x    -x    -x
commitments:question_new@shown              LL    -p    -u    -u    -u    -p    -0    -0    -p    -x    -x    -x    -x
commitments:question_answer@shown           LL    -p    -p    -p    -p    -u    -0    -0    -p    -x    -x    -x    -x
commitments:progress_new@shown              LL    -p    -p    -p    -p    -u    -0    -0    -p    -x    -x    -x    -x
commitments:progress_picture@shown          LL    k-    k-    k-    k-    k-    0-    0-    k-    x-    x-    x-    x-
# commitments: boards on paper and on the wall
#                                           anon  offi  secr  depu  comm  memb  osec  omem  insp  audi  sysa  secu  none
commitments:boards@own                      LL    k-    k-    k-    k-    k-    k-    k-    k-    x-    x-    x-    x-
commitments:boards@first                    LL    k-    k-    k-    k-    k-    0-    0-    k-    x-    x-    x-    x-
commitments:screen@own                      LL    k-    k-    k-    k-    k-    k-    k-    k-    x-    x-    x-    x-
commitments:screen@first                    LL    k-    k-    k-    k-    k-    0-    0-    k-    x-    x-    x-    x-
commitments:boards_pdf                      LL    k-    k-    k-    k-    p-    0-    0-    p-    x-    x-    x-    x-
commitments:board_pdf@member                LL    k-    k-    k-    k-    k-    0-    0-    p-    x-    x-    x-    x-
commitments:board_pdf@branch                LL    k-    k-    k-    k-    p-    0-    0-    p-    x-    x-    x-    x-
commitments:board_png@member                LL    k-    k-    k-    k-    k-    0-    0-    p-    x-    x-    x-    x-
commitments:board_png@branch                LL    k-    k-    k-    k-    p-    0-    0-    p-    x-    x-    x-    x-
commitments:post_board_pdf                  LL    k-    k-    k-    k-    k-    0-    0-    k-    x-    x-    x-    x-
commitments:term_certificate                LL    k-    k-    k-    k-    k-    0-    0-    k-    x-    x-    x-    x-
# commitments: activity weeks and features (H5)
#                                           anon  offi  secr  depu  comm  memb  osec  omem  insp  audi  sysa  secu  none
commitments:week_list                       LL    k-    k-    k-    k-    k-    k-    k-    k-    x-    x-    x-    x-
commitments:week_new                        LL    xx    ku    ku    ku    xx    ku    xx    xx    xx    xx    xx    xx
commitments:week_new@duty                   LL    xx    ku    ku    ku    xx    00    xx    xx    xx    xx    xx    xx
commitments:week_edit@kept                  LL    xx    rr    rr    rr    xx    00    xx    xx    xx    xx    xx    xx
commitments:week_edit@draft                 LL    xx    ku    ku    ku    xx    00    xx    xx    xx    xx    xx    xx
commitments:feature_list                    LL    k-    k-    k-    k-    k-    k-    k-    k-    x-    x-    x-    x-
commitments:feature_new                     LL    xx    ku    ku    ku    xx    ku    xx    xx    xx    xx    xx    xx
commitments:feature_detail                  LL    k-    k-    k-    k-    k-    0-    0-    k-    x-    x-    x-    x-
commitments:feature_edit                    LL    xx    ku    ku    ku    xx    00    xx    xx    xx    xx    xx    xx
commitments:feature_remove                  LL    xx    kr    kr    kr    xx    00    xx    xx    xx    xx    xx    xx
commitments:feature_picture                 LL    k-    k-    k-    k-    k-    0-    0-    k-    x-    x-    x-    x-
"""


def expected() -> dict[str, dict[str, str]]:
    """The table, read: case → actor → what GET and POST answer."""
    found = {}
    for line in TABLE.strip().splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            name, *cells = line.split()
            assert len(cells) == len(ACTORS), name
            assert name not in found, name
            found[name] = dict(zip(ACTORS, cells, strict=True))
    return found


def shut(who: str) -> set[str]:
    """The cases at which the door itself stops this actor's GET: no view runs, so there is nothing to be read there.

    That it does is what the table's own test asks, of every one of them.
    """
    return {name for name, row in expected().items() if row[who][0] in "Lx-"}


def addresses(o: Records) -> dict[str, tuple[str, dict[str, Any]]]:
    """Every case of the table: its address, and what is posted there."""
    member, other = o.world.member("member"), o.world.member("other_member")
    first, plan = o.world.first, o.world.plan
    assert plan is not None
    item, item_draft = o.branch_plan.items.get(), o.branch_plan_draft.items.get()
    week, week_draft = o.member_plan.weeks.get(), o.member_plan_draft.weeks.get()
    filings = {
        "gathering": o.gathering.filing, "gathering_draft": o.gathering_draft.filing,
        "branch_plan": o.branch_plan.filing, "member_plan": o.member_plan.filing,
        "member_plan_draft": o.member_plan_draft.filing, "paper": o.paper,
        "members_paper_draft": o.members_paper_draft, "committees_paper_draft": o.committees_paper_draft,
    }  # fmt: skip
    found: dict[str, tuple[str, dict[str, Any]]] = {}

    def case(name: str, *args: Any, query: str = "", post: dict[str, Any] | None = None) -> None:
        found[name] = (reverse(name.partition("@")[0], args=args) + query, post or {})

    for name in (
        "manifest", "service_worker", "offline", "study:push_list", "study:push_new", "study:channel_list",
        "study:channel_new",
        "home", "healthz", "gallery", "branches:login", "branches:logout", "branches:account", "branches:password",
        "home", "healthz", "gallery", "branches:login", "branches:login_again", "branches:logout", "branches:account",
        "branches:password",
        "branches:own_contact", "branches:who_sees_me", "branches:member_find",
        "branches:member_duplicates",
        "branches:sudo", "branches:privacy", "branches:activate", "branches:own_history", "branches:login_code",
        "branches:totp", "branches:recovery_codes", "branches:totp_off", "branches:unsent", "branches:sessions_end",
        "branches:security_list",
        "branches:sso_begin", "branches:sso_back", "branches:sso_logout", "branches:sso_ended",
        "branches:audit_log", "branches:audit_xlsx", "branches:audit_verify",
        "branches:organization", "branches:committee_new", "branches:branch_list", "branches:branch_new",
        "branches:member_list", "branches:member_new",
        "branches:committee_posts", "branches:grants", "branches:roster_template", "branches:roster_import",
        "branches:user_list",
        "plan:plan_list", "plan:plan_upload", "plan:plan_start", "plan:board", "plan:board_xlsx", "plan:duty_list",
        "plan:duty_xlsx", "plan:board_docx", "plan:heat", "plan:intray", "plan:filing_list", "plan:log",
        "study:member_plan",
        "study:member_plan_begin", "study:plan_review", "study:member_progress", "study:gathering_list",
        "study:gathering_new", "study:material_list", "study:material_new", "todo", "plan:rhythm",
        "study:gathering_new", "study:material_list", "study:material_new",
        "inbox:message_list", "inbox:messages_read", "inbox:preference", "inbox:sending_list", "inbox:sendings_again",
        "plan:reminder_policy",
    ):  # fmt: skip
        case(name)
    case("branches:sso_failed", "nobody")
    case("plan:relief_list")
    case("plan:relief_new")
    case("plan:relief_new@duty", query=f"?duty={o.duty.pk}")
    case("plan:relief_detail", o.relief.pk)
    for name in ("grant", "withdraw", "unknown"):
        case(f"plan:relief_move@{name}", o.relief.pk, post={"name": name})
    case("plan:view_save", post={"page": "duties", "name": "七月", "query": "month=7"})
    case("plan:view_remove@member", o.saved_view.pk)
    case("plan:workdays", post={"from_on": "2018-07-20", "until_on": "2018-08-25", "works": "0", "name": "暑假"})
    case("plan:lead_time", post={"code": "I3", "days": "20"})
    case("checkup")
    case("checkup_xlsx")
    case("checkup_rule", "no-secretary")
    case("plan:workdays", post={"from_on": "2018-07-20", "until_on": "2018-08-25", "works": "0", "name": "暑假"})
    case("plan:workdays_notice")
    case("branches:committee_edit", o.world.committee.pk)
    for name in ("handover_pack", "handover_docx"):
        case(name, first.pk, o.branch_post.from_on.isoformat())
    for name in ("branches:branch_detail", "branches:branch_edit", "branches:handover", "branches:user_open_branch"):
        case(name, first.pk)
    for name in ("branches:member_detail", "branches:member_edit", "branches:member_transfer"):
        case(f"{name}@member", member.pk)
        case(f"{name}@other_member", other.pk)
    case("branches:member_pair", member.pk, other.pk)
    case("branches:member_reveal@member", member.pk, "id_number")
    case("branches:member_reveal@other_member", other.pk, "phone")
    case("branches:session_end@member", o.login.pk)
    for name in ("branches:security_end", "branches:security_lift", "branches:security_totp_off"):
        case(name, o.world.users["member"].pk)
    case("branches:user_open", member.pk)
    case("branches:user_pause", member.pk, post={"action": "pause"})
    case("branches:grant_end@other", o.world.member("office").posts.get().pk)
    case("branches:grant_end@own", o.world.member("security").posts.get().pk)
    case("branches:post_end@branch", o.branch_post.pk)
    case("branches:post_end@committee", o.committee_post.pk)
    case("branches:roster_export@all")
    case("branches:roster_export@first", query=f"?branch={first.pk}")
    for name in ("preview", "columns", "progress", "restart", "commit", "errors"):
        case(f"branches:roster_{name}", o.roster_import.pk)
    case("jobs:job_list")
    for name in ("detail", "progress", "retry"):
        case(f"jobs:job_{name}", o.job.pk)
    for name in (
        "plan:plan_detail", "plan:plan_preview", "plan:plan_issue", "plan:plan_copy", "plan:plan_edit",
        "plan:plan_settings", "plan:plan_delete", "plan:plan_download", "plan:requirement_new",
    ):  # fmt: skip
        case(f"{name}@issued", plan.pk)
        case(f"{name}@draft", o.draft.pk)
    case("plan:requirement_edit", o.draft.pk, "S1")
    case("plan:requirement_remove", o.draft.pk, "S1")
    case("plan:requirement_detail", o.requirement.pk)
    case("plan:duty_detail@branch", o.duty.pk)
    case("plan:duty_detail@member", o.members_duty.pk)
    case("plan:duty_detail@committee", o.committees_duty.pk)
    for kind, filing in filings.items():
        move = "discard" if filing.state == "draft" else "approve" if kind == "member_plan" else "receive"
        case(f"plan:filing_detail@{kind}", filing.pk)
        case(f"plan:filing_move@{kind}", filing.pk, post={"name": move})
        case(f"plan:filing_versions@{kind}", filing.pk)
        case(f"plan:filing_docx@{kind}", filing.pk)
    case("plan:filing_move@unknown", o.gathering.filing_id, post={"name": "steal"})
    for state, gathering in (("filed", o.gathering), ("draft", o.gathering_draft)):
        case(f"plan:picture@{state}", gathering.filing.pictures.get().pk, "full")
        case(f"plan:picture_remove@{state}", gathering.filing.pictures.get().pk)
        case(f"plan:picture_add@{state}", gathering.filing_id)
        case(f"plan:picture_answer@{state}", gathering.filing.pictures.get().pk, post={"answer": "同一次活动"})
        case(f"plan:attachment@{state}", gathering.filing.attachments.get().pk)
        case(f"plan:attachment_remove@{state}", gathering.filing.attachments.get().pk)
        case(f"plan:attachment_add@{state}", gathering.filing_id)
        case(f"study:gathering_edit@{state}", gathering.pk)
    case("plan:picture_add@members_paper_draft", o.members_paper_draft.pk)
    case("plan:paper_new@branch", query=f"?duty={o.duty.pk}")
    case("plan:paper_new@member", query=f"?duty={o.members_duty.pk}")
    case("plan:paper_new@committee", query=f"?duty={o.committees_duty.pk}")
    case("plan:paper_edit@filed", o.paper.paper.pk)
    case("plan:paper_edit@draft", o.paper_draft.paper.pk)
    case("plan:paper_edit@members_draft", o.members_paper_draft.paper.pk)
    case("study:branch_plan", query=f"?branch={first.pk}")
    case("study:branch_plan_begin", post={"branch": first.pk})
    for state, record, line in (("filed", o.branch_plan, item), ("draft", o.branch_plan_draft, item_draft)):
        case(f"study:branch_plan_edit@{state}", record.pk)
        case(f"study:plan_item_new@{state}", record.pk)
        case(f"study:plan_item_edit@{state}", line.pk)
        case(f"study:plan_item_remove@{state}", line.pk)
        case(f"study:plan_item_move@{state}", line.pk)
        # What was filed is taken back here on purpose: not among those that nobody changes.
        name = "study:branch_plan_adjust@" + ("sent" if state == "filed" else "draft")
        case(name, record.pk, post={"note": "调整", "edition": record.filing.edition})
        for name in ("plan_table", "plan_xlsx", "plan_import"):
            case(f"study:{name}@{state}", record.pk)
    case("study:plan_template@filed", o.branch_plan.pk)
    for state, own, lived in (("filed", o.member_plan, week), ("draft", o.member_plan_draft, week_draft)):
        case(f"study:member_plan_edit@{state}", own.pk)
        case(f"study:member_plan_redraft@{state}", own.pk)
        case(f"study:week_done@{state}", lived.pk)
    for name in ("inbox:message_detail", "inbox:message_read"):
        case(name, o.message.pk)
    case("inbox:sending_again", o.sending.pk)
    case("study:make_ups")
    case("study:follow_ups")
    done = {"on": "2018-07-03", "note": "已完成。"}
    case("study:follow_up_done", o.gathering.resolutions.get().pk, post=done)
    case("study:calendar", query=f"?branch={first.pk}")
    for name in ("study:material_detail", "study:material_file", "study:material_edit", "study:material_retire"):
        case(name, o.material.pk)
    case("study:reading_detail", plan.readings.earliest("position").pk)
    for state, push in (("draft", o.pushed.draft), ("out", o.pushed.out), ("committee", o.pushed.committee)):
        for name in ("push_detail", "push_edit", "push_publish", "push_withdraw", "push_done"):
            posted = {"edition": push.edition} if name == "push_publish" else {}
            case(f"study:{name}@{state}", push.pk, post=posted)
        if state != "committee":
            case(f"study:push_file@{state}", push.files.get().pk, "full")
    case("study:delivery_again", o.pushed.failed.pk)
    for whose, channel in (("branch", o.pushed.channel), ("committee", o.pushed.committees_channel)):
        case(f"study:channel_test@{whose}", channel.pk)
        case(f"study:channel_reminds@{whose}", channel.pk)
        case(f"study:channel_end@{whose}", channel.pk)
    for state, gathering in (("filed", o.gathering), ("draft", o.gathering_draft)):
        case(f"study:partners@{state}", gathering.pk)
        case(f"study:check_in@{state}", gathering.pk, post={"action": "open", "minutes": "5"})
    case("study:joint_edit", o.partner.pk, post={"action": "save", "edition": "0"})
    case("study:check_in_state@draft", o.gathering_draft.pk)
    case("study:sign_in", o.check_in.nonce)
    case("study:calendar_feed", post={"action": "renew"})
    case("study:feed@unknown", "nobody-has-this-secret")
    # commitments: pioneer posts
    for name in ("post_list", "post_new", "nomination_list", "nomination_new"):
        case(f"commitments:{name}")
    for name in ("post_register", "rotation_draft"):
        case(f"commitments:{name}", query=f"?branch={first.pk}")
    for name in ("post_detail", "post_edit", "post_close"):
        case(f"commitments:{name}", o.stood.post.pk)
    case("commitments:term_begin@planned", o.stood.planned.pk)
    for name in ("term_end", "term_handover"):
        case(f"commitments:{name}@running", o.stood.running.pk)
    for state, one in (("asked", o.stood.asked), ("accepted", o.stood.accepted)):
        for name in ("detail", "withdraw", "willing"):
            case(f"commitments:nomination_{name}@{state}", one.pk)
        case(f"commitments:nomination_picture@{state}", one.pk, "full")
    case("commitments:nomination_decide@asked", o.stood.asked.pk)
    # commitments: a pledge's life after approval, and the wall (H2)
    live = o.pledges
    case("commitments:pledge_wall")
    case("commitments:pledge_detail@shown", live.shown.pk)
    case("commitments:pledge_detail@gated", live.gated.pk)
    case("commitments:pledge_of@shown", live.shown.filing_id)
    case("commitments:pledge_step@shown", live.shown.pk, post={"name": "judge"})
    case("commitments:pledge_step@judged", live.judged.pk, post={"name": "decide"})
    case("commitments:pledge_say@judged", live.judged.pk)
    case("commitments:question_new@shown", live.shown.pk)
    case("commitments:question_answer@shown", live.question.pk)
    case("commitments:progress_new@shown", live.progress.item_id)
    case("commitments:progress_picture@shown", live.progress.pk, "full")
    # commitments: writing pledges, and the gate
    case("commitments:pledge_list")
    case("commitments:pledge_new@own")
    case("commitments:pledge_new@duty", query=f"?duty={o.pledges_duty.pk}")
    case("commitments:pledge_hints")
    case("commitments:pledge_edit@filed", o.pledge.pledge.pk)
    case("commitments:pledge_edit@draft", o.pledge_draft.pledge.pk)
    back = {"action": "send_back", "note": "请写具体。", "edition": o.pledge.edition}
    case("commitments:pledge_gate@waiting", o.pledge.pledge.pk, post=back)
    # Boards on paper and on the wall.
    for name in ("commitments:boards", "commitments:screen"):
        case(f"{name}@own")
        case(f"{name}@first", query=f"?branch={first.pk}")
    case("commitments:boards_pdf", first.pk, "desk")
    for whose, pledge in (("member", o.hung.pledge), ("branch", o.hung.branch_pledge)):
        case(f"commitments:board_pdf@{whose}", pledge.pk, "desk")
        case(f"commitments:board_png@{whose}", pledge.pk, "desk")
    case("commitments:post_board_pdf", o.hung.post.pk, "desk")
    case("commitments:term_certificate", o.hung.term.pk)
    # commitments: activity weeks and features (H5)
    july = Duty.objects.get(code="C5", branch=first, period="7月")
    for name in ("week_list", "week_new", "feature_list", "feature_new"):
        case(f"commitments:{name}")
    case("commitments:week_new@duty", query=f"?duty={july.pk}")
    case("commitments:week_edit@kept", o.weeks.kept.pk)
    case("commitments:week_edit@draft", o.weeks.draft.pk)
    for name in ("feature_detail", "feature_edit", "feature_remove"):
        case(f"commitments:{name}", o.weeks.feature.pk)
    case("commitments:feature_picture", o.weeks.picture.pk, "full")
    return found


def routes() -> set[str]:
    """The names of all addresses of the portal, with their namespaces."""

    def names(patterns: list[Any], space: str) -> Iterator[str]:
        for pattern in patterns:
            if isinstance(pattern, URLResolver):
                yield from names(pattern.url_patterns, f"{space}{pattern.namespace}:" if pattern.namespace else space)
            else:
                assert isinstance(pattern, URLPattern) and pattern.name, pattern
                yield f"{space}{pattern.name}"

    return set(names(get_resolver().url_patterns, ""))


# What was written


# What is refused is told there, and nowhere else.
TOLD_IN = (AuditEvent, AuditHead)


def tables() -> dict[str, str]:
    """A digest of each table of the portal's own: its rows, all of them, as they are."""
    found = {}
    with connection.cursor() as cursor:
        for label in ("branches", "inbox", "plan", "study", "commitments"):
            for model in apps.get_app_config(label).get_models(include_auto_created=True):
                if model in TOLD_IN:
                    continue
                rows = hashlib.sha256()
                cursor.execute(f"SELECT * FROM {model._meta.db_table} ORDER BY id")  # noqa: S608 — our own tables
                for row in cursor:
                    rows.update(repr(row).encode())
                found[model._meta.label] = rows.hexdigest()
    return found


def evidence() -> set[Path]:
    """The files of the evidence storage."""
    return set((Path(settings.MEDIA_ROOT) / "evidence").rglob("*.jpg"))


@contextmanager
def watched() -> Iterator[list[str]]:
    """The statements that write, as they are sent; only then are the tables worth comparing."""
    sent: list[str] = []
    aside = ('"django_session"', *(f'"{model._meta.db_table}"' for model in TOLD_IN))

    def look(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        verb, _, rest = sql.lstrip().partition(" ")
        into = rest.removeprefix("INTO ").removeprefix("FROM ").removeprefix("OR IGNORE INTO ")
        if verb.upper() in ("INSERT", "UPDATE", "DELETE", "REPLACE") and not into.lstrip().startswith(aside):
            sent.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(look):
        yield sent


# One answer


@pytest.fixture(scope="module")
def built(django_db_setup, django_db_blocker) -> Iterator[Records]:
    """The records, made once for all tests of this file and taken back after the last of them."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield make_records()
        transaction.set_rollback(True)


@pytest.fixture
def records(built: Records, db, clock) -> Records:
    """The records as they were made: what a test writes is taken back at its end."""
    clock(NOW)
    return built


@pytest.fixture
def stopped(monkeypatch) -> list[bool]:
    """Whether the door stopped the request before any view ran; emptied and read by `answer`."""
    seen: list[bool] = []
    asked = GuardMiddleware.process_view

    def look(self: GuardMiddleware, *args: Any) -> HttpResponse | None:
        response = asked(self, *args)
        seen.append(response is not None)
        return response

    monkeypatch.setattr(GuardMiddleware, "process_view", look)
    return seen


@pytest.fixture
def plain(monkeypatch) -> None:
    """Refusals without their page: that it is refused is asked thousands of times, what the page says elsewhere."""

    def said(status: int) -> Callable[..., HttpResponse]:
        return lambda request, exception: HttpResponse(status=status)

    for status in (403, 404):
        monkeypatch.setattr(f"config.urls.handler{status}", said(status), raising=False)


# What the cells with an s answer to whoever gave the password just now.
AFTER_SUDO = {
    "branches:grants": {"security": "kk"},
    # Who moves a committee under another gives that one's office the sight of it.
    "branches:committee_edit": {"office": "kk", "sysadmin": "kk"},
    "branches:grant_end@other": {"security": "kk"},
    "branches:grant_end@own": {"security": "00"},
    # No number is kept in these records: back to the entry. What is shown is tests/test_sensitive_fields.py's.
    "branches:member_reveal@member": {"office": "rr", "secretary": "rr", "member": "rr"},
    "branches:member_reveal@other_member": {"office": "rr", "other_secretary": "rr", "other_member": "rr"},
    "branches:totp": dict.fromkeys(ACTORS[1:], "kr"),
    "branches:recovery_codes": dict.fromkeys(ACTORS[1:], "-r"),
    "branches:totp_off": dict.fromkeys(ACTORS[1:], "-r"),
    "branches:security_totp_off": {"security": "-r"},
    "branches:security_lift": {"security": "-r"},
    "branches:security_end": {"security": "-r"},
    "branches:user_open": {"sysadmin": "-k"},
    "branches:user_open_branch": {"sysadmin": "-k"},
    "study:channel_new": dict.fromkeys(("office", "secretary", "deputy", "other_secretary"), "ku"),
}


class Actor:
    """Somebody at the keyboard: each request comes with the same session and is taken back afterwards."""

    def __init__(self, user: User | None, stopped: list[bool]) -> None:
        self.stopped, self.session, self.disposition, self.body = stopped, "", "", b""
        if user is not None:
            client = logged_in(user)
            self.session = client.cookies[settings.SESSION_COOKIE_NAME].value

    def ask(self, method: str, url: str, data: dict[str, Any] | None = None) -> HttpResponse:
        client = Client()
        if self.session:
            client.cookies[settings.SESSION_COOKIE_NAME] = self.session
        self.stopped.clear()
        response = getattr(client, method.lower())(url, data or {})
        # A file is read before it is closed: what is in it is an answer, too.
        self.body = b"".join(response.streaming_content) if response.streaming else response.content
        response.close()
        self.disposition = response.get("Content-Disposition", "")
        return response

    def cell(self, method: str, url: str, data: dict[str, Any] | None = None) -> str:
        response = self.ask(method, url, data)
        match response.status_code:
            case 302 if response["Location"].startswith(reverse("branches:sudo")):
                return "s"
            case 302:
                return "L" if response["Location"].startswith("/login/?next=") else "r"
            case 403:
                return "x" if any(self.stopped) else "p"
        letters = {200: "k", 400: "b", 404: "0", 405: "-", 422: "u"}
        return letters.get(response.status_code, str(response.status_code))


def actor_of(who: str, records: Records, stopped: list[bool], *, sudo: bool = False) -> Actor:
    """Somebody of the records' committee; with `sudo` somebody who gave the password again a minute ago."""
    actor = Actor(None if who == "anonymous" else records.world.users[who], stopped)
    if sudo and actor.session:
        mine = LoginSession.objects.filter(key_mac=sessions.mac_of(actor.session))
        mine.update(sudo_until_at=at("2018-07-04 10:09"))
    return actor


# The table


def test_whoever_gave_the_password_again_meets_what_is_written(records: Records, stopped: list[bool]) -> None:
    asked = {(name, who) for name, row in expected().items() for who, cell in row.items() if "s" in cell}
    assert asked == {(name, who) for name, row in AFTER_SUDO.items() for who in row}
    found = addresses(records)
    for name, row in AFTER_SUDO.items():
        for who, cells in row.items():
            actor = actor_of(who, records, stopped, sudo=True)
            url, data = found[name]
            for method, cell in zip(("GET", "POST"), cells, strict=True):
                with transaction.atomic():
                    assert (name, who, method, actor.cell(method, url, data)) == (name, who, method, cell)
                    transaction.set_rollback(True)


def test_the_urlconf_the_matrix_and_the_table_name_the_same_routes(records: Records) -> None:
    assert routes() == set(ROUTES)
    assert {name.partition("@")[0] for name in expected()} == set(ROUTES)
    assert set(addresses(records)) == set(expected())


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize("who", ACTORS)
def test_each_cell_of_the_table_is_answered_as_written(records: Records, stopped: list[bool], who: str) -> None:
    """And what is refused, or only read, leaves every table and every file as it was."""
    actor, table, wrong, wrote = actor_of(who, records, stopped), expected(), {}, []
    colours = iter(range(1, 250))
    before = tables()
    for name, (url, data) in addresses(records).items():
        cells = ""
        for method in ("GET", "POST"):
            if method == "POST" and name.startswith("plan:picture_add"):
                # A picture nobody has sent before: what is refused must not reach the storage either.
                data = {"pictures": [photo(f"rgb({next(colours)}, {len(who)}, 7)")]}
            if method == "POST" and name.startswith("plan:attachment_add"):
                data = {"attachments": [document(width=next(colours) + 300 * len(who))]}
            files = evidence()
            with transaction.atomic(), watched() as statements:
                lines = AuditEvent.objects.count()
                cell = actor.cell(method, url, data if method == "POST" else None)
                told = AuditEvent.objects.count() - lines
                if who != "anonymous" and (cell in "xp" or (method == "POST" and cell in "0-")) and told != 1:
                    wrote.append((method, name, [f"{told} lines in the audit log"]))
                if method == "GET" and cell in "kr0" and told and "attachment" not in actor.disposition:
                    wrote.append((method, name, [f"{told} lines for looking"]))
                # What was filed is nobody's to change: whoever tries is led to it.
                refused = method == "GET" or cell in "Lxp0-b" or (cell == "r" and name.endswith("@filed"))
                if refused and statements and tables() != before:
                    wrote.append((method, name, statements[:3]))
                transaction.set_rollback(True)
            if refused and evidence() != files:
                wrote.append((method, name, ["a file"]))
            cells += cell
        if cells != table[name][who]:
            wrong[name] = f"{cells}, not {table[name][who]}"
    assert wrong == {}
    assert wrote == []


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize("who", ["anonymous", "office", "member", "sysadmin"])
def test_head_is_get_without_a_body_and_other_methods_are_not_served(
    records: Records, stopped: list[bool], who: str
) -> None:
    actor, table, wrong = actor_of(who, records, stopped), expected(), []
    cases, one_of_each = addresses(records), {name.partition("@")[0]: name for name in table}
    for route, name in one_of_each.items():
        url, _ = cases[name]
        for method in ("HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"):
            cell = actor.cell(method, url)
            should = table[name][who][0] if method == "HEAD" else "-"
            if who == "anonymous" and not ROUTES[route].public:
                should = "L"
            if cell != should:
                wrong.append((method, name, cell, should))
    assert wrong == []


def test_a_head_has_no_body_and_a_405_names_what_is_served(records: Records, stopped: list[bool]) -> None:
    office = actor_of("office", records, stopped)
    url = records.gathering.filing.get_absolute_url()
    assert office.ask("HEAD", url).content == b""
    assert office.ask("DELETE", url)["Allow"] == "GET"
    assert office.ask("PUT", reverse("plan:filing_move", args=[records.gathering.filing_id]))["Allow"] == "POST"
    assert office.ask("PATCH", reverse("branches:branch_new"))["Allow"] == "GET, POST"


FIRST_STEPS = {
    "branches:password": ({"must_change_password": True}, "kk", "kr"),
    "branches:privacy": ({"privacy_version": "", "privacy_at": None}, "rr", "kr"),
}


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize("step", FIRST_STEPS)
@pytest.mark.parametrize("who", ["office", "secretary", "sysadmin", "nobody"])
def test_until_the_first_steps_are_taken_nothing_else_opens(
    records: Records, stopped: list[bool], who: str, step: str
) -> None:
    lacking, password, privacy = FIRST_STEPS[step]
    User.objects.filter(pk=records.world.users[who].pk).update(**lacking)
    actor, wrong = actor_of(who, records, stopped), []
    own = {
        "manifest": "k-", "service_worker": "k-", "offline": "k-",
        "healthz": "k-", "branches:login": "rr", "branches:login_code": "rr", "branches:activate": "rr",
        "branches:logout": "-r", "branches:password": password, "branches:privacy": privacy,
        # Single sign-on is off here.
        "branches:sso_begin": "-0",
        "branches:sso_back": "00",
        "branches:sso_logout": "-0",
        "branches:sso_failed": "0-",
        "branches:sso_ended": "0-",
        # Opened by its secret alone.
        "study:feed@unknown": "0-",
    }  # fmt: skip
    for name, (url, data) in addresses(records).items():
        for n, method in enumerate(("GET", "POST")):
            with transaction.atomic():
                response = actor.ask(method, url, data if method == "POST" else None)
                transaction.set_rollback(True)
            served = getattr(ROUTES[name.partition("@")[0]], method.lower()) is not None
            if name in own:
                right = response.status_code == {"k": 200, "r": 302, "-": 405, "0": 404}[own[name][n]]
            elif served:
                right = (response.status_code, response.get("Location")) == (302, reverse(step))
            else:
                right = response.status_code == 405
            if not right:
                wrong.append((method, name, response.status_code, response.get("Location")))
    assert wrong == []


def test_a_paused_account_is_anonymous_at_once(records: Records, stopped: list[bool]) -> None:
    actor = actor_of("office", records, stopped)
    assert actor.cell("GET", reverse("plan:board")) == "k"
    User.objects.filter(pk=records.world.users["office"].pk).update(is_active=False)
    assert actor.cell("GET", reverse("plan:board")) == "L"


def test_what_is_foreign_and_what_does_not_exist_are_told_apart_by_nothing(
    records: Records, stopped: list[bool]
) -> None:
    """The same sentence at the same length: an outsider cannot learn which numbers are taken."""
    other = actor_of("other_secretary", records, stopped)
    there = other.ask("GET", records.gathering.filing.get_absolute_url())
    nowhere = other.ask("GET", reverse("plan:filing_detail", args=[999_999]))
    assert (there.status_code, nowhere.status_code) == (404, 404)
    assert len(there.content) == len(nowhere.content)


def test_a_post_that_ended_yesterday_opens_nothing_today(records: Records, stopped: list[bool]) -> None:
    """Rights follow the posts of the day: a handover needs nobody to withdraw anything."""
    actor = actor_of("inspector", records, stopped)
    assert actor.cell("GET", reverse("plan:board")) == "k"
    Post.objects.filter(pk=records.committee_post.pk).update(until_on=at(NOW).date())
    assert actor.cell("GET", reverse("plan:board")) == "x"
