"""Extracts the facts of a page of prose: hosts, paths, fields, headers, statuses, media types, and the forms of values.

It reads line by line, and not as Markdown: many tools write the pages, and some were HTML. A place begins with the section
of the page, as its headings say: request, response, header or query. Names and values in a sentence are facts. The sentence
is not, so a page can be reworded.
"""

import re
from http import HTTPStatus
from urllib.parse import parse_qsl

from scripts.upstream.facts import Pairs

_LINK = re.compile(r"\]\([^()\s]{0,500}\)")
_ESCAPE = re.compile(r"\\([_*`|<>{}()\[\]#.!-])")
_PLACEHOLDER = r"<\w+>|\{{1,2}\w+\}{1,2}"
_HOST = rf"(?:[\w.:@-]|{_PLACEHOLDER}){{1,200}}"
_URL = re.compile(rf"(?:\b(https?)://({_HOST})|({_PLACEHOLDER})(?=/))([\w{{}}/.~:%-]*)\??([\w=&<>{{}}.%-]*)")
_BARE_HOST = re.compile(r"(?:[a-z0-9-]+\.){2,8}[a-z]{2,20}")
_CALL = re.compile(
    rf"\b(GET|POST|PUT|PATCH|DELETE)\b[\s`*'\"]{{1,8}}(?:https?://{_HOST}|{_PLACEHOLDER})?(/[\w{{}}/.~-]*)"
)
_STATUS = re.compile(
    r"\b(?:status|http|response)\w*(?: code)?\W{1,4}([1-5]\d\d)\b|\b([1-5]\d\d) (?:"
    + "|".join(re.escape(status.phrase) for status in HTTPStatus)
    + ")",
    re.IGNORECASE,
)
_EVERYWHERE = {
    "urn": re.compile(r"\b(urn:[^\s\"'`,;)|]{1,200})"),
    "grant type": re.compile(r"grant_type['\"`]?\s{0,3}(?:=>|=|:)\s{0,3}['\"`]?([\w:-]{1,100})"),
    "credentials": re.compile(r"\b(Basic|Bearer|Digest) ?Auth", re.IGNORECASE),
    "credentials curl": re.compile(r"\bcurl\b.{0,200}\s(-u|--user)\b"),
    "header Authorization": re.compile(r"\bAuthorization\W{1,4}(Basic|Bearer|Token|Digest|Signature|HMAC)\b"),
    "standard": re.compile(r"\b((?:UUID|RFC|ISO)\W{1,4}v?\d[\d-]*)"),
}
_SECTIONS = {
    "header": re.compile(r"\bheader", re.IGNORECASE),
    "response": re.compile(r"\b(response|answer|success|error|return)", re.IGNORECASE),
    "query": re.compile(r"\bquery", re.IGNORECASE),
    "request": re.compile(r"\b(request|body|parameter|argument|field)", re.IGNORECASE),
}
_TITLE = re.compile(r"[A-Z]\w*(?: [\w()/-]+){0,5}:?")
_MEDIA_TYPE = re.compile(r"\b((?:application|text|multipart)/[\w+-]+(?:\.[\w+-]+)*)")
_JSON_KEY = re.compile(r"\"([\w.-]{1,60})\"\s{0,9}:\s{0,9}([\"\d{\[tfn-])")
_JSON_TYPES = {'"': "string", "{": "object", "[": "array", "t": "boolean", "f": "boolean", "n": "null"}
_LISTED = re.compile(r"\s*[-*+]\s+\**`([\w.-]{1,60})`[*:]*\s*(?:\(([^()]{1,80})\))?(.*)")
_VALUES = re.compile(r"\s*(Enum|Default|Format): (.{1,150})")
_CURL_HEADER = re.compile(r"(?:-H|--header)[ =]['\"]([\w-]{1,60}):")
_CURL_DATA = re.compile(r"(?:-d|--data(?:-\w+)?)[ =](['\"])([^'\"]{1,500})\1")
_CODE = re.compile(r"`([^`]{1,60})`")
_BOLD = re.compile(r"\*\*([^*]{1,60})\*\*")


def pairs(text: str) -> Pairs:
    """The facts of a page. The targets of links do not count."""
    plain = _ESCAPE.sub(r"\1", _LINK.sub("]", text))
    for scheme, host, placeholder, path, query in _URL.findall(plain):
        yield f"host {host.rstrip('.:') or placeholder}", scheme or "no scheme"
        if path.strip("/."):
            yield f"path {path.rstrip('.:')}", ""
        for name, _ in parse_qsl(query, keep_blank_values=True):
            yield f"query {name}", ""
    for method, path in _CALL.findall(plain):
        yield f"path {path.rstrip('.:')}", method
    for statuses in _STATUS.findall(plain):
        yield f"status {''.join(statuses)}", ""
    for place, pattern in _EVERYWHERE.items():
        for value in pattern.findall(plain.replace("*", "")):
            yield f"{place} {value.rstrip('.:')}", ""
    yield from _by_line(plain.splitlines())


def _by_line(lines: list[str]) -> Pairs:
    section = "page"
    listed = ""
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if line.startswith("#") or _TITLE.fullmatch(line):
            named = next((name for name, pattern in _SECTIONS.items() if pattern.search(line)), "")
            section = named or ("page" if line.startswith("#") else section)
        for media_type in _MEDIA_TYPE.findall(line):
            yield f"media type {media_type}", section
        for name, start in _JSON_KEY.findall(line):
            yield f"{section} {name}", _JSON_TYPES.get(start, "number")
        for name in _CURL_HEADER.findall(line):
            yield f"header {name}", ""
        for _, data in _CURL_DATA.findall(line):
            yield from _form(data)
        if match := _LISTED.match(line):
            listed, kind, rest = match.groups()
            yield f"{section} {listed}", kind or " ".join(_BOLD.findall(rest))
        elif (match := _VALUES.match(line)) and listed:
            yield f"{section} {listed} {match[1].lower()}", match[2].strip('"')
        elif "|" in line and not _is_rule(line) and not _is_rule(following):
            yield from _row(section, [cell.strip() for cell in line.strip().strip("|").split("|")])


def _is_rule(line: str) -> bool:
    """Whether this is the line below the header of a table."""
    return "-" in line and "|" in line and not line.strip("|-: ")


def _row(section: str, cells: list[str]) -> Pairs:
    """A row of a table: its name, and the other cells, if they are one word or contain code."""
    name = cells[0].strip("*`")
    if name and " " not in name:
        place = f"status {name}" if name.isdecimal() else f"{section} {name}"
        words = [cell.strip("*`_") if " " not in cell else " ".join(_CODE.findall(cell)) for cell in cells[1:]]
        yield place, ", ".join(filter(None, words))
        for word in words:
            if _BARE_HOST.fullmatch(word):
                yield f"host {word}", "no scheme"


def _form(data: str) -> Pairs:
    """The fields of a form, and the form of each value that contains placeholders."""
    for part in data.split("&"):
        name, equals, value = part.partition("=")
        if equals and re.fullmatch(r"[\w.-]+", name):
            yield f"request {name}", ""
            if re.search(_PLACEHOLDER, value):
                yield (
                    f"request {name} form",
                    re.sub(r"\b\w*\d\w*", "*", value),
                )  # a word with a digit is an example's value
