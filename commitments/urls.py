"""Pledges and their boards, pioneer posts, activity weeks."""

from commitments.urls_boards import urlpatterns as boards
from commitments.urls_life import urlpatterns as life
from commitments.urls_pledges import urlpatterns as pledges
from commitments.urls_posts import urlpatterns as posts
from commitments.urls_weeks import urlpatterns as weeks

app_name = "commitments"
urlpatterns = [*pledges, *life, *boards, *posts, *weeks]
