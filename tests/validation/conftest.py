"""What tests of the gate share."""

from typing import Any

import pytest

from tests.parties import Party


@pytest.fixture
def order(buyer: Party, seller: Party, warehouse: Party) -> dict[str, Any]:
    """An active order of ten that its seller and its ship-to know."""
    return buyer.active(
        seller={"organisation_id": seller.id},
        ship_to={"organisation_id": warehouse.id},
        lines=[{"sku": "A", "quantity": "10"}],
    )
