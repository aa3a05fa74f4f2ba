"""Writes the orders of a list, page by page, in a form that imports again as the same orders."""

from collections.abc import AsyncIterator, Sequence
from enum import StrEnum
from functools import partial
from typing import Final
from uuid import UUID

from app.db import clock
from app.db.lists import Lists
from app.db.pace import unhurried
from app.exchange import csv_writer, x12_writer
from app.orders import service as orders
from app.orders.list_repository import Filters
from app.orders.schemas import PurchaseOrder
from app.principal import Principal, Relation

_ORDERS_AT_ONCE: Final = 100


class ExportFormat(StrEnum):
    """The form of an export; the closed vocabulary of `format`."""

    CSV = "csv"
    X12_850 = "x12_850"
    X12_855 = "x12_855"


EXPORT_FORMAT_MEANINGS: Final = {
    ExportFormat.CSV: "Rows with a header, in UTF-8: one for each line of an order. Drafts too.",
    ExportFormat.X12_850: "X12 005010 purchase orders. Drafts are left out: they are no orders yet.",
    ExportFormat.X12_855: (
        "X12 005010 acknowledgements of the orders that are confirmed, for buyer and seller: what the seller has said "
        "of each line last, and of which revision (REF PP)."
    ),
}

MEDIA_TYPES: Final = {
    ExportFormat.CSV: "text/csv",
    ExportFormat.X12_850: "application/edi-x12",
    ExportFormat.X12_855: "application/edi-x12",
}


async def pages(
    database: Lists, caller: Principal, form: ExportFormat, role: Relation | None, filters: Filters
) -> AsyncIterator[str]:
    """Yield the text of an export, newest orders first; each page is read when the one before has been sent.

    Nothing is held in the meantime, neither a connection nor a transaction.
    """
    before: UUID | None = None
    control = 0
    written_at = await database.look(clock.now)
    if form is ExportFormat.CSV:
        yield csv_writer.header()
    while True:
        page = partial(orders.page, caller=caller, role=role, filters=filters, before=before, limit=_ORDERS_AT_ONCE)
        found: Sequence[PurchaseOrder] = await database.look(page)
        # As the relation shows it: an export tells nobody more than the API does.
        shown = [order.model_dump(mode="json") async for order in unhurried(found) if _belongs(order, form)]
        if form is ExportFormat.CSV:
            yield "".join([csv_writer.rows_of(order) async for order in unhurried(shown)])
        elif shown:
            control += 1
            code = form.value.removeprefix("x12_")
            yield x12_writer.interchange(code, shown, control, written_at)
        if len(found) < _ORDERS_AT_ONCE:
            return
        before = found[-1].id


def _belongs(order: PurchaseOrder, form: ExportFormat) -> bool:
    if form is ExportFormat.X12_850:
        return order.stored_status != "draft"
    # The seller's word is for those who see it: buyer and seller.
    return form is ExportFormat.CSV or order.acknowledgement is not None
