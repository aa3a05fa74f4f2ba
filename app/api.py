"""Every router of the API under `/v1`."""

from fastapi import APIRouter

from app.access.endpoints import router as api_keys
from app.numbers.endpoints import router as number_formats
from app.orders.endpoints import router as purchase_orders
from app.orders.lifecycle_endpoints import router as purchase_order_lifecycle
from app.organisations.endpoints import router as organisations
from app.shipments.endpoints import router as shipments
from app.validation.endpoints import router as validations

router = APIRouter(prefix="/v1")

for part in (
    validations,
    purchase_orders,
    purchase_order_lifecycle,
    shipments,
    number_formats,
    organisations,
    api_keys,
):
    router.include_router(part)
