"""Activity weeks and the branch's own features."""

from django.urls import path

from commitments.views import weeks

urlpatterns = [
    path("weeks/new/", weeks.week_new, name="week_new"),
    path("weeks/<int:pk>/", weeks.week_edit, name="week_edit"),
    path("features/<int:pk>/", weeks.feature_detail, name="feature_detail"),
]
