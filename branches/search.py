"""Finding a member by what one remembers: characters of the name, its pinyin or initials, or the staff number."""

import re
import unicodedata

from django.db.models import Q

from branches.models import normal_staff_number

_HAN = re.compile("[\u3400-\u9fff\U00020000-\U0003ffff·]")
LONGEST = 30


def matching(query: str) -> Q:
    """Members whose name contains the query, whose pinyin it spells, or whose staff number begins with it.

    Pinyin may be whole, initials, or a mixture: `chenjing`, `cj`, `chenj` and `Chen Jing` all find 陈静.
    """
    text = unicodedata.normalize("NFKC", query).strip()[:LONGEST]
    if not text:
        return Q()
    if _HAN.search(text):
        return Q(name__contains=re.sub(r"\s", "", text))
    found = Q(staff_number__startswith=normal_staff_number(text)) | Q(name__icontains=text)
    letters = re.sub(r"[^a-z]", "", text.casefold().replace("ü", "v"))
    if letters and re.fullmatch(r"[a-zü\s'·.-]+", text.casefold()):
        # Between two letters stands nothing, or the rest of one syllable and the blank before the next one.
        found |= Q(name_key__iregex="(^| )" + "([^ ]* (· )?)?".join(letters))
    return found
