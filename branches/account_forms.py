"""What is asked of those who log in, and of whoever looks after the accounts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.hashers import check_password
from django.db.models import QuerySet

from branches import passwords, second_factor
from branches.form_base import FilterForm, PortalForm
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
    # Shows that the wait that was asked for is over.
    ticket = forms.CharField(required=False, widget=forms.HiddenInput)


def _complaints(found: list[str]) -> forms.ValidationError:
    return forms.ValidationError([forms.ValidationError(problem) for problem in found])


class NewPasswordForm(PortalForm):
    """A new password, twice; pasted as one likes."""

    new = forms.CharField(
        label="新密码",
        max_length=1000,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    again = forms.CharField(
        label="再输一遍新密码",
        max_length=1000,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["new"].help_text = passwords.HELP[settings.PASSWORD_POLICY]

    def clean(self) -> dict[str, Any]:
        new, again = self.cleaned_data.get("new"), self.cleaned_data.get("again")
        if new and again and new != again:
            self.add_error("again", "两次输入的新密码不一样，请重新输入。")
        return self.cleaned_data


class ActivateForm(NewPasswordForm):
    """Staff number and the code on the slip, and the own password that takes the code's place."""

    number = forms.CharField(
        label="工号",
        max_length=60,
        error_messages={"max_length": "工号没有这么长，请核对。"},
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none", "autofocus": True}),
    )
    code = forms.CharField(
        label="激活码",
        max_length=60,
        error_messages={"max_length": "激活码没有这么长，请核对。"},
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
        help_text="在激活码条上，三组各五个字符；大小写、横线和空格都不要紧。",
    )
    field_order = ("number", "code", "new", "again")

    def clean(self) -> dict[str, Any]:
        """What can be said without looking at any account: whose name it must not contain is looked at later."""
        data = super().clean()
        if "new" in data and (found := passwords.problems(data["new"], number=data.get("number", ""))):
            self.add_error("new", _complaints(found))
        return data

    def suits(self, user: User) -> bool:
        """Whether the password may be this person's; the form says what is wrong if not."""
        found = passwords.problems(self.cleaned_data["new"], number=user.staff_number, name=user.member.name)
        if not found and passwords.is_reused(self.cleaned_data["new"], user):
            found = [REUSED]
        if found:
            self.add_error("new", _complaints(found))
        return not found


# The rule of the policy `dengbao`; under `asvs` only the present password is looked at.
REUSED = f"这个密码最近用过（最近{passwords.KEPT}个不能再用），请换一个。"


class SudoForm(PortalForm):
    """The password once more, before a sensitive act; or the digits on the phone, where the account has them."""

    password = forms.CharField(
        label="现在的密码",
        max_length=128,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "autofocus": True}),
    )
    next = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, user: User, now: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user, self.now = user, now
        if user.totp_sealed:
            self.fields["password"].label = "现在的密码，或手机验证器上的6位数字"

    def clean_password(self) -> str:
        given = self.cleaned_data["password"]
        if check_password(given, self.user.password):
            return given
        if self.user.totp_sealed and second_factor.accept(self.user, given, self.now):
            return given
        raise forms.ValidationError(
            "密码或验证码不对，请重新输入。" if self.user.totp_sealed else "密码不对，请重新输入。"
        )


class CodeForm(PortalForm):
    """The second step of logging in: the digits on the phone, or a code from paper."""

    code = forms.CharField(
        label="验证码",
        max_length=40,
        error_messages={"max_length": "验证码没有这么长，请核对。"},
        help_text="手机验证器上显示的6位数字。手机不在身边，输入一个恢复码。",
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "autocapitalize": "none", "autofocus": True, "spellcheck": "false"}
        ),
    )


class TotpForm(PortalForm):
    """A new phone: the secret that was shown, sealed for this account, and the digits the phone makes of it."""

    secret = forms.CharField(widget=forms.HiddenInput)
    code = forms.CharField(
        label="手机上显示的6位数字",
        max_length=20,
        error_messages={"max_length": "验证码是6位数字，请核对。"},
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )


class PasswordForm(NewPasswordForm):
    """An own password; the present one is asked unless it was given to the person by somebody else."""

    old = forms.CharField(
        label="现在的密码",
        max_length=1000,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    field_order = ("old", "new", "again")

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
        if found := passwords.problems(new, number=self.user.staff_number, name=self.user.member.name):
            raise _complaints(found)
        if check_password(new, self.user.password):
            raise forms.ValidationError("新密码不能与现在的密码相同。")
        if passwords.is_reused(new, self.user):
            raise forms.ValidationError(REUSED)
        return new


class UserFilter(FilterForm):
    """Conditions of the list of accounts."""

    STATES = (
        ("", "全部"), ("none", "未开通"), ("waiting", "待激活"), ("late", "待发激活码"), ("active", "使用中"),
        ("paused", "已暂停"),
    )  # fmt: skip

    q = forms.CharField(label="姓名、拼音或工号", required=False, max_length=50)
    branch = forms.ModelChoiceField(Branch.objects.none(), label="党支部", required=False, empty_label="全部党支部")
    state = forms.ChoiceField(label="账号", choices=STATES, required=False)

    def __init__(self, *args: Any, branches: QuerySet[Branch], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["branch"].queryset = branches  # type: ignore[attr-defined]


class SecurityFilter(FilterForm):
    """Conditions of the security administrator's list."""

    STATES = (
        ("", "全部"), ("active", "使用中"), ("waiting", "未激活"), ("paused", "已暂停"), ("logged_in", "正在登录"),
        ("second", "已启用两步验证"),
    )  # fmt: skip

    q = forms.CharField(label="姓名、拼音或工号", required=False, max_length=50)
    state = forms.ChoiceField(label="账号", choices=STATES, required=False)
