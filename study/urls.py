"""Study plans, gatherings and the calendar."""

from django.urls import path

from study.views import branch_plans, gatherings, materials, member_plans, plan_items, plan_reviews, plan_sheets

app_name = "study"
urlpatterns = [
    path("branch-plan/", branch_plans.branch_plan, name="branch_plan"),
    path("branch-plan/begin/", branch_plans.branch_plan_begin, name="branch_plan_begin"),
    path("branch-plan/<int:pk>/", branch_plans.branch_plan_edit, name="branch_plan_edit"),
    path("branch-plan/<int:pk>/adjust/", branch_plans.branch_plan_adjust, name="branch_plan_adjust"),
    path("branch-plan/<int:pk>/table/", plan_items.plan_table, name="plan_table"),
    path("branch-plan/<int:pk>/items/new/", plan_items.plan_item_new, name="plan_item_new"),
    path("branch-plan/items/<int:pk>/", plan_items.plan_item_edit, name="plan_item_edit"),
    path("branch-plan/items/<int:pk>/move/", plan_items.plan_item_move, name="plan_item_move"),
    path("branch-plan/items/<int:pk>/remove/", plan_items.plan_item_remove, name="plan_item_remove"),
    path("branch-plan/<int:pk>/xlsx/", plan_sheets.plan_xlsx, name="plan_xlsx"),
    path("branch-plan/<int:pk>/template/", plan_sheets.plan_template, name="plan_template"),
    path("branch-plan/<int:pk>/import/", plan_sheets.plan_import, name="plan_import"),
    path("my-plan/", member_plans.member_plan, name="member_plan"),
    path("my-plan/begin/", member_plans.member_plan_begin, name="member_plan_begin"),
    path("my-plan/<int:pk>/", member_plans.member_plan_edit, name="member_plan_edit"),
    path("my-plan/<int:pk>/redraft/", member_plans.member_plan_redraft, name="member_plan_redraft"),
    path("weeks/<int:pk>/done/", member_plans.week_done, name="week_done"),
    path("review/", plan_reviews.plan_review, name="plan_review"),
    path("progress/", plan_reviews.member_progress, name="member_progress"),
    path("materials/", materials.material_list, name="material_list"),
    path("materials/new/", materials.material_new, name="material_new"),
    path("materials/<int:pk>/", materials.material_detail, name="material_detail"),
    path("materials/<int:pk>/edit/", materials.material_edit, name="material_edit"),
    path("materials/<int:pk>/file/", materials.material_file, name="material_file"),
    path("materials/<int:pk>/retire/", materials.material_retire, name="material_retire"),
    path("readings/<int:pk>/", materials.reading_detail, name="reading_detail"),
    path("gatherings/", gatherings.gathering_list, name="gathering_list"),
    path("gatherings/new/", gatherings.gathering_new, name="gathering_new"),
    path("gatherings/<int:pk>/", gatherings.gathering_edit, name="gathering_edit"),
    path("calendar/", gatherings.calendar, name="calendar"),
]
