"""Boards of pledges (承诺牌), on paper and on the wall."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
