"""Writing pledges, and the gate."""

from django.urls import path

from commitments.views import pledges

urlpatterns = [
    path("pledges/mine/", pledges.pledge_list, name="pledge_list"),
    path("pledges/new/", pledges.pledge_new, name="pledge_new"),
    path("pledges/hints/", pledges.pledge_hints, name="pledge_hints"),
    path("pledges/<int:pk>/edit/", pledges.pledge_edit, name="pledge_edit"),
    path("pledges/<int:pk>/gate/", pledges.pledge_gate, name="pledge_gate"),
]
