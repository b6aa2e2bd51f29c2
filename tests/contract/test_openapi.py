"""Aim: a partner can integrate from the OpenAPI document alone, and nothing in it is untrue.

Method: the document is made anew from the contracts and compared with what is committed, with the
routes of the edge, with the access option and with the reasons that services declare. That the
mesh answers as it says is the aim of tests/mesh/test_openapi_mesh.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from docs.reference.openapi.contracts import read
from docs.reference.openapi.document import document
from docs.reference.openapi.page import curl, page
from mesh.envoy.contracts import Level, rpcs
from mesh.envoy.routes import _path_pattern

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "mesh" / "envoy" / "static"


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return document(read())


def operations(made: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in made["paths"].items():
        for verb, operation in item.items():
            yield verb.upper(), path, operation


def test_what_is_committed_is_what_the_contracts_say(made: dict[str, Any]) -> None:
    for file in (STATIC / "openapi.json", ROOT / "docs" / "reference" / "openapi.json"):
        assert json.loads(file.read_text(encoding="utf-8")) == made, f"{file}: run make gen"
    assert (STATIC / "docs.html").read_text(encoding="utf-8") == page(made), "run make gen"


def test_it_is_openapi(made: dict[str, Any]) -> None:
    assert [str(error) for error in OpenAPIV31SpecValidator(made).iter_errors()] == []
    broken = json.loads(json.dumps(made))
    broken["paths"]["/v1/tracks/{trackId}"]["get"]["parameters"][0]["in"] = "nowhere"
    assert list(OpenAPIV31SpecValidator(broken).iter_errors())


def test_every_route_is_in_it_and_nothing_else(made: dict[str, Any]) -> None:
    bindings = [(b.verb, _path_pattern(b.template)) for rpc in rpcs() for b in rpc.rest]
    found = []
    for verb, path, _ in operations(made):
        example = re.sub(r"\{\w+\}", "x", path)
        fitting = [b for b in bindings if b[0] == verb and re.fullmatch(b[1], example)]
        assert len(fitting) == 1, (verb, path)
        found += fitting
    assert sorted(found) == sorted(bindings)


def test_operations_have_names_words_and_errors(made: dict[str, Any]) -> None:
    ids = [operation["operationId"] for *_, operation in operations(made)]
    assert len(ids) == len(set(ids))
    schema = "#/components/schemas/Status"
    for verb, path, operation in operations(made):
        assert operation["summary"], (verb, path)
        for status, response in operation["responses"].items():
            shared = made["components"]["responses"].get(response.get("$ref", "").split("/")[-1])
            media = (shared or response)["content"]
            assert status == "200" or media["application/json"]["schema"] == {"$ref": schema}
        assert {"200", "400", "404", "429", "500", "503"} <= set(operation["responses"])


def test_who_may_call_is_what_the_access_option_says(made: dict[str, Any]) -> None:
    rules = {f"{rpc.service}.{rpc.name}": rpc.access for rpc in rpcs()}
    for verb, path, operation in operations(made):
        rule = rules[operation["x-rpc"]]
        assert ({} in operation["security"]) == (rule.level is Level.PUBLIC), (verb, path)
        assert ({"apiKey": []} in operation["security"]) == bool(rule.scope), (verb, path)
        assert operation.get("x-scope", "") == rule.scope


def test_reasons_that_the_contracts_name_are_declared(made: dict[str, Any]) -> None:
    declared = {(each["status"], each["reason"]) for each in made["x-reasons"]}
    for verb, path, operation in operations(made):
        for status, response in operation["responses"].items():
            named = re.findall(r"`([A-Z][A-Z_]+)`", response.get("description", ""))
            assert {(int(status), reason) for reason in named} <= declared, (verb, path)


def test_limits_of_the_contracts_are_limits_of_the_document(made: dict[str, Any]) -> None:
    schemas = made["components"]["schemas"]
    register = schemas["RegisterRequest"]
    assert register["required"] == ["email", "password"]
    assert register["properties"]["password"]["minLength"] == 10
    assert register["properties"]["email"] | {"description": ""} == {
        "type": "string", "format": "email", "maxLength": 254, "description": "",
    }  # fmt: skip
    scopes = schemas["CreateApiKeyRequest"]["properties"]["scopes"]
    assert (scopes["minItems"], scopes["maxItems"], scopes["uniqueItems"]) == (1, 4, True)
    assert "SCOPE_UNSPECIFIED" not in scopes["items"]["enum"]
    assert schemas["Audio"]["properties"]["content"]["maxLength"] == 22_369_624
    isrc = schemas["Track"]["properties"]["isrc"]["pattern"]
    assert [bool(re.search(isrc, text)) for text in ("", "INA012300001", "ina0")] == [
        True, True, False,
    ]  # fmt: skip
    by_name = {p["name"]: p for p in made["paths"]["/v1/tracks"]["post"]["parameters"]}
    assert "track.title" in by_name
    assert "track.trackId" not in by_name, "the service gives it"
    user = made["paths"]["/v1/users/{user}"]["get"]["parameters"][0]["schema"]["pattern"]
    assert re.search(user, "me")
    assert not re.search(user, "users/me")


def test_examples_keep_the_limits(made: dict[str, Any]) -> None:
    checked = 0
    for _, _, operation in operations(made):
        bodies = operation.get("requestBody", {}).get("content", {})
        for media in (bodies, operation["responses"]["200"]["content"]):
            for kind in media.values():
                if "example" in kind:
                    schema = {**kind["schema"], "components": made["components"]}
                    Draft202012Validator(schema).validate(kind["example"])
                    checked += 1
    assert checked >= 10


def test_the_page_shows_all_and_loads_nothing(made: dict[str, Any]) -> None:
    html = page(made)
    for verb, path, operation in operations(made):
        assert f'<section id="{operation["operationId"]}">' in html, (verb, path)
    for name in made["components"]["schemas"]:
        assert f'<section id="{name}">' in html
    links = re.findall(r'href="([^"]*)"', html)
    targets = set(re.findall(r' id="([^"]*)"', html))
    assert {link[1:] for link in links if link.startswith("#")} <= targets
    assert [link for link in links if not link.startswith("#")] == ["/openapi.json"]
    for loads in ("<script", "<link", "<img", "src=", "@import", "url(", "onclick"):
        assert loads not in html, loads


def test_a_comment_cannot_bring_markup_into_the_page(made: dict[str, Any]) -> None:
    hostile = json.loads(json.dumps(made))
    operation = hostile["paths"]["/v1/recognize"]["post"]
    operation["summary"] = operation["description"] = "<script>alert(1)</script> `<b>`"
    assert "<script" not in page(hostile)


def test_commands_of_the_page_carry_what_a_route_needs(made: dict[str, Any]) -> None:
    commands = {op["operationId"]: curl(path, verb, op) for verb, path, op in operations(made)}
    assert "--data-binary @clip.mp3" in commands["recognize"]
    assert "authorization: Bearer" in commands["deleteTrack"]
    assert "authorization" not in commands["listTracks"]
    assert "-X PATCH" in commands["updateAccount"]
