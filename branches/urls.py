"""People and accounts."""

from django.urls import path

from branches.views import accounts, audit, grants, people, roster

app_name = "branches"
urlpatterns = [
    path("login/", accounts.login, name="login"),
    path("logout/", accounts.logout, name="logout"),
    path("account/", accounts.account, name="account"),
    path("account/password/", accounts.password, name="password"),
    path("account/sudo/", accounts.sudo, name="sudo"),
    path("account/history/", audit.own_history, name="own_history"),
    path("audit/", audit.audit_log, name="audit_log"),
    path("audit/verify/", audit.audit_verify, name="audit_verify"),
    path("audit.xlsx", audit.audit_xlsx, name="audit_xlsx"),
    path("users/", accounts.user_list, name="user_list"),
    path("users/<int:member_id>/open/", accounts.user_open, name="user_open"),
    path("users/branch/<int:pk>/open/", accounts.user_open_branch, name="user_open_branch"),
    path("users/<int:member_id>/pause/", accounts.user_pause, name="user_pause"),
    path("grants/", grants.grants, name="grants"),
    path("grants/<int:pk>/end/", grants.grant_end, name="grant_end"),
    path("branches/", people.branch_list, name="branch_list"),
    path("branches/new/", people.branch_new, name="branch_new"),
    path("branches/<int:pk>/", people.branch_detail, name="branch_detail"),
    path("branches/<int:pk>/edit/", people.branch_edit, name="branch_edit"),
    path("branches/<int:pk>/post/", people.post_new, name="post_new"),
    path("posts/<int:pk>/end/", people.post_end, name="post_end"),
    path("committee/posts/", people.committee_posts, name="committee_posts"),
    path("members/", people.member_list, name="member_list"),
    path("members/new/", people.member_new, name="member_new"),
    path("members/<int:pk>/", people.member_detail, name="member_detail"),
    path("members/<int:pk>/edit/", people.member_edit, name="member_edit"),
    path("members/<int:pk>/transfer/", people.member_transfer, name="member_transfer"),
    path("roster/template.xlsx", roster.roster_template, name="roster_template"),
    path("roster/export.xlsx", roster.roster_export, name="roster_export"),
    path("roster/import/", roster.roster_import, name="roster_import"),
    path("roster/import/<int:pk>/", roster.roster_preview, name="roster_preview"),
    path("roster/import/<int:pk>/columns/", roster.roster_columns, name="roster_columns"),
    path("roster/import/<int:pk>/progress/", roster.roster_progress, name="roster_progress"),
    path("roster/import/<int:pk>/restart/", roster.roster_restart, name="roster_restart"),
    path("roster/import/<int:pk>/commit/", roster.roster_commit, name="roster_commit"),
    path("roster/import/<int:pk>/errors.xlsx", roster.roster_errors, name="roster_errors"),
]
