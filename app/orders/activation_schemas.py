"""Bodies of activation requests: what somebody at a gate applies for, and what the buyer decides."""

from uuid import UUID

from pydantic import ConfigDict

from app.http.schemas import AnswerModel, LongText, RequestModel, Timestamp
from app.orders.activation_rules import ActivationRequestStatus
from app.orders.contacts import ContactPoint
from app.orders.examples import ACTIVATION_REQUEST, APPLICATION
from app.orders.lifecycle import OrderStatus
from app.principal import Relation


class RequestActivation(RequestModel):
    """What is applied for, and why."""

    model_config = ConfigDict(json_schema_extra={"examples": [APPLICATION]})

    reason: LongText
    """Why the order should be accepted; the buyer's reviewers read it, and the order's parties see it."""
    expires_at: Timestamp | None = None
    """Until when the order should be valid; the buyer decides, and may give another date."""
    contact: ContactPoint | None = None
    """Whom the buyer reaches about it on your side; shown to the buyer, and to you."""


class ApproveActivationRequest(RequestModel):
    """Until when the order is valid: `{}` grants what was applied for."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"expires_at": "2036-07-15T22:00:00Z"}]})

    expires_at: Timestamp | None = None
    """The new end of the order's validity. Left out, it is the date applied for where that is later than the end the
    order has; needed where the order has expired and no date that is still to come was applied for."""
    reason: LongText | None = None
    """In words; the applicant and the order's parties see it."""


class DenyActivationRequest(RequestModel):
    """Why the request is denied."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "The season is over; we take no more."}]})

    reason: LongText
    """In words; the applicant and the order's parties see it."""


class Applicant(AnswerModel):
    """Who applied."""

    organisation_id: UUID
    name: str
    relation: Relation
    """What the organisation was to the order when it applied: a `presenter` held its number and no more."""
    contact: ContactPoint | None
    """Whom to reach about it, where the applicant has said so."""


class OrderOfRequest(AnswerModel):
    """The order that an activation request is about, as it is now."""

    id: UUID
    status: OrderStatus
    """The status now, time included."""
    activate_by: Timestamp | None
    valid_from: Timestamp | None
    expires_at: Timestamp | None


class ActivationRequest(AnswerModel):
    """An application for the activation of an order, or for its extension where it has expired."""

    model_config = ConfigDict(json_schema_extra={"examples": [ACTIVATION_REQUEST]})

    id: UUID
    number: str
    """The order's number."""
    status: ActivationRequestStatus
    reason: str
    """Why it was applied for."""
    expires_at: Timestamp | None
    """Until when the applicant wants the order to be valid."""
    requested_at: Timestamp
    applicant: Applicant
    decided_at: Timestamp | None
    """When it was approved, denied or withdrawn, or became obsolete."""
    decision_reason: str | None
    """What was said with the decision."""
    purchase_order: OrderOfRequest | None
    """For those whom the order names; null for who merely presents its number."""
