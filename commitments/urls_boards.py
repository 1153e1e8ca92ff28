"""Boards of pledges (承诺牌), on paper and on the wall; the boards and certificates of pioneer posts."""

from django.urls import path

from commitments.views import boards

urlpatterns = [
    path("boards/", boards.boards, name="boards"),
    path("boards/screen/", boards.screen, name="screen"),
    path("boards/<int:pk>/<str:format>.pdf", boards.boards_pdf, name="boards_pdf"),
    path("pledges/<int:pk>/board/<str:format>.pdf", boards.board_pdf, name="board_pdf"),
    path("pledges/<int:pk>/board/<str:format>.png", boards.board_png, name="board_png"),
    path("posts/<int:pk>/board/<str:format>.pdf", boards.post_board_pdf, name="post_board_pdf"),
    path("terms/<int:pk>/certificate.pdf", boards.term_certificate, name="term_certificate"),
]
