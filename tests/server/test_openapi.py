"""The API description, and that no request made from it ends in a 500."""

from __future__ import annotations

import io
from typing import Any

import pytest
import schemathesis
from apiflask import APIFlask
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from annotator import jobs
from tests.server.pictures import picture

EXAMPLES = 12
# These would sign the client out or change who it is; they have tests of their own.
LEFT_OUT = {"/api/v1/session", "/api/v1/me/password"}


@pytest.fixture
def world(app: APIFlask, admin: Any, register_model: Any) -> Any:
    """An administrator's client of a server that holds one of everything, ids 1."""
    register_model()
    admin.post("/api/v1/projects", json={"name": "World"})
    admin.post("/api/v1/projects/1/categories", json={"name": "cat"})
    admin.post("/api/v1/projects/1/images", data={"files": (io.BytesIO(picture()), "a.png")})
    with app.app_context():
        jobs.enqueue("train", {}, project_id=1)
    return admin


def test_the_description_names_every_endpoint(app: APIFlask, admin: Any) -> None:
    described = admin.get("/api/v1/openapi.json").json
    assert described["openapi"].startswith("3.")
    listed = {
        (method.upper(), path.replace("{", "<").replace("}", ">"))
        for path, methods in described["paths"].items()
        for method in methods
        if method != "parameters"
    }
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/api/v1/") and rule.endpoint != "openapi.spec":
            path = rule.rule.replace("<int:", "<")
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
                assert (method, path) in listed
    for methods in described["paths"].values():
        for method, operation in methods.items():
            if method != "parameters":
                assert operation.get("summary")


@pytest.mark.slow
@pytest.mark.filterwarnings(
    "ignore::DeprecationWarning:schemathesis", "ignore::DeprecationWarning:jsonschema"
)
def test_no_request_ends_in_a_500(app: APIFlask, world: Any) -> None:
    """A few hundred requests made from the description: right, wrong, empty and extreme values."""
    schema = schemathesis.openapi.from_dict(world.get("/api/v1/openapi.json").json)
    failures: dict[str, Any] = {}
    count = 0

    def try_operation(operation: Any, data: Any) -> None:
        nonlocal count
        case = data.draw(operation.as_strategy())
        for name, value in (case.path_parameters or {}).items():
            # Half of the requests are about things that exist.
            case.path_parameters[name] = data.draw(st.sampled_from([1, value]))
        arguments = case.as_transport_kwargs(base_url="")
        path = arguments["url"].replace("http://localhost", "") or "/"
        request: dict[str, Any] = {"query_string": _texts(arguments.get("params"))}
        if "json" in arguments:
            request["json"] = arguments["json"]
        elif arguments.get("data") is not None:
            request["data"] = arguments["data"]
            request["content_type"] = "application/json"
        answer = world.open(path, method=case.method, **request)
        count += 1
        body = answer.get_json(silent=True)
        if answer.status_code >= 500:
            failures[f"{case.method} {path}"] = (answer.status_code, request, answer.text[:300])
        elif answer.status_code >= 400 and case.method != "HEAD":
            assert set(body["error"]) == {"code", "message", "field"}

    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.path in LEFT_OUT:
            continue

        def run(data: Any, operation: Any = operation) -> None:
            try_operation(operation, data)

        drive(run)
    assert count > 300
    assert failures == {}


def drive(body: Any) -> None:
    """Run `body` with a hypothesis data object under this module's settings."""
    from hypothesis import given

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def probe(data: Any) -> None:
        body(data)

    probe()


def _texts(values: Any) -> dict[str, str]:
    return {str(name): str(value) for name, value in (values or {}).items()}
