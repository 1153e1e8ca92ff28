"""What becomes of messages when two entries of one member become one (`branches.merging`)."""

from branches.merging import DECISIONS, STAYS, Decision


def register() -> None:
    DECISIONS.update(
        {
            "inbox.Message.user": Decision("站内消息", carry=STAYS),
            "inbox.Preference.user": Decision("提醒方式", carry=STAYS),
        }
    )
