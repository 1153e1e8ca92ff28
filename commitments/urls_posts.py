"""Pioneer posts."""

from django.urls import path

from commitments.views import posts

urlpatterns = [
    path("posts/", posts.post_list, name="post_list"),
    path("posts/<int:pk>/", posts.post_detail, name="post_detail"),
]
