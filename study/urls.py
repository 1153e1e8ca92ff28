"""Study plans, gatherings and the calendar."""

from django.urls import path

from study.views import branch_plans, follow_ups, gatherings, make_ups, member_plans

app_name = "study"
urlpatterns = [
    path("branch-plan/", branch_plans.branch_plan, name="branch_plan"),
    path("branch-plan/begin/", branch_plans.branch_plan_begin, name="branch_plan_begin"),
    path("branch-plan/<int:pk>/", branch_plans.branch_plan_edit, name="branch_plan_edit"),
    path("branch-plan/<int:pk>/items/new/", branch_plans.plan_item_new, name="plan_item_new"),
    path("branch-plan/items/<int:pk>/", branch_plans.plan_item_edit, name="plan_item_edit"),
    path("branch-plan/items/<int:pk>/remove/", branch_plans.plan_item_remove, name="plan_item_remove"),
    path("my-plan/", member_plans.member_plan, name="member_plan"),
    path("my-plan/begin/", member_plans.member_plan_begin, name="member_plan_begin"),
    path("my-plan/<int:pk>/", member_plans.member_plan_edit, name="member_plan_edit"),
    path("weeks/<int:pk>/done/", member_plans.week_done, name="week_done"),
    path("review/", member_plans.plan_review, name="plan_review"),
    path("gatherings/", gatherings.gathering_list, name="gathering_list"),
    path("gatherings/new/", gatherings.gathering_new, name="gathering_new"),
    path("gatherings/<int:pk>/", gatherings.gathering_edit, name="gathering_edit"),
    path("make-ups/", make_ups.make_ups, name="make_ups"),
    path("follow-ups/", follow_ups.follow_ups, name="follow_ups"),
    path("follow-ups/<int:pk>/done/", follow_ups.follow_up_done, name="follow_up_done"),
    path("calendar/", gatherings.calendar, name="calendar"),
]
