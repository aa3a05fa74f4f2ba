"""Databases full of orders, loaded by COPY: ten million of them in minutes.

One order is issued, confirmed and activated through the API; its rows are the pattern of all others, so that whatever
a migration adds is there. The n-th order differs in its number, its id and what its lines say.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import httpx

STEP, SPACE = 387_420_489, 1_000_000_000
"""3**18 and 10**9 have no common factor: n * STEP mod SPACE meets each number of nine digits once, in no order."""

MOST_ORDERS = 2**53 // STEP
"""What Lua's numbers can multiply without a loss."""

_AFTERNOON_TABLE = (
    "CREATE TABLE afternoon_orders (number varchar(40) PRIMARY KEY, id uuid NOT NULL UNIQUE, "
    "status varchar(20) NOT NULL, currency varchar(3), lines jsonb NOT NULL, created_at timestamptz NOT NULL)"
)
_LOADED = ("purchase_orders", "purchase_order_lines", "purchase_order_events")
_ROWS_A_CHUNK = 5_000


def number_of(n: int) -> str:
    """Return the number of the n-th loaded order; requests.lua and select_one.sql say the same."""
    return f"PO-B{n * STEP % SPACE:09}"


def database_beside(url: str, name: str) -> str:
    """Return the URL of another database of the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


async def load(url: str, service: httpx.AsyncClient, orders: int, *, afternoon: bool = False) -> str:
    """Fill the migrated database at `url`, which `service` serves; return the number key of the orders' pattern."""
    if orders > MOST_ORDERS:
        raise SystemExit(f"at most {MOST_ORDERS:,} orders can be loaded")
    order = await _order(service)
    connection = await asyncpg.connect(url)
    try:
        patterns = [await _pattern(connection, table, order) for table in _LOADED]
        async with _without_indexes(connection):
            for table, columns, row in patterns:
                await connection.copy_to_table(
                    table, source=_chunks(row, orders), columns=columns, format="text", timeout=None
                )
        if afternoon:
            await connection.execute(_AFTERNOON_TABLE)
            await connection.copy_to_table("afternoon_orders", source=_chunks(_afternoon_row, orders), format="text")
            await connection.execute("VACUUM ANALYZE afternoon_orders")
        for table in _LOADED:
            await connection.execute(f"VACUUM ANALYZE {table}", timeout=None)
        await connection.execute("CHECKPOINT", timeout=None)
    finally:
        await connection.close()
    return order


async def _order(service: httpx.AsyncClient) -> str:
    """Issue, confirm and activate the order that is the pattern; return its number's key."""
    parties = {}
    for role in ("seller", "ship_to"):
        made = await service.post("/v1/organisations", json={"name": f"Benchmark's {role}"})
        parties[role] = {"organisation_id": made.raise_for_status().json()["id"]}
    line = {"quantity": "24", "unit": "EA", "unit_price": "4.90", "description": "Carton of 12, blue"}
    lines = [{**line, "sku": "SKU-A"}, {**line, "sku": "SKU-B"}]
    made = await service.post("/v1/purchase-orders", json={"currency": "EUR", "lines": lines, **parties})
    order = made.raise_for_status().json()
    for action in ("confirm", "activate"):
        (await service.post(f"/v1/purchase-orders/{order['id']}/{action}", json={})).raise_for_status()
    return str(order["number"]).replace("-", "")


async def _pattern(connection: asyncpg.Connection, table: str, key: str) -> tuple[str, list[str], Callable[[int], str]]:
    columns = [
        row["attname"]
        for row in await connection.fetch(
            "SELECT attname FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped "
            "ORDER BY attnum",
            table,
        )
    ]
    quoted = ", ".join(f'"{name}"' for name in columns)
    # Of the events only the first: it is what an order is issued with.
    first = " AND sequence = 1" if table == "purchase_order_events" else ""
    text = bytearray()

    async def keep(part: bytes) -> None:
        text.extend(part)

    await connection.copy_from_query(
        f"SELECT {quoted} FROM {table} WHERE number_key = $1{first}", key, output=keep, format="text"
    )
    changing: dict[str, Callable[[int], str]] = {
        "number_key": lambda n: number_of(n).replace("-", ""),
        "number": number_of,
        # Of version 7, as the service makes them: in the order of their making.
        "id": lambda n: f"01900000-{n >> 16 & 0xFFFF:04x}-7000-8000-{n:012x}",
        "sku": lambda n: f"SKU-{n % 100_000}",
        "quantity": lambda n: str(n % 480 + 1),
    }
    return table, columns, _row_maker(text.decode(), columns, changing)


def _row_maker(text: str, columns: Sequence[str], changing: dict[str, Callable[[int], str]]) -> Callable[[int], str]:
    lines = [line.split("\t") for line in text.splitlines()]
    template = "".join(
        "\t".join(
            "%s" if name in changing else cell.replace("%", "%%") for name, cell in zip(columns, line, strict=True)
        )
        + "\n"
        for line in lines
    )
    makers = [changing[name] for _ in lines for name in columns if name in changing]
    return lambda n: template % tuple(make(n) for make in makers)


def _afternoon_row(n: int) -> str:
    line = f'{{"sku": "SKU-{n % 100_000}", "description": "Carton of 12, blue", "quantity": "{n % 480 + 1}"}}'
    return f"{number_of(n)}\t01900000-0000-7000-8000-{n:012x}\tactive\tEUR\t[{line}, {line}]\t2027-01-05 09:00:00+00\n"


async def _chunks(row: Callable[[int], str], orders: int) -> AsyncIterator[bytes]:
    for start in range(0, orders, _ROWS_A_CHUNK):
        yield "".join(map(row, range(start, min(start + _ROWS_A_CHUNK, orders)))).encode()
        await asyncio.sleep(0)


class _without_indexes:  # noqa: N801 - reads as a statement where it is used
    """Takes keys and indexes from the tables that are loaded and makes them anew, as they were, at the end."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self._again: list[str] = []

    async def __aenter__(self) -> None:
        await self._connection.execute("SET maintenance_work_mem = '512MB'")
        await self._connection.execute("ALTER SYSTEM SET max_wal_size = '8GB'")
        await self._connection.execute("SELECT pg_reload_conf()")
        constraints = await self._connection.fetch(
            "SELECT conrelid::regclass::text AS table, conname AS name, pg_get_constraintdef(oid) AS definition "
            "FROM pg_constraint WHERE contype IN ('p', 'f') "
            "AND (conrelid = ANY($1::regclass[]) OR confrelid = ANY($1::regclass[])) ORDER BY contype DESC, conname",
            list(_LOADED),
        )
        # Foreign keys come back last, when the keys that they point to are there.
        constraints.sort(key=lambda one: one["definition"].startswith("FOREIGN"), reverse=True)
        for one in constraints:
            await self._connection.execute(f'ALTER TABLE {one["table"]} DROP CONSTRAINT "{one["name"]}"')
        indexes = await self._connection.fetch(
            "SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition FROM pg_index "
            "WHERE indrelid = ANY($1::regclass[])",
            list(_LOADED),
        )
        for index in indexes:
            await self._connection.execute(f"DROP INDEX {index['name']}")
        self._again = [
            f'ALTER TABLE {one["table"]} ADD CONSTRAINT "{one["name"]}" {one["definition"]}' for one in constraints
        ]
        self._again = [index["definition"] for index in indexes] + self._again[::-1]

    async def __aexit__(self, *_: object) -> None:
        for statement in self._again:
            await self._connection.execute(statement, timeout=None)
        await self._connection.execute("ALTER SYSTEM RESET max_wal_size")
        await self._connection.execute("SELECT pg_reload_conf()")
