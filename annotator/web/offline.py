"""What a browser keeps to open the workbench while the server is away: the service worker and the list of its files."""

from __future__ import annotations

import json
from pathlib import PurePosixPath

from apiflask import APIBlueprint
from flask import Response

from annotator.web import assets
from annotator.web.auth import public

blueprint = APIBlueprint("offline", __name__, enable_openapi=False)

VIEWS = PurePosixPath("static/js/views")
WORKBENCH = "workbench"
SCRIPTS = ("static/js/offline/embeddings.js", "static/js/offline/worker.js")


@blueprint.get("/offline.js")
@public
def script() -> Response:
    """The service worker's script: any change of a part changes it, and so the browser installs it anew."""
    parts = assets.current()
    files = [parts.address(name) for name in parts.files if not _of_another_page(PurePosixPath(name))]
    listed = json.dumps({"version": parts.version, "files": files})
    scripts = ", ".join(f'"{parts.address(name)}"' for name in SCRIPTS)
    response = Response(f"self.parts = {listed};\nimportScripts({scripts});\n", mimetype="text/javascript")
    response.headers["Cache-Control"] = "no-cache"
    return response


def _of_another_page(name: PurePosixPath) -> bool:
    return name.is_relative_to(VIEWS) and not name.parts[3].startswith(WORKBENCH)
