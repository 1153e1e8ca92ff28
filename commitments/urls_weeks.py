"""Activity weeks and the branch's own features."""

from django.urls import path

from commitments.views import features, weeks

urlpatterns = [
    path("weeks/", weeks.week_list, name="week_list"),
    path("weeks/new/", weeks.week_new, name="week_new"),
    path("weeks/<int:pk>/", weeks.week_edit, name="week_edit"),
    path("features/", features.feature_list, name="feature_list"),
    path("features/new/", features.feature_new, name="feature_new"),
    path("features/<int:pk>/", features.feature_detail, name="feature_detail"),
    path("features/<int:pk>/edit/", features.feature_edit, name="feature_edit"),
    path("features/<int:pk>/remove/", features.feature_remove, name="feature_remove"),
    path("features/pictures/<int:pk>/<str:size>/", features.feature_picture, name="feature_picture"),
]
