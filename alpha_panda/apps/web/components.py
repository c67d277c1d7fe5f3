"""The files of Panel's components, which lie beside the modules that name them, and of no other module."""

import sys
from typing import Any

from fastapi import APIRouter, HTTPException
from fastapi.responses import FileResponse
from panel.io.resources import COMPONENT_PATH
from panel.io.server import ComponentResourceHandler
from tornado.web import HTTPError

_PACKAGES = ("panel", "panel_material_ui", "alpha_panda.apps.dashboard")


def component_routes() -> APIRouter:
    """Return the route of the components' files, which must come before Panel's own.

    Panel's imports whatever module is named in the path; this one knows only those that the pages have imported.
    """
    router = APIRouter(include_in_schema=False)

    @router.get(f"/{COMPONENT_PATH.rstrip('/')}/{{path:path}}")
    def component_file(path: str) -> FileResponse:
        module = path.partition("/")[0]
        if module not in sys.modules or not any(f"{module}.".startswith(f"{each}.") for each in _PACKAGES):
            raise HTTPException(404, "no page has such a component")
        finder: Any = ComponentResourceHandler  # its method looks at nothing but what belongs to the class
        try:
            return FileResponse(finder.parse_url_path(finder, path))
        except HTTPError as error:
            raise HTTPException(404, "the component has no such file") from error

    return router
