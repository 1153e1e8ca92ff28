"""Writing pledges."""

from django.urls import path

from commitments.views import pledges

urlpatterns = [
    path("pledges/new/", pledges.pledge_new, name="pledge_new"),
    path("pledges/<int:pk>/edit/", pledges.pledge_edit, name="pledge_edit"),
]
