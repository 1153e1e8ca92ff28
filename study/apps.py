from django.apps import AppConfig


class StudyConfig(AppConfig):
    name = "study"
    verbose_name = "学习与活动"

    def ready(self) -> None:
        """Say what a merge of two members' entries does with attendance and study plans."""
        from study.merging import register

        register()
