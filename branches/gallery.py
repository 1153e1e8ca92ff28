"""The gallery: every component of the face on one page, with the longest names and the errors a page must bear."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.utils import timezone

from branches.form_base import FilterForm, PortalForm

LONG_BRANCH = "发展规划与学科建设处国际交流合作处联合党支部"
LONG_NAME = "阿卜杜热合曼·买买提吐尔逊"


class SampleForm(PortalForm):
    """A form with each kind of field, bound so that its errors show."""

    kinds = forms.MultipleChoiceField(
        label="活动种类",
        choices=[("study", "集体学习"), ("theme", "主题党日"), ("general", "支部党员大会")],
        widget=forms.CheckboxSelectMultiple,
        help_text="可同时选择几种；一次报送，分别计入。",
    )
    title = forms.CharField(label="题目", max_length=60)
    held_on = forms.DateField(label="日期")
    held_at = forms.DateTimeField(label="开始时间", required=False)
    method = forms.ChoiceField(
        label="学习方式",
        choices=[("", "请选择"), ("reading", "文件领读"), ("lecture", "党课宣讲"), ("film", "观看影片")],
    )
    open_to = forms.ChoiceField(
        label="参加范围", choices=[("all", "全体党员"), ("group", "本党小组")], widget=forms.RadioSelect, initial="all"
    )
    content = forms.CharField(label="主要内容", widget=forms.Textarea, help_text="写清学了什么、谁发言、定了什么事。")
    minutes = forms.FileField(label="会议记录", required=False)
    agreed = forms.BooleanField(label="以上内容经支部书记核对", required=False)

    def clean(self) -> dict[str, Any]:
        """Add a sentence that belongs to no single field, so that the gallery shows one."""
        self.add_error(None, "7月18日已有一次同名活动，请核对是否重复。")
        return self.cleaned_data


class SampleFilter(FilterForm):
    """Conditions of a list, as a filter bar draws them."""

    branch = forms.ChoiceField(
        label="党支部", choices=[("", "全部党支部"), ("1", "党委办公室党支部"), ("2", LONG_BRANCH)], required=False
    )
    standing = forms.ChoiceField(
        label="状态", choices=[("", "全部状态"), ("todo", "待办"), ("overdue", "逾期")], required=False
    )
    until = forms.DateField(label="截至", required=False, widget=forms.DateInput(attrs={"type": "date"}))


def sample_context(now: datetime) -> dict[str, Any]:
    """Everything the gallery shows, as of ``now``; no database is asked."""
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)

    def at(days: int, hour: int = 0, minute: int = 0) -> datetime:
        return midnight + timedelta(days=days, hours=hour, minutes=minute)

    photo = static("img/sample.svg")
    return {
        "now": now,
        "late_at": at(-1),
        "today_at": at(1),
        "soon_at": at(4),
        "far_at": at(40),
        "next_year_at": at(365),
        "start": at(6, 19, 30),
        "end": at(6, 21),
        "end_other_day": at(7, 11),
        "long_branch": LONG_BRANCH,
        "long_name": LONG_NAME,
        "stats": [
            {"label": "待审", "number": 12, "unit": "件", "url": "#lists", "note": "最早一件已等3天"},
            {"label": "逾期", "number": 5, "unit": "件", "url": "#lists", "tone": "late", "note": "涉及3个党支部"},
            {"label": "本周到期", "number": 31, "unit": "件", "url": "#lists", "tone": "soon", "note": "周日24:00前"},
        ],
        "key_values": [
            ("题目", "学习习近平总书记在纪念马克思诞辰200周年大会上的重要讲话"),
            ("党支部", LONG_BRANCH),
            ("主持人", LONG_NAME),
            ("应到 / 实到", "17 / 15"),
            ("请假", ""),
        ],
        "moves": [
            {"at": at(0, 9, 14), "text": "已备案", "by": "李文静（机关党委办公室）", "tone": "done"},
            {
                "at": at(-1, 17, 2),
                "text": "补正后再次报送（第2版）",
                "by": LONG_NAME,
                "receipt": "2018-03-0017",
                "number": "回执号",
            },
            {
                "at": at(-2, 10, 30),
                "text": "退回补正",
                "by": "李文静（机关党委办公室）",
                "tone": "soon",
                "note": "第2张图片看不清，请换一张；实到人数与签到表不一致，请核对。",
            },
            {
                "at": at(-3, 16, 48),
                "text": "已报送（第1版）",
                "by": LONG_NAME,
                "receipt": "2018-03-0011",
                "number": "回执号",
            },
        ],
        "missing": ["主要内容还没有填写。", "至少需要1张活动图片。", "还没有确认到会人员。"],
        "missing_words": ["主要内容", "图片"],
        "photos": [
            {"thumb": photo, "alt": "第1张图片", "url": "#photos", "caption": "集体学习会场", "remove_name": "1"},
            {"thumb": photo, "alt": "第2张图片", "progress": 62, "caption": "正在上传"},
            {
                "thumb": "",
                "alt": "第3张图片",
                "error": "“IMG_0031.jpg”不是有效的照片，请重新拍摄或换一张。",
                "remove_name": "3",
            },
        ],
        "columns": [
            {"label": "党支部", "kind": "head"},
            {"label": "支部书记"},
            {"label": "应办", "kind": "number"},
            {"label": "已办", "kind": "number"},
            {"label": "最近报送"},
            {"label": "状态"},
        ],
        "rows": [
            {
                "cells": [
                    {"text": LONG_BRANCH, "url": "#lists"},
                    LONG_NAME,
                    128,
                    126,
                    "7月学习计划",
                    {"standing": "overdue", "text": "逾期2天"},
                ]
            },
            {
                "cells": [
                    {"text": "党委办公室党支部", "url": "#lists"},
                    "王建国",
                    9,
                    9,
                    "6月主题党日",
                    {"standing": "received", "text": "已备案", "late": True},
                ]
            },
            {
                "cells": [
                    {"text": "离退休处党支部", "url": "#lists"},
                    "赵秀兰",
                    41,
                    40,
                    "“七一”主题党课",
                    {"standing": "sent_back", "text": ""},
                ]
            },
        ],
        "board_rows": [
            (LONG_BRANCH, ["received", "overdue", "todo", "filed", "sent_back", "not_due"]),
            ("党委办公室党支部", ["received", "received", "draft", "approved", "kept", "not_due"]),
            ("离退休处党支部", ["waived", "todo", "todo", "filed", "overdue", "not_due"]),
        ],
        "board_columns": ["年度学习计划", "集体学习", "专题研讨", "主题党课", "主题党日", "组织生活会"],
        "page": Paginator(range(400), 50).get_page(3),
        "sample_form": SampleForm(
            {"title": "", "kinds": [], "held_on": "", "open_to": "all", "method": "reading", "content": "领读讲话。"}
        ),
        "filter_form": SampleFilter(),
    }


def gallery(request: HttpRequest) -> HttpResponse:
    """Show every component; nothing here is anybody's data."""
    now = getattr(request, "now", None) or timezone.now()
    return render(request, "gallery.html", sample_context(now))
