"""The one error shape: `{"error": {"code", "message", "field"}}` for the API, a page for people."""

from __future__ import annotations

import re
from typing import Any

import structlog
from apiflask import APIFlask, HTTPError
from flask import Response, jsonify, make_response, render_template, request
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import NoResultFound, SQLAlchemyError
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES

from annotator.errors import AnnotatorError
from annotator.races import overtaken
from annotator.web.language import translate_message

log = structlog.get_logger()

MESSAGES = {
    400: "The request could not be understood.",
    404: "There is nothing at this address.",
    405: "This address does not accept {method}.",
    409: "Somebody changed the same thing at the same moment. Nothing was saved; try again.",
    413: "The request is larger than this server accepts.",
    415: "Send JSON with the header Content-Type: application/json.",
    429: "Too many attempts. Wait a minute and try again.",
    500: "Something went wrong on the server. It has been logged; try again.",
}

# What a page says above the message.
TITLES = {
    400: "This request was not understood",
    403: "You may not do this",
    404: "There is nothing here",
    405: "This does not work here",
    410: "This is gone",
    413: "This is too large",
    429: "Too many attempts",
    500: "Something went wrong",
}

PLACES = {"json": "body", "query": "query"}


def error_body(code: str, message: str, field: str | None = None) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "field": field}}


def register(app: APIFlask) -> None:
    """Install the handlers on `app`."""

    @app.errorhandler(AnnotatorError)
    def _expected(error: AnnotatorError) -> Response:
        return _answer(error.status, error_body(error.code, error.message, error.field) | error.extra)

    @app.errorhandler(CSRFError)
    def _csrf(error: CSRFError) -> Response:
        message = f"{error.description} Send the csrf_token of GET /api/v1/me in the header X-CSRFToken."
        return _answer(400, error_body("csrf", message))

    @app.errorhandler(HTTPException)
    def _http(error: HTTPException) -> Response:
        if error.response is not None and error.code is None:
            return make_response(error.response)
        status = error.code or 500
        if status < 400:
            return make_response(error.get_response())
        message = MESSAGES.get(status, str(error.description or "")).format(method=request.method)
        response = _answer(status, error_body(_code(status), message))
        for name, value in error.get_headers():
            if name.lower() in ("allow", "retry-after"):
                response.headers[name] = value
        return response

    @app.errorhandler(NoResultFound)
    def _gone(error: NoResultFound) -> Response:
        return _answer(404, error_body("gone", "This was deleted meanwhile."))

    @app.errorhandler(SQLAlchemyError)
    def _database(error: SQLAlchemyError) -> Response:
        if not overtaken(error):
            return _unexpected(error)
        log.warning("request overtaken", method=request.method, path=request.path, reason=str(error))
        return _answer(409, error_body("overtaken", MESSAGES[409]))

    @app.errorhandler(Exception)
    def _unexpected(error: Exception) -> Response:
        log.exception("request failed", method=request.method, path=request.path)
        return _answer(500, error_body("internal_error", MESSAGES[500]))

    @app.errorhandler(HTTPError)
    def _api(error: HTTPError) -> Response:
        code = _code(error.status_code)
        message = error.message or HTTP_STATUS_CODES.get(error.status_code, "Error")
        field = None
        if isinstance(error.detail, dict) and error.detail:
            code, field, message = "invalid_input", *_first_problem(error.detail)
        response = _answer(error.status_code, error_body(code, message, field) | dict(error.extra_data))
        response.headers.extend(error.headers)
        return response


def _first_problem(detail: dict[str, Any]) -> tuple[str | None, str]:
    """APIFlask's {location: {field: [messages]}} as (field, message)."""
    for location, problems in detail.items():
        if isinstance(problems, dict):
            for field, messages in problems.items():
                text = messages[0] if isinstance(messages, list) and messages else messages
                name = None if field == "_schema" else str(field)
                return name, f"{name}: {text}" if name else f"The {PLACES.get(location, location)}: {text}"
        return None, f"{location}: {problems}"
    return None, "The input is not valid."


def _code(status: int) -> str:
    return re.sub(r"[^a-z]+", "_", HTTP_STATUS_CODES.get(status, "error").lower())


def _answer(status: int, body: dict[str, Any]) -> Response:
    body["error"]["message"] = message = translate_message(body["error"]["message"])
    if _wants_page():
        title = translate_message(TITLES.get(status) or HTTP_STATUS_CODES.get(status, "Error"))
        response = make_response(render_template("error.html", title=title, message=message, status=status))
    else:
        response = jsonify(body)
    response.status_code = status
    response.headers["Cache-Control"] = "no-store"
    return response


def _wants_page() -> bool:
    if request.path.startswith(("/api/", "/assets/", "/static/", "/vendor/", "/healthz", "/metrics")):
        return False
    return bool(request.accept_mimetypes.accept_html) and request.method in ("GET", "HEAD")
