"""Study plans, gatherings and the calendar."""

from django.urls import path

from study.views import branch_plans, channels, gatherings, member_plans, pushes

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
    # The mobile branch
    path("pushes/", pushes.push_list, name="push_list"),
    path("pushes/new/", pushes.push_new, name="push_new"),
    path("pushes/<int:pk>/", pushes.push_detail, name="push_detail"),
    path("pushes/<int:pk>/edit/", pushes.push_edit, name="push_edit"),
    path("pushes/<int:pk>/publish/", pushes.push_publish, name="push_publish"),
    path("pushes/<int:pk>/withdraw/", pushes.push_withdraw, name="push_withdraw"),
    path("pushes/<int:pk>/done/", pushes.push_done, name="push_done"),
    path("pushes/files/<int:pk>/<str:size>/", pushes.push_file, name="push_file"),
    path("deliveries/<int:pk>/again/", pushes.delivery_again, name="delivery_again"),
    path("channels/", channels.channel_list, name="channel_list"),
    path("channels/new/", channels.channel_new, name="channel_new"),
    path("channels/<int:pk>/test/", channels.channel_test, name="channel_test"),
    path("channels/<int:pk>/end/", channels.channel_end, name="channel_end"),
    path("calendar/", gatherings.calendar, name="calendar"),
]
