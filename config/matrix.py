"""The access matrix: every route, who may read it and who may act on it. A route that is not here is closed.

Rows say which *roles* may enter; which *objects* a person sees there is the queryset's answer (`visible_to`): what is
foreign answers 404. Which *moves* are possible is the predicate's (`plan.moves.may_edit`, `can`): 403.
"""

from dataclasses import dataclass

from branches.access import Role

EVERYBODY = frozenset(Role)
LEADERS = frozenset({Role.SECRETARY, Role.DEPUTY, Role.COMMISSIONER})
FILERS = frozenset({Role.SECRETARY, Role.DEPUTY})
OFFICE = frozenset({Role.OFFICE})
PUSHERS = OFFICE | LEADERS
OVERSEERS = frozenset({Role.OFFICE, Role.INSPECTOR})
# Those with business in branches: the three administrators see no business text.
BUSINESS = frozenset({Role.MEMBER, Role.OFFICE, Role.INSPECTOR}) | LEADERS
# Those who can pledge something: on a branch's roster, or leading one.
PLEDGERS = LEADERS | {Role.MEMBER}
SYSADMIN = frozenset({Role.SYSADMIN})
# Those who set up the tree of committees and branches.
ORGANIZERS = OFFICE | SYSADMIN
AUDITOR = frozenset({Role.AUDITOR})
SECURITY = frozenset({Role.SECURITY})


@dataclass(frozen=True)
class Row:
    """Who may GET and who may POST; None means the method is not served."""

    get: frozenset[Role] | None = None
    post: frozenset[Role] | None = None
    public: bool = False


ROUTES: dict[str, Row] = {
    "home": Row(get=EVERYBODY),
    "todo": Row(get=BUSINESS),
    "healthz": Row(get=EVERYBODY, public=True),
    "gallery": Row(get=EVERYBODY),
    # The web app: what a browser asks for without knowing who asks.
    "manifest": Row(get=EVERYBODY, public=True),
    "service_worker": Row(get=EVERYBODY, public=True),
    "offline": Row(get=EVERYBODY, public=True),
    "handover_pack": Row(get=BUSINESS),
    "handover_docx": Row(get=BUSINESS),
    # The health check of the data.
    "checkup": Row(get=OFFICE | LEADERS),
    "checkup_rule": Row(get=OFFICE | LEADERS),
    "checkup_xlsx": Row(get=OFFICE | LEADERS),
    # branches: people and accounts
    "branches:login": Row(get=EVERYBODY, post=EVERYBODY, public=True),
    "branches:activate": Row(get=EVERYBODY, post=EVERYBODY, public=True),
    "branches:login_code": Row(get=EVERYBODY, post=EVERYBODY, public=True),
    "branches:login_again": Row(get=EVERYBODY),
    "branches:logout": Row(post=EVERYBODY),
    # Single sign-on: 404 where it is off. The two that are posted to by the server carry no token of ours.
    "branches:sso_begin": Row(post=EVERYBODY, public=True),
    "branches:sso_back": Row(get=EVERYBODY, post=EVERYBODY, public=True),
    "branches:sso_logout": Row(post=EVERYBODY, public=True),
    "branches:sso_failed": Row(get=EVERYBODY, public=True),
    "branches:sso_ended": Row(get=EVERYBODY, public=True),
    "branches:account": Row(get=EVERYBODY),
    "branches:password": Row(get=EVERYBODY, post=EVERYBODY),
    "branches:privacy": Row(get=EVERYBODY, post=EVERYBODY),
    "branches:sudo": Row(get=EVERYBODY, post=EVERYBODY),
    "branches:totp": Row(get=EVERYBODY, post=EVERYBODY),
    "branches:recovery_codes": Row(post=EVERYBODY),
    "branches:totp_off": Row(post=EVERYBODY),
    "branches:unsent": Row(get=EVERYBODY),
    "branches:session_end": Row(post=EVERYBODY),
    "branches:sessions_end": Row(post=EVERYBODY),
    "branches:own_history": Row(get=EVERYBODY),
    "branches:own_contact": Row(get=EVERYBODY, post=EVERYBODY),
    "branches:who_sees_me": Row(get=EVERYBODY),
    # inbox: everybody's own messages, and what became of what was sent outside
    "inbox:message_list": Row(get=EVERYBODY),
    "inbox:messages_read": Row(post=EVERYBODY),
    "inbox:message_detail": Row(get=EVERYBODY),
    "inbox:message_read": Row(post=EVERYBODY),
    "inbox:preference": Row(get=EVERYBODY, post=EVERYBODY),
    # The office sees to whom and whether; the system administrator numbers and reasons, and nobody's name.
    "inbox:sending_list": Row(get=OFFICE | SYSADMIN),
    "inbox:sendings_again": Row(post=OFFICE),
    "inbox:sending_again": Row(post=OFFICE),
    "branches:audit_log": Row(get=AUDITOR),
    "branches:audit_xlsx": Row(get=AUDITOR),
    "branches:audit_verify": Row(post=AUDITOR),
    "branches:organization": Row(get=OVERSEERS | SYSADMIN),
    "branches:committee_new": Row(get=ORGANIZERS, post=ORGANIZERS),
    "branches:committee_edit": Row(get=ORGANIZERS, post=ORGANIZERS),
    "branches:branch_list": Row(get=OVERSEERS),
    "branches:branch_new": Row(get=ORGANIZERS, post=ORGANIZERS),
    "branches:branch_edit": Row(get=ORGANIZERS, post=ORGANIZERS),
    "branches:branch_detail": Row(get=BUSINESS),
    "branches:member_list": Row(get=OVERSEERS | LEADERS),
    "branches:member_detail": Row(get=BUSINESS),
    # Everybody at the door: one's own numbers are one's own to see, whatever post one holds.
    "branches:member_reveal": Row(get=EVERYBODY, post=EVERYBODY),
    "branches:member_duplicates": Row(get=OFFICE),
    "branches:member_pair": Row(get=OFFICE, post=OFFICE),
    "branches:member_find": Row(get=OFFICE, post=OFFICE),
    "branches:member_new": Row(get=OFFICE, post=OFFICE),
    "branches:member_edit": Row(get=OFFICE, post=OFFICE),
    "branches:member_transfer": Row(get=OFFICE, post=OFFICE),
    "branches:handover": Row(get=OFFICE, post=OFFICE),
    "branches:post_end": Row(get=OFFICE, post=OFFICE),
    "branches:committee_posts": Row(get=OFFICE, post=OFFICE),
    "branches:roster_template": Row(get=OFFICE),
    "branches:roster_export": Row(get=OVERSEERS | LEADERS),
    "branches:roster_import": Row(get=OFFICE, post=OFFICE),
    "branches:roster_preview": Row(get=OFFICE),
    "branches:roster_columns": Row(post=OFFICE),
    "branches:roster_progress": Row(get=OFFICE),
    "branches:roster_restart": Row(post=OFFICE),
    "branches:roster_commit": Row(post=OFFICE),
    "branches:roster_errors": Row(get=OFFICE),
    "branches:security_list": Row(get=SECURITY),
    "branches:security_end": Row(post=SECURITY),
    "branches:security_lift": Row(post=SECURITY),
    "branches:security_totp_off": Row(post=SECURITY),
    "branches:user_list": Row(get=SYSADMIN),
    "branches:user_open": Row(post=SYSADMIN),
    "branches:user_open_branch": Row(post=SYSADMIN),
    "branches:user_pause": Row(post=SYSADMIN),
    "branches:grants": Row(get=SECURITY, post=SECURITY),
    "branches:grant_end": Row(get=SECURITY, post=SECURITY),
    # jobs: who sees which is the queryset's answer
    "jobs:job_list": Row(get=SYSADMIN),
    "jobs:job_detail": Row(get=EVERYBODY),
    "jobs:job_progress": Row(get=EVERYBODY),
    "jobs:job_retry": Row(post=SYSADMIN),
    # plan: the document
    "plan:plan_list": Row(get=BUSINESS),
    "plan:plan_detail": Row(get=BUSINESS),
    "plan:plan_preview": Row(get=OFFICE),
    "plan:plan_issue": Row(post=OFFICE),
    "plan:plan_copy": Row(post=OFFICE),
    "plan:plan_upload": Row(get=OFFICE, post=OFFICE),
    "plan:plan_start": Row(post=OFFICE),
    "plan:plan_edit": Row(get=OFFICE, post=OFFICE),
    "plan:plan_settings": Row(get=OFFICE, post=OFFICE),
    "plan:plan_delete": Row(post=OFFICE),
    "plan:plan_download": Row(get=OFFICE),
    "plan:requirement_edit": Row(get=OFFICE, post=OFFICE),
    "plan:requirement_new": Row(get=OFFICE, post=OFFICE),
    "plan:requirement_remove": Row(post=OFFICE),
    "plan:requirement_detail": Row(get=BUSINESS),
    "plan:duty_detail": Row(get=BUSINESS),
    # plan: the board and the desks
    "plan:board": Row(get=OVERSEERS),
    "plan:board_xlsx": Row(get=OVERSEERS),
    "plan:board_docx": Row(get=OVERSEERS),
    "plan:heat": Row(get=OVERSEERS),
    "plan:view_save": Row(post=BUSINESS),
    "plan:view_remove": Row(post=BUSINESS),
    "plan:duty_list": Row(get=BUSINESS),
    "plan:duty_xlsx": Row(get=OVERSEERS | LEADERS),
    "plan:intray": Row(get=OFFICE | FILERS),
    "plan:filing_list": Row(get=BUSINESS),
    "plan:filing_detail": Row(get=BUSINESS),
    "plan:filing_move": Row(post=BUSINESS),
    "plan:filing_versions": Row(get=BUSINESS),
    "plan:filing_docx": Row(get=BUSINESS),
    "plan:picture": Row(get=BUSINESS),
    "plan:picture_add": Row(post=BUSINESS),
    "plan:picture_remove": Row(post=BUSINESS),
    "plan:picture_answer": Row(post=BUSINESS),
    "plan:attachment": Row(get=BUSINESS),
    "plan:attachment_add": Row(post=BUSINESS),
    "plan:attachment_remove": Row(post=BUSINESS),
    "plan:paper_new": Row(get=BUSINESS, post=BUSINESS),
    "plan:paper_edit": Row(get=BUSINESS, post=BUSINESS),
    "plan:log": Row(get=AUDITOR | OFFICE),
    "plan:workdays": Row(get=OFFICE, post=OFFICE),
    "plan:relief_list": Row(get=BUSINESS),
    "plan:relief_new": Row(get=OFFICE | FILERS, post=OFFICE | FILERS),
    "plan:relief_detail": Row(get=BUSINESS),
    "plan:relief_move": Row(post=OFFICE | FILERS),
    "plan:rhythm": Row(get=OFFICE),
    "plan:lead_time": Row(post=OFFICE),
    "plan:workdays_notice": Row(get=OFFICE, post=OFFICE),
    "plan:reminder_policy": Row(get=OFFICE, post=OFFICE),
    # study: plans and gatherings
    "study:branch_plan": Row(get=BUSINESS),
    "study:branch_plan_begin": Row(post=LEADERS),
    "study:branch_plan_edit": Row(get=LEADERS, post=LEADERS),
    "study:plan_item_new": Row(get=LEADERS, post=LEADERS),
    "study:plan_item_edit": Row(get=LEADERS, post=LEADERS),
    "study:plan_item_remove": Row(post=LEADERS),
    "study:plan_item_move": Row(post=LEADERS),
    "study:branch_plan_adjust": Row(post=LEADERS),
    "study:plan_table": Row(get=LEADERS, post=LEADERS),
    "study:plan_xlsx": Row(get=BUSINESS),
    "study:plan_template": Row(get=LEADERS),
    "study:plan_import": Row(get=LEADERS, post=LEADERS),
    "study:member_plan": Row(get=BUSINESS),
    "study:member_plan_begin": Row(post=BUSINESS),
    "study:member_plan_edit": Row(get=BUSINESS, post=BUSINESS),
    "study:member_plan_redraft": Row(get=BUSINESS, post=BUSINESS),
    "study:week_done": Row(post=BUSINESS),
    "study:plan_review": Row(get=FILERS, post=FILERS),
    "study:member_progress": Row(get=LEADERS),
    "study:material_list": Row(get=BUSINESS),
    "study:material_new": Row(get=OFFICE, post=OFFICE),
    "study:material_detail": Row(get=BUSINESS),
    "study:material_file": Row(get=BUSINESS),
    "study:material_edit": Row(get=OFFICE, post=OFFICE),
    "study:material_retire": Row(post=OFFICE),
    "study:reading_detail": Row(get=BUSINESS),
    "study:gathering_list": Row(get=BUSINESS),
    "study:gathering_new": Row(get=LEADERS, post=LEADERS),
    "study:gathering_edit": Row(get=LEADERS, post=LEADERS),
    # The office reads what its branches have open; leaders close it.
    "study:make_ups": Row(get=OFFICE | LEADERS, post=LEADERS),
    # One's own for everybody; which ones a person may close is the queryset's answer.
    "study:follow_ups": Row(get=BUSINESS),
    "study:follow_up_done": Row(post=BUSINESS),
    "study:calendar": Row(get=BUSINESS),
    # study: the mobile branch
    "study:push_list": Row(get=BUSINESS),
    "study:push_new": Row(get=PUSHERS, post=PUSHERS),
    "study:push_detail": Row(get=BUSINESS),
    "study:push_edit": Row(get=PUSHERS, post=PUSHERS),
    "study:push_publish": Row(post=PUSHERS),
    "study:push_withdraw": Row(post=PUSHERS),
    "study:push_done": Row(post=BUSINESS),
    "study:push_file": Row(get=BUSINESS),
    "study:delivery_again": Row(post=PUSHERS),
    "study:channel_list": Row(get=OFFICE | FILERS),
    "study:channel_new": Row(get=OFFICE | FILERS, post=OFFICE | FILERS),
    "study:channel_test": Row(post=OFFICE | FILERS),
    "study:channel_reminds": Row(post=OFFICE | FILERS),
    "study:channel_end": Row(post=OFFICE | FILERS),
    "study:partners": Row(get=LEADERS, post=LEADERS),
    "study:joint_edit": Row(get=LEADERS, post=LEADERS),
    "study:check_in": Row(get=LEADERS, post=LEADERS),
    "study:check_in_state": Row(get=LEADERS),
    "study:sign_in": Row(get=BUSINESS, post=BUSINESS),
    "study:calendar_feed": Row(get=BUSINESS, post=BUSINESS),
    # Whoever has the secret link: calendar programs cannot log in.
    "study:feed": Row(get=EVERYBODY, public=True),
    # commitments: pioneer posts
    "commitments:post_list": Row(get=BUSINESS),
    "commitments:post_new": Row(get=LEADERS, post=LEADERS),
    "commitments:post_register": Row(get=BUSINESS),
    "commitments:post_detail": Row(get=BUSINESS),
    "commitments:post_edit": Row(get=LEADERS, post=LEADERS),
    "commitments:post_close": Row(post=LEADERS),
    "commitments:rotation_draft": Row(get=LEADERS, post=LEADERS),
    "commitments:term_begin": Row(post=LEADERS),
    "commitments:term_end": Row(post=LEADERS),
    # Whoever stands there writes it too: which term is one's own is the room's answer.
    "commitments:term_handover": Row(post=BUSINESS),
    "commitments:nomination_list": Row(get=BUSINESS),
    "commitments:nomination_new": Row(get=BUSINESS, post=BUSINESS),
    "commitments:nomination_detail": Row(get=BUSINESS),
    # The office where the secretary is put forward and nobody else in the branch may decide.
    "commitments:nomination_decide": Row(post=OFFICE | FILERS),
    "commitments:nomination_withdraw": Row(post=BUSINESS),
    "commitments:nomination_willing": Row(post=BUSINESS),
    "commitments:nomination_picture": Row(get=BUSINESS),
    # commitments: a pledge's life after approval, and the wall (H2); whose it is and who judges, the predicates say
    "commitments:pledge_wall": Row(get=BUSINESS),
    "commitments:pledge_detail": Row(get=BUSINESS),
    "commitments:pledge_of": Row(get=BUSINESS),
    "commitments:pledge_step": Row(post=BUSINESS),
    "commitments:pledge_say": Row(post=BUSINESS),
    "commitments:question_new": Row(post=BUSINESS),
    "commitments:question_answer": Row(post=BUSINESS),
    "commitments:progress_new": Row(post=BUSINESS),
    "commitments:progress_picture": Row(get=BUSINESS),
    # commitments: writing pledges, and the gate
    "commitments:pledge_list": Row(get=BUSINESS),
    "commitments:pledge_new": Row(get=PLEDGERS, post=PLEDGERS),
    "commitments:pledge_hints": Row(post=PLEDGERS),
    "commitments:pledge_edit": Row(get=BUSINESS, post=BUSINESS),
    "commitments:pledge_gate": Row(get=OFFICE | FILERS, post=OFFICE | FILERS),
    # commitments: boards on paper and on the wall; whose may be printed is the view's answer
    "commitments:boards": Row(get=BUSINESS),
    "commitments:screen": Row(get=BUSINESS),
    "commitments:boards_pdf": Row(get=BUSINESS),
    "commitments:board_pdf": Row(get=BUSINESS),
    "commitments:board_png": Row(get=BUSINESS),
    "commitments:post_board_pdf": Row(get=BUSINESS),
    "commitments:term_certificate": Row(get=BUSINESS),
    # commitments: activity weeks and features (H5)
    "commitments:week_list": Row(get=BUSINESS),
    "commitments:week_new": Row(get=LEADERS, post=LEADERS),
    "commitments:week_edit": Row(get=LEADERS, post=LEADERS),
    "commitments:feature_list": Row(get=BUSINESS),
    "commitments:feature_new": Row(get=LEADERS, post=LEADERS),
    "commitments:feature_detail": Row(get=BUSINESS),
    "commitments:feature_edit": Row(get=LEADERS, post=LEADERS),
    "commitments:feature_remove": Row(get=LEADERS, post=LEADERS),
    "commitments:feature_picture": Row(get=BUSINESS),
}
