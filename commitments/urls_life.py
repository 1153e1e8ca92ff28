"""A pledge from its approval to its judgement, and the branch's wall."""

from django.urls import path

from commitments.views import life, wall

urlpatterns = [
    path("pledges/", wall.pledge_wall, name="pledge_wall"),
    path("pledges/<int:pk>/", life.pledge_detail, name="pledge_detail"),
    path("pledges/of/<int:pk>/", life.pledge_of, name="pledge_of"),
    path("pledges/<int:pk>/step/", life.pledge_step, name="pledge_step"),
    path("pledges/<int:pk>/say/", life.pledge_say, name="pledge_say"),
    path("pledges/<int:pk>/ask/", life.question_new, name="question_new"),
    path("pledges/questions/<int:pk>/answer/", life.question_answer, name="question_answer"),
    path("pledges/items/<int:pk>/progress/", life.progress_new, name="progress_new"),
    path("pledges/progress/<int:pk>/<str:size>/", life.progress_picture, name="progress_picture"),
]
