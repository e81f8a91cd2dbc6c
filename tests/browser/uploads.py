"""Uploading a photograph as the interface does, into a project of its own."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Playwright

from tools.real_server import Api

UPLOAD_MS = 120_000


def upload(
    playwright: Playwright, api: Api, *, project: str, label: str, name: str, data: bytes
) -> dict[str, Any]:
    """Make a project with one label, upload one file, and give the image as the API does."""
    project_id = api.post("/projects", {"name": project}).body["id"]
    api.post(f"/projects/{project_id}/categories", {"name": label})
    headers = {"X-CSRFToken": api.get("/me").body["csrf_token"], "Referer": api.base_url + "/"}
    requests = playwright.request.new_context(
        base_url=api.base_url,
        storage_state=api.storage_state(),
        extra_http_headers=headers,
        timeout=UPLOAD_MS,
    )
    mime = "image/png" if name.endswith(".png") else "image/jpeg"
    file: Any = {"name": name, "mimeType": mime, "buffer": data}
    answer = requests.post(f"/api/v1/projects/{project_id}/images", multipart={"files": file})
    assert answer.ok, answer.text()
    [image] = answer.json()["images"]
    requests.dispose()
    return dict(image)
