"""How every form of the portal is drawn; a form itself says only what it asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crispy_forms.helper import FormHelper
from django import forms
from django.db.models.fields import BLANK_CHOICE_DASH

DASHES = BLANK_CHOICE_DASH[0][1]


@dataclass(frozen=True)
class ErrorLine:
    """One thing to mend, as a sentence, and the place on the page to jump to (empty where it is the whole form)."""

    text: str
    href: str = ""


def _ask(field: forms.Field, label: str) -> str:
    """What to say where a required field was left empty: choose, upload or fill in."""
    if isinstance(field, forms.ChoiceField | forms.ModelChoiceField):
        return f"请选择“{label}”。"
    if isinstance(field, forms.FileField):
        return f"请上传“{label}”。"
    if isinstance(field, forms.BooleanField):
        return f"请勾选“{label}”。"
    return f"请填写“{label}”。"


def _dress(field: forms.Field) -> None:
    """Give a field the browser's own pickers and growing text areas, and say 请选择 where Django draws dashes."""
    widget = field.widget
    if isinstance(field, forms.ModelChoiceField):
        if field.empty_label == DASHES:
            field.empty_label = "请选择"
    elif isinstance(field, forms.ChoiceField):
        offered: Any = field.choices
        if ("", DASHES) in offered:
            field.choices = [(value, "请选择" if label == DASHES else label) for value, label in offered]
    if isinstance(widget, forms.DateTimeInput):
        widget.input_type, widget.format = "datetime-local", "%Y-%m-%dT%H:%M"
    elif isinstance(widget, forms.DateInput):
        widget.input_type, widget.format = "date", "%Y-%m-%d"
    elif isinstance(widget, forms.TimeInput):
        widget.input_type, widget.format = "time", "%H:%M"
    elif isinstance(widget, forms.Textarea):
        widget.attrs.setdefault("data-autogrow", "")
        widget.attrs["rows"] = 3 if widget.attrs.get("rows") in (None, "10") else widget.attrs["rows"]
        widget.attrs.pop("cols", None)


class FilterForm(forms.Form):
    """Conditions in an address: one that is not offered is said in words, without echoing what somebody typed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            usual = type(field).default_error_messages.get("invalid_choice")
            if usual and field.error_messages.get("invalid_choice") == usual:
                field.error_messages["invalid_choice"] = f"“{field.label or '这一条件'}”没有这个选项，请重新选择。"


class PortalFormMixin(forms.BaseForm):
    """The portal's manner of asking: Chinese requests, date pickers, one summary of errors, no tag of its own."""

    @property
    def helper(self) -> FormHelper:
        """Draw the fields only: the page owns the form tag, the token and the buttons."""
        helper = FormHelper()
        helper.form_tag = False
        helper.disable_csrf = True
        helper.form_show_errors = True
        helper.use_custom_control = True
        # The summary above the form already says what belongs to no single field.
        helper.form_error_title = ""
        return helper

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        usual = forms.Field.default_error_messages["required"]
        for name, field in self.fields.items():
            _dress(field)
            if field.required and field.error_messages["required"] == usual:
                field.error_messages["required"] = _ask(field, str(field.label or name))
            if isinstance(field, forms.FileField):
                field.error_messages["empty"] = "这个文件是空的，里面没有内容。请检查后重新选择。"

    def error_lines(self) -> list[ErrorLine]:
        """Every error in the order of the fields, what concerns the whole form first."""
        lines = [ErrorLine(str(text)) for text in self.non_field_errors()]
        for bound in self:
            # A group of ticks or radios has no single input to jump to, so the jump goes to its block.
            target = bound.id_for_label or f"div_{bound.auto_id}"
            for text in bound.errors:
                named = str(text) if str(bound.label) in str(text) else f"{bound.label}：{text}"
                lines.append(ErrorLine(named, f"#{target}"))
        return lines


class PortalForm(PortalFormMixin, forms.Form):
    """A plain form drawn in the portal's manner."""


class PortalModelForm(PortalFormMixin, forms.ModelForm):
    """A model's form drawn in the portal's manner."""
