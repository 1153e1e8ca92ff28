"""A pledge from its approval to its judgement."""

from django.urls import path

from commitments.views import life

urlpatterns = [
    path("pledges/<int:pk>/", life.pledge_detail, name="pledge_detail"),
]
