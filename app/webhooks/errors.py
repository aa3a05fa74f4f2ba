"""Problems of webhooks."""

from app.errors import Problem


class TooManyWebhookEndpoints(Problem):
    """An organisation has so many endpoints as it may have."""

    status = 409
    code = "too_many_webhook_endpoints"
    title = "The organisation has as many webhook endpoints as it may have"
    remedy = (
        "Delete an endpoint that is not needed any more. One endpoint can take all types of events, and hand them on "
        "within your own network."
    )
    example_detail = "The organisation has 20 webhook endpoints already."
