"""Study plans, gatherings and the calendar."""

from django.urls import path

from study.views import branch_plans, calendar, check_in, feeds, gatherings, joint, member_plans

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
    path("calendar/", calendar.calendar, name="calendar"),
    path("gatherings/<int:pk>/check-in/", check_in.check_in, name="check_in"),
    path("gatherings/<int:pk>/check-in/state/", check_in.check_in_state, name="check_in_state"),
    path("gatherings/<int:pk>/partners/", joint.partners, name="partners"),
    path("joint/<int:pk>/", joint.joint_edit, name="joint_edit"),
    path("sign-in/<str:nonce>/", check_in.sign_in, name="sign_in"),
    path("calendar/feed/", feeds.calendar_feed, name="calendar_feed"),
    path("feed/<str:secret>.ics", feeds.feed, name="feed"),
]
