"""What the office says of an uploaded roster: which row is the heading, and which column is what."""

from __future__ import annotations

from typing import Any

from django import forms

from branches.form_base import PortalForm
from branches.roster_cells import BY_KEY, HEADINGS
from branches.roster_columns import Cells, Columns, columns_seen, first_rows

CHOICES = [
    ("", "不读入"),
    *((heading.key, f"{heading.title}（必选）" if heading.required else heading.title) for heading in HEADINGS),
]


class HeaderForm(PortalForm):
    """Which of the top rows holds the headings."""

    header = forms.TypedChoiceField(coerce=int, label="表头在哪一行", widget=forms.RadioSelect)

    def __init__(self, *args: Any, cells: Cells, columns: Columns, **kwargs: Any) -> None:
        super().__init__(*args, initial={"header": columns.header}, **kwargs)
        self.fields["header"].choices = [  # type: ignore[attr-defined]
            (at, f"第{at + 1}行：{texts}") for at, texts in first_rows(cells)
        ]


class ColumnsForm(PortalForm):
    """One choice for each column of the sheet; afterwards `columns` is what was chosen."""

    def __init__(self, *args: Any, cells: Cells, columns: Columns, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.header, self.depth = columns.header, columns.depth
        self.seen = {f"column_{seen.place}": seen for seen in columns_seen(cells, columns)}
        for name, seen in self.seen.items():
            self.fields[name] = forms.ChoiceField(
                label=seen.label, choices=CHOICES, required=False, initial=seen.key,
                widget=forms.Select(attrs={"class": "form-select"}),
            )  # fmt: skip

    @property
    def lines(self) -> list[tuple[Any, forms.BoundField]]:
        return [(seen, self[name]) for name, seen in self.seen.items()]

    def clean(self) -> dict[str, Any]:
        places: dict[str, str] = {}
        for name in self.seen:
            key = self.cleaned_data.get(name)
            if key in places:
                other = self.seen[places[key]].label
                self.add_error(name, f"{other}已选作{BY_KEY[key].title}。一项只能取自一列，请把其中一列改为“不读入”。")
            elif key:
                places[key] = name
        missing = "、".join(
            f"“{heading.title}”" for heading in HEADINGS if heading.required and heading.key not in places
        )
        if missing:
            self.add_error(None, f"还没有选定{missing}是哪一列。文件里确实没有的，补上后重新上传。")
        self.columns = Columns(
            self.header, {key: self.seen[name].place for key, name in places.items()}, self.depth, chosen=True
        )
        return self.cleaned_data
