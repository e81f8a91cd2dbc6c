"""Sending stored files: whole, immutable, by sendfile where blobs are local."""

from __future__ import annotations

from flask import Response, request, send_file

from annotator.errors import NotFound
from annotator.storage import storage
from annotator.web.headers import IMMUTABLE


def send_blob(
    key: str, *, mime: str, etag: str, download_name: str | None = None, immutable: bool = True
) -> Response:
    """The blob as a response; a matching If-None-Match answers 304 without touching the file.

    `etag` names the content, so the browser may keep it for good. Raises NotFound(code="blob_missing").
    """
    if etag in request.if_none_match:
        response = Response(status=304)
        response.set_etag(etag)
    else:
        path = storage().local_path(key)
        if path is not None and not path.is_file():
            raise NotFound(
                "The stored file is missing; restore a backup or run `flask doctor`.", code="blob_missing"
            )
        response = send_file(
            path if path is not None else storage().open(key),
            mimetype=mime,
            etag=etag,
            conditional=False,
            as_attachment=download_name is not None,
            download_name=download_name,
        )
        if path is None:
            response.content_length = storage().size(key)
    response.headers["Cache-Control"] = IMMUTABLE if immutable else "private, no-cache"
    return response
