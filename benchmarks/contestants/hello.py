"""The measure of all: a FastAPI handler that returns a small dict, and one that only echoes an order's body."""

from typing import Any

from fastapi import FastAPI

application = FastAPI()


@application.get("/hello")
async def hello() -> dict[str, str]:
    return {"message": "hello"}


@application.post("/echo", status_code=201)
async def echo(body: dict[str, Any]) -> dict[str, Any]:
    return body
