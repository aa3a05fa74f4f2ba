"""Problems that belong to HTTP itself or to every resource."""

from app.errors import Problem


class NotFound(Problem):
    """No such thing, or nothing that the caller has to do with: the two look the same on purpose."""

    status = 404
    code = "not_found"
    title = "There is no such resource"
    remedy = (
        "Either the path does not exist, or the resource does not, or the calling organisation has no relation to it: "
        "the three are not told apart. Compare the identifier with its source; a `/` inside a number is written %2F."
    )
    example_detail = "There is no purchase order PO-7K3M9QWX2R that this organisation has a relation to."


class MethodNotAllowed(Problem):
    """The path exists, but not with this method."""

    status = 405
    code = "method_not_allowed"
    title = "The method is not allowed here"
    remedy = "The path exists with other methods; the header `Allow` and /docs list them."
    example_detail = "GET is not allowed here."


class MalformedBody(Problem):
    """The body could not be read as JSON."""

    status = 400
    code = "malformed_body"
    title = "The body is not readable JSON"
    remedy = "Send one JSON document in UTF-8 with `Content-Type: application/json`."
    example_detail = "The body is not readable JSON."


class UnsupportedMediaType(Problem):
    """The body came as something else than JSON."""

    status = 415
    code = "unsupported_media_type"
    title = "The body is not sent as JSON"
    remedy = "Send the header `Content-Type: application/json`; what curl sends by itself is a form."
    example_detail = "Send the body with Content-Type: application/json."


class ContentTooLarge(Problem):
    """The body is larger than the operation takes."""

    status = 413
    code = "content_too_large"
    title = "The body is too large"
    remedy = (
        "Bodies are taken up to 1 MiB (1,048,576 bytes), batches up to 8 MiB, files to import up to 50 MiB. Split the "
        "request."
    )
    example_detail = "The body is larger than the 1 MiB that this operation takes."


class InternalError(Problem):
    """A fault of the service."""

    status = 500
    code = "internal_error"
    title = "The service has failed"
    remedy = (
        "This is a fault of the service, and nothing was carried out. Quote the X-Request-ID of the answer to its "
        "operator; the request may be sent again with the same Idempotency-Key."
    )
    example_detail = "The service has failed; nothing was carried out."


class MissingKey(Problem):
    """No API key came with the request."""

    status = 401
    code = "missing_api_key"
    title = "An API key is needed"
    remedy = "Send the header `Authorization: Bearer por_live_...` with a key of your organisation."
    example_detail = "The request has no Authorization header of the form `Bearer por_live_...`."

    def __init__(self, detail: str = example_detail) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": "Bearer"})


class MissingScope(Problem):
    """The key is valid, but not for this operation."""

    status = 403
    code = "missing_scope"
    title = "The key lacks the scope for this operation"
    remedy = "Ask the holder of your organisation's keys for one with the scope that `detail` names."
    example_detail = "This operation needs the scope orders:write."


class RelationNotAllowed(Problem):
    """The caller is related to the order, but not in the way that this operation asks for."""

    status = 403
    code = "relation_not_allowed"
    title = "Another party of the order does this"
    remedy = (
        "The operation belongs to other parties of the order than the calling organisation; `detail` names them. "
        "Ask that party, whose contact stands in the order."
    )
    example_detail = "This is done by the owner of the order; the calling organisation is its seller."


class InvalidIdempotencyKey(Problem):
    """The Idempotency-Key header has no usable form."""

    status = 400
    code = "invalid_idempotency_key"
    title = "The Idempotency-Key cannot be used"
    remedy = "Send 1 to 255 printable ASCII characters, quoted or not; a UUID is a good choice."
    example_detail = "The Idempotency-Key has 300 characters; at most 255 are taken."


class IdempotencyKeyReused(Problem):
    """The key was used before with another request."""

    status = 422
    code = "idempotency_key_reused"
    title = "The Idempotency-Key belongs to another request"
    remedy = (
        "Within 24 hours a key stands for one method, path and body. Use a new key for a new request; to repeat the "
        "old one send exactly what was sent before."
    )
    example_detail = "This Idempotency-Key was used with another method, path or body."


class IdempotencyKeyInUse(Problem):
    """The first request with this key is still running."""

    status = 409
    code = "idempotency_key_in_use"
    title = "The first request with this Idempotency-Key is still running"
    remedy = "Send the same request again after the seconds of `Retry-After`: its answer will then be there."
    example_detail = "The first request with this Idempotency-Key has not finished within 2 seconds."

    def __init__(self, detail: str = example_detail) -> None:
        super().__init__(detail, headers={"Retry-After": "2"})


class PreconditionRequired(Problem):
    """A change needs If-Match, so that nobody overwrites what he has not seen."""

    status = 428
    code = "precondition_required"
    title = "If-Match is needed"
    remedy = "Read the resource and send its ETag as `If-Match` with the change."
    example_detail = "Send the ETag of what you read as If-Match."


class PreconditionFailed(Problem):
    """The resource has changed since the caller read it."""

    status = 412
    code = "precondition_failed"
    title = "The resource has changed since it was read"
    remedy = "Read it again, look at what changed, and send the change with the new ETag."
    example_detail = "The resource has changed since the ETag in If-Match was read."


class TooManyLookUps(Problem):
    """The organisation has looked up too many numbers that it has nothing to do with."""

    status = 429
    code = "too_many_look_ups"
    title = "Too many numbers without relation were looked up"
    remedy = (
        "Numbers of orders that name your organisation are never counted and never refused. Of others so many may be "
        "looked up within an hour as `RateLimit-Policy` says; `RateLimit` says how many are left. Ask again after the "
        "seconds of `Retry-After`. Whoever has to look up more asks the buyer to name his organisation on the orders, "
        "as ship-to or forwarder."
    )
    example_detail = "1200 numbers without relation to the calling organisation were looked up within an hour."
