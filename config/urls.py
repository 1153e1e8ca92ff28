"""All addresses of the portal; who may use them stands in config/matrix.py."""

from django.urls import include, path

from config import views

urlpatterns = [
    path("", views.home, name="home"),
    path("healthz", views.healthz, name="healthz"),
    path("design/", views.gallery, name="gallery"),
    path("", include("branches.urls")),
    path("", include("plan.urls")),
    path("study/", include("study.urls")),
]
handler404 = "django.views.defaults.page_not_found"
