"""What tests of deliveries share."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.parties import Party


@pytest.fixture
def at_warehouse(buyer: Party, seller: Party, warehouse: Party, forwarder: Party) -> Callable[..., dict[str, Any]]:
    """Issues an active order from the buyer to the warehouse that the forwarder ships."""

    def make(**said: Any) -> dict[str, Any]:
        parties = {
            "seller": {"organisation_id": seller.id},
            "ship_to": {"organisation_id": warehouse.id},
            "forwarders": [{"organisation_id": forwarder.id}],
        }
        return buyer.active(**{**parties, **said})

    return make
