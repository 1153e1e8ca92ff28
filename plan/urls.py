"""The plan, its duties, the board and the desks."""

from django.urls import path

from plan.views import board, duties, evidence, filings, papers, plans, workdays

app_name = "plan"
urlpatterns = [
    path("plans/", plans.plan_list, name="plan_list"),
    path("plans/upload/", plans.plan_upload, name="plan_upload"),
    path("plans/start/", plans.plan_start, name="plan_start"),
    path("plans/<int:pk>/", plans.plan_detail, name="plan_detail"),
    path("plans/<int:pk>/preview/", plans.plan_preview, name="plan_preview"),
    path("plans/<int:pk>/issue/", plans.plan_issue, name="plan_issue"),
    path("plans/<int:pk>/copy/", plans.plan_copy, name="plan_copy"),
    path("plans/<int:pk>/edit/", plans.plan_edit, name="plan_edit"),
    path("plans/<int:pk>/settings/", plans.plan_settings, name="plan_settings"),
    path("plans/<int:pk>/delete/", plans.plan_delete, name="plan_delete"),
    path("plans/<int:pk>/plan.toml", plans.plan_download, name="plan_download"),
    path("plans/<int:pk>/requirements/new/", plans.requirement_new, name="requirement_new"),
    path("plans/<int:pk>/requirements/<str:code>/", plans.requirement_edit, name="requirement_edit"),
    path("plans/<int:pk>/requirements/<str:code>/remove/", plans.requirement_remove, name="requirement_remove"),
    path("requirements/<int:pk>/", duties.requirement_detail, name="requirement_detail"),
    path("duties/<int:pk>/", duties.duty_detail, name="duty_detail"),
    path("board/", board.board, name="board"),
    path("board.xlsx", board.board_xlsx, name="board_xlsx"),
    path("duties/", board.duty_list, name="duty_list"),
    path("duties.xlsx", board.duty_xlsx, name="duty_xlsx"),
    path("intray/", filings.intray, name="intray"),
    path("filings/", filings.filing_list, name="filing_list"),
    path("filings/<int:pk>/", filings.filing_detail, name="filing_detail"),
    path("filings/<int:pk>/move/", filings.filing_move, name="filing_move"),
    path("filings/<int:pk>/versions/", filings.filing_versions, name="filing_versions"),
    path("filings/<int:pk>/record.docx", filings.filing_docx, name="filing_docx"),
    path("filings/<int:pk>/pictures/", papers.picture_add, name="picture_add"),
    path("pictures/<int:pk>/remove/", papers.picture_remove, name="picture_remove"),
    path("pictures/<int:pk>/<str:size>.jpg", papers.picture, name="picture"),
    path("pictures/<int:pk>/answer/", evidence.picture_answer, name="picture_answer"),
    path("filings/<int:pk>/attachments/", evidence.attachment_add, name="attachment_add"),
    path("attachments/<int:pk>/", evidence.attachment, name="attachment"),
    path("attachments/<int:pk>/remove/", evidence.attachment_remove, name="attachment_remove"),
    path("papers/new/", papers.paper_new, name="paper_new"),
    path("papers/<int:pk>/edit/", papers.paper_edit, name="paper_edit"),
    path("log/", filings.log, name="log"),
    path("workdays/", workdays.workdays, name="workdays"),
]
