"""All addresses of the portal; who may use them stands in config/matrix.py."""

from django.urls import include, path

from config import checkup_views, handover, views, web_app

urlpatterns = [
    path("", views.home, name="home"),
    path("todo/", views.todo, name="todo"),
    path("healthz", views.healthz, name="healthz"),
    path("manifest.webmanifest", web_app.manifest, name="manifest"),
    path("sw.js", web_app.service_worker, name="service_worker"),
    path("offline/", web_app.offline, name="offline"),
    path("branches/<int:pk>/handover/<slug:on>/", handover.handover_pack, name="handover_pack"),
    path("branches/<int:pk>/handover/<slug:on>/docx/", handover.handover_docx, name="handover_docx"),
    path("checkup/", checkup_views.checkup_home, name="checkup"),
    path("checkup.xlsx", checkup_views.checkup_xlsx, name="checkup_xlsx"),
    path("checkup/<slug:code>/", checkup_views.checkup_rule, name="checkup_rule"),
    path("design/", views.gallery, name="gallery"),
    path("", include("branches.urls")),
    path("", include("inbox.urls")),
    path("", include("plan.urls")),
    path("jobs/", include("jobs.urls")),
    path("study/", include("study.urls")),
    path("commitments/", include("commitments.urls")),
]
handler404 = "django.views.defaults.page_not_found"
