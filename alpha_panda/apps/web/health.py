"""Whether the web process is alive and has what it shows, and its metrics."""

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from alpha_panda.apps.web.parts import Parts
from alpha_panda.errors import DatabaseError


def health_routes(parts: Parts) -> APIRouter:
    """Return /health/live, which is open and says no more than that, /health/ready and /metrics."""
    router = APIRouter(tags=["health"])

    @router.get("/health/live")
    async def live() -> dict[str, bool]:
        """Say that requests are answered."""
        return {"live": True}

    @router.get("/health/ready")
    async def ready() -> Response:
        """Say whether all that is shown can be read: the log, the store, the session's folder and the database."""
        checks = {
            each.name: {"passes": each.is_read, "reason": parts.redaction.text(each.trouble)}
            for each in parts.desk.picture.sources
        }
        checks["database"] = await _database(parts)
        passes = all(check["passes"] for check in checks.values())
        return JSONResponse({"ready": passes, "checks": checks}, 200 if passes else 503)

    @router.get("/metrics", include_in_schema=False)
    async def exposition() -> Response:
        """Return the metrics of the process, and of the web app in it."""
        return Response(parts.exposition() + parts.metrics.exposition(), media_type=CONTENT_TYPE_PLAIN_0_0_4)

    return router


async def _database(parts: Parts) -> dict[str, bool | str]:
    try:
        await parts.database.users.get("")
    except DatabaseError as error:
        return {"passes": False, "reason": parts.redaction.text(str(error))}
    return {"passes": True, "reason": ""}
