"""OpenAPI documents in texts, and references within a document."""

from typing import Any

import pytest

from paygrant.propose.documents import documents_in
from paygrant.propose.references import References


@pytest.mark.parametrize(
    ("text", "versions"),
    [
        ('{"openapi": "3.0.0"}', ["3.0.0"]),
        ('{"info": {}, "openapi": "3.0.0"}', ["3.0.0"]),
        ("{openapi: 3.0.0}", ["3.0.0"]),
        ("--- {openapi: 3.0.0}", ["3.0.0"]),
        ("info: {}\n'openapi': 3.0.0", ["3.0.0"]),
        ("info:\n  description: |\n    ```\n    x: 1\n    ```\nopenapi: 3.0.0", ["3.0.0"]),
        ('```\nopenapi: 3.0.0\n```\n~~~json\n{"openapi": "3.1.0"}\n~~~', ["3.0.0", "3.1.0"]),
        ("- In a list:\n\n  ```yaml\n  openapi: 3.0.0\n  ```", ["3.0.0"]),
        ("> ```yaml\n> openapi: 3.0.0\n> ```", ["3.0.0"]),
        ("```bash\ncurl https://docs.example/  # openapi\n```", []),
        ("The version of openapi: 3.0.0", []),
        ("paths:\n  openapi: 3.0.0", []),
        ("- openapi: 3.0.0", []),
        ("", []),
    ],
)  # fmt: skip
def test_documents_are_found_in_json_yaml_and_markdown(text: str, versions: list[str]) -> None:
    documents, faults = documents_in(text)
    assert [each["openapi"] for each in documents] == versions
    assert faults == []


def test_the_valid_documents_of_a_page_are_returned_beside_the_faults_of_the_others() -> None:
    documents, faults = documents_in("```\nopenapi: [\n```\n\n```\nopenapi: 3.0.0\n```")
    assert documents == [{"openapi": "3.0.0"}]
    assert faults == ["did not find expected node content in line 2"]


def test_keys_are_strings_and_values_are_json() -> None:
    documents, _ = documents_in("openapi: 3.1.0\n200: [.inf, 2026-11-21, 1.5, null, !!str 3, !!binary YQ==]")
    assert documents == [{"openapi": "3.1.0", "200": ["inf", "2026-11-21", 1.5, None, "3", "YQ=="]}]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("openapi: !!int 3", "there is a tag that is not allowed in line 1"),
        ("openapi: 3\nx: *nothing", "an alias refers to itself or to nothing in line 2"),
        ("openapi: " + "[" * 101 + "]" * 101, "there are more than 100 levels in line 1"),
        ('{"openapi": ' + "[" * 101 + "]" * 101 + "}", "there are more than 100 levels"),
        ('{"openapi": ' + "9" * 5000 + "}", "a number is invalid or has too many digits"),
        (f"openapi: 3\nx: 0x{'f' * 5000}", "a number is invalid or has too many digits"),
        (f"openapi: 3\n? 0b{'1' * 5000}\n: 1", "a number is invalid or has too many digits"),
        ("openapi: \x07", "unacceptable character"),
    ],
)
def test_a_document_that_cannot_be_parsed_is_a_fault(text: str, fault: str) -> None:
    documents, (found,) = documents_in(text)
    assert documents == []
    assert found.startswith(fault)


DOCUMENT: dict[str, Any] = {"$id": "https://a.example", "a/b": [{"c": 7}], "$defs": {"x": {"$anchor": "x"}}}


@pytest.mark.parametrize(
    ("reference", "target"), [("#/a~1b/0/c", 7), ("#/a~1b/0", {"c": 7}), ("#/%24id", "https://a.example")]
)
def test_a_reference_within_the_document_has_a_target(reference: str, target: Any) -> None:
    assert References(DOCUMENT).target(reference) == target


@pytest.mark.parametrize(
    "reference",
    ["", "#", "#x", "https://a.example#/a~1b", "other.yaml", "#/lost", "#/a~1b/1", "#/a~1b/x", "#/a~1b/0/c/d", "#/" + "a" * 500, 7, None],
)  # fmt: skip
def test_a_reference_to_nothing_or_out_of_the_document_has_no_target(reference: object) -> None:
    assert References(DOCUMENT).target(reference) is None
