"""Problems of the feed."""

from typing import ClassVar

from pydantic import JsonValue

from app.errors import Problem


class FeedPositionGone(Problem):
    """Events after the position are kept no more."""

    status = 410
    code = "feed_position_gone"
    title = "The feed is kept no more from this position on"
    remedy = (
        "Events after the position that you asked for have been removed from the feed, because it keeps events for a "
        "limited time only. Nothing that is still kept was skipped: read the state of your orders anew "
        "(`GET /v1/purchase-orders`, with `updated_after`, or `GET /v1/exports/purchase-orders`), and go on with "
        "`after` as `oldest_after` says. What happened to each order stays in its own timeline."
    )
    example_detail = "Events up to position 1200 are kept no more, and 1000 was asked for."
    example_members: ClassVar[dict[str, JsonValue]] = {"oldest_after": 1200}

    @classmethod
    def of(cls, after: int, trimmed_to: int) -> "FeedPositionGone":
        """Return the problem of the position that was asked for, and the last one that is kept no more."""
        detail = f"Events up to position {trimmed_to} are kept no more, and {after} was asked for."
        return cls(detail, members={"oldest_after": trimmed_to})


class FeedPositionUnknown(Problem):
    """The position lies beyond the end of the feed."""

    status = 409
    code = "feed_position_unknown"
    title = "The feed has not come to this position"
    remedy = (
        "The position that you asked for was never given in your organisation's feed, whose end `last_position` names. "
        "It comes from another organisation's feed or from another installation, or the service was restored from a "
        "backup that is older than your position. Find out which: after a restore, read the state of your orders anew "
        "and go on from `last_position`."
    )
    example_detail = "The feed ends at position 1042, and 5000 was asked for."
    example_members: ClassVar[dict[str, JsonValue]] = {"last_position": 1042}

    @classmethod
    def of(cls, after: int, last: int) -> "FeedPositionUnknown":
        """Return the problem of the position that was asked for, and the last one that was given."""
        return cls(f"The feed ends at position {last}, and {after} was asked for.", members={"last_position": last})
