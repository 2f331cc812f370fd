from __future__ import annotations

import re

from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.integration.site import Site


def test_the_description_is_valid_openapi(site: Site):
    document = site.app.test_client().get("/api/v1/openapi.json").json

    assert document["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(document).validate()


def test_every_route_of_the_api_is_described(site: Site):
    document = site.app.test_client().get("/api/v1/openapi.json").json
    described = {
        (method.upper(), path) for path, item in document["paths"].items() for method in item
    }

    routed = {
        (method, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in site.app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/api/v1")
    }

    assert described == routed
    assert len(routed) > 40


def test_every_operation_says_who_may_and_how_it_refuses(site: Site):
    document = site.app.test_client().get("/api/v1/openapi.json").json

    for path, item in document["paths"].items():
        for method, described in item.items():
            assert described["summary"], path
            assert described["responses"]["default"]["$ref"].endswith("/Problem")
            public = path in {"/api/v1/openapi.json", "/api/v1/docs"}
            assert (described["security"] == []) == public, path
            keys = [p["name"] for p in described["parameters"]]
            # What is fetched is locked for whoever asks; nothing could be given a second time.
            once = method != "get" and path != "/api/v1/jobs/fetch"
            assert ("Idempotency-Key" in keys) == once, path


def test_nobody_reads_anything_without_signing_in(site: Site):
    client = site.app.test_client()
    document = client.get("/api/v1/openapi.json").json

    for path, item in document["paths"].items():
        for method, described in item.items():
            if described["security"]:
                answer = client.open(re.sub(r"{\w+}", "1", path), method=method.upper())
                assert answer.status_code == 401, (method, path)


def test_a_token_reaches_only_what_its_scopes_name(site: Site):
    reader = site.program("mara", "portfolio_manager", "process_owner", scopes=("read",))
    writer = site.program("jonas", "process_owner", scopes=("read", "write"))

    assert reader.get("/proposals").status_code == 200
    refused = reader.post("/proposals", {"title": "New"})
    assert (refused.status_code, refused.json["code"]) == (403, "scope")
    assert refused.json["scope"] == "write"
    deployed = writer.post("/definitions?name=x.form")
    assert (deployed.status_code, deployed.json["code"]) == (403, "scope")


def test_the_browsable_page_lists_every_operation_and_needs_no_script(site: Site):
    client = site.app.test_client()
    page = client.get("/api/v1/docs").text
    document = client.get("/api/v1/openapi.json").json

    for path, item in document["paths"].items():
        assert path in page
        for described in item.values():
            assert f'id="{described["operationId"]}"' in page
    assert " style=" not in page
    assert "<script>" not in page
