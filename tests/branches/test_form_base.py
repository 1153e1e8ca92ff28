"""Every form asks in the same manner, and says plainly what is still to mend."""

from django import forms
from django.template.loader import render_to_string

from branches.form_base import PortalForm, PortalModelForm
from study.models import PlanItem


class Sample(PortalForm):
    title = forms.CharField(label="题目")
    kinds = forms.MultipleChoiceField(
        label="种类", choices=[("a", "集体学习"), ("b", "主题党日")], widget=forms.CheckboxSelectMultiple
    )
    held_on = forms.DateField(label="日期")
    starts_at = forms.DateTimeField(label="开始时间", required=False)
    at = forms.TimeField(label="时刻", required=False)
    content = forms.CharField(label="主要内容", widget=forms.Textarea)
    photo = forms.FileField(label="图片")
    agreed = forms.BooleanField(label="已核对")
    own = forms.CharField(label="备注", error_messages={"required": "没有备注不能退回。"})


FULL = {"title": "一", "kinds": ["a"], "held_on": "2018-07-11", "content": "二", "agreed": "on", "own": "三"}


def test_a_required_field_asks_for_what_it_wants():
    errors = Sample({}).errors
    assert errors["title"] == ["请填写“题目”。"]
    assert errors["kinds"] == ["请选择“种类”。"]
    assert errors["photo"] == ["请上传“图片”。"]
    assert errors["agreed"] == ["请勾选“已核对”。"]


def test_a_choice_not_yet_made_is_put_into_words():
    fields = forms.modelform_factory(PlanItem, form=PortalModelForm, fields=["method", "responsible", "kind"])().fields
    assert next(iter(fields["method"].choices)) == ("", "请选择")
    assert fields["responsible"].empty_label == "请选择"
    assert not any("---" in str(label) for name in ("method", "kind") for _, label in fields[name].choices)


def test_a_form_keeps_its_own_words():
    assert Sample({}).errors["own"] == ["没有备注不能退回。"]


def test_the_browser_offers_its_own_pickers():
    form = Sample()
    kinds = {name: form.fields[name].widget.input_type for name in ("held_on", "starts_at", "at")}
    assert kinds == {"held_on": "date", "starts_at": "datetime-local", "at": "time"}


def test_a_picker_gets_the_value_it_understands_and_gives_it_back():
    form = Sample({**FULL, "starts_at": "2018-07-11T19:30", "at": "19:30"})
    assert 'value="2018-07-11"' in str(form["held_on"])
    assert 'value="2018-07-11T19:30"' in str(form["starts_at"])
    form.full_clean()
    assert f"{form.cleaned_data['starts_at']:%H:%M %z}" == "19:30 +0800"
    assert set(form.errors) == {"photo"}


def test_text_areas_grow_with_their_text():
    assert Sample().fields["content"].widget.attrs["data-autogrow"] == ""


def test_errors_are_told_once_above_in_the_order_of_the_fields_each_leading_to_its_field():
    form = Sample({**FULL, "title": "", "kinds": [], "at": "傍晚"})
    form.add_error(None, "7月18日已有一次同名活动。")
    lines = form.error_lines()
    assert [line.href for line in lines] == ["", "#id_title", "#div_id_kinds", "#id_at", "#id_photo"]
    assert lines[0].text == "7月18日已有一次同名活动。"
    assert lines[1].text == "请填写“题目”。"
    assert lines[3].text.startswith("时刻：")


def test_every_link_of_the_summary_leads_to_something_on_the_page():
    form = Sample({})
    page = render_to_string("components/form_fields.html", {"form": form})
    assert all(f'id="{line.href[1:]}"' in page for line in form.error_lines())


def test_a_sentence_about_the_whole_form_is_drawn_once():
    form = Sample(FULL)
    form.add_error(None, "7月18日已有一次同名活动。")
    page = render_to_string("components/form_fields.html", {"form": form})
    assert page.count("7月18日已有一次同名活动。") == 1


def test_a_right_form_shows_no_summary():
    assert 'role="alert"' not in render_to_string("components/form_fields.html", {"form": Sample()})


def test_fields_come_without_a_form_tag_or_a_token_of_their_own():
    page = render_to_string("components/form_fields.html", {"form": Sample()})
    assert "<form" not in page
    assert "csrfmiddlewaretoken" not in page


def test_a_form_with_a_file_is_sent_with_it_and_not_checked_by_the_browser():
    page = render_to_string("components/form.html", {"form": Sample(), "primary_label": "保存"})
    assert 'enctype="multipart/form-data"' in page
    assert "novalidate" in page
