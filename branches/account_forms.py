"""What is asked of those who log in, and of whoever looks after the accounts."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.hashers import check_password
from django.db.models import QuerySet

from branches.accounts import password_problems
from branches.form_base import PortalForm
from branches.models import Branch, User


class LoginForm(PortalForm):
    """Staff number and password."""

    username = forms.CharField(
        label="工号",
        max_length=60,
        error_messages={"max_length": "工号没有这么长，请核对。"},
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none", "autofocus": True}),
    )
    password = forms.CharField(
        label="密码",
        max_length=128,
        error_messages={"max_length": "密码最长128个字符，请核对。"},
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    next = forms.CharField(required=False, widget=forms.HiddenInput)


class SudoForm(PortalForm):
    """The password once more, before a sensitive act."""

    password = forms.CharField(
        label="现在的密码",
        max_length=128,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "autofocus": True}),
    )
    next = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_password(self) -> str:
        if not check_password(self.cleaned_data["password"], self.user.password):
            raise forms.ValidationError("密码不对，请重新输入。")
        return self.cleaned_data["password"]


class PasswordForm(PortalForm):
    """An own password; the present one is asked unless it is the first password just used to log in."""

    old = forms.CharField(
        label="现在的密码",
        max_length=128,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    new = forms.CharField(
        label="新密码",
        max_length=128,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="至少10个字符，不能全是数字，不能含工号，也不要用常见的密码。可以用一句自己记得住的话。",
    )
    again = forms.CharField(
        label="再输一遍新密码",
        max_length=128,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        if user.must_change_password:
            del self.fields["old"]

    def clean_old(self) -> str:
        if not check_password(self.cleaned_data["old"], self.user.password):
            raise forms.ValidationError("现在的密码不对，请重新输入。")
        return self.cleaned_data["old"]

    def clean_new(self) -> str:
        new = self.cleaned_data["new"]
        if problems := password_problems(new, self.user.staff_number):
            raise forms.ValidationError([forms.ValidationError(problem) for problem in problems])
        if check_password(new, self.user.password):
            raise forms.ValidationError("新密码不能与现在的密码相同。")
        return new

    def clean(self) -> dict[str, Any]:
        new, again = self.cleaned_data.get("new"), self.cleaned_data.get("again")
        if new and again and new != again:
            self.add_error("again", "两次输入的新密码不一样，请重新输入。")
        return self.cleaned_data


class UserFilter(forms.Form):
    """Conditions of the list of accounts."""

    STATES = (("", "全部"), ("none", "未开通"), ("waiting", "待首次登录"), ("active", "使用中"), ("paused", "已暂停"))

    q = forms.CharField(label="姓名、拼音或工号", required=False, max_length=50)
    branch = forms.ModelChoiceField(Branch.objects.none(), label="党支部", required=False, empty_label="全部党支部")
    state = forms.ChoiceField(label="账号", choices=STATES, required=False)

    def __init__(self, *args: Any, branches: QuerySet[Branch], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["branch"].queryset = branches  # type: ignore[attr-defined]
