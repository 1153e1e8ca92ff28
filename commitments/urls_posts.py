"""Pioneer posts."""

from django.urls import path

from commitments.views import nominations, posts, turns

urlpatterns = [
    path("posts/", posts.post_list, name="post_list"),
    path("posts/new/", posts.post_new, name="post_new"),
    path("posts/register.docx", posts.post_register, name="post_register"),
    path("posts/rotation/", turns.rotation_draft, name="rotation_draft"),
    path("posts/<int:pk>/", posts.post_detail, name="post_detail"),
    path("posts/<int:pk>/edit/", posts.post_edit, name="post_edit"),
    path("posts/<int:pk>/close/", posts.post_close, name="post_close"),
    path("posts/terms/<int:pk>/begin/", turns.term_begin, name="term_begin"),
    path("posts/terms/<int:pk>/end/", turns.term_end, name="term_end"),
    path("posts/terms/<int:pk>/handover/", turns.term_handover, name="term_handover"),
    path("posts/people/", nominations.nomination_list, name="nomination_list"),
    path("posts/people/new/", nominations.nomination_new, name="nomination_new"),
    path("posts/people/<int:pk>/", nominations.nomination_detail, name="nomination_detail"),
    path("posts/people/<int:pk>/decide/", nominations.nomination_decide, name="nomination_decide"),
    path("posts/people/<int:pk>/withdraw/", nominations.nomination_withdraw, name="nomination_withdraw"),
    path("posts/people/<int:pk>/willing/", nominations.nomination_willing, name="nomination_willing"),
    path("posts/people/<int:pk>/picture/<slug:size>/", nominations.nomination_picture, name="nomination_picture"),
]
