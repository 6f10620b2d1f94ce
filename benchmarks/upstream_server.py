"""A server on loopback with 6,000 builds of upstream's, one page of them at a time, as GitHub has.

Run by `benchmarks.detect` as a process of its own: `python -m benchmarks.upstream_server`. The
first line that it prints is its port. Releases, files and texts are made from a seed; their form is
that of the embedded GitHub, whose answers are held against GitHub's own description.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from fixtures.github import release_documents
from fixtures.github.documents import Site
from fixtures.github.release_records import Release, ReleaseAsset

if TYPE_CHECKING:
    from fixtures.github.schema import Json

REPOSITORY = "ggml-org/llama.cpp"
BUILDS = 6000
A_DAY = 11  # measured: 11.3 pushes a day that make a release, research of 2026-08
NEWEST = 11549
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
PAGE = 100
NAMES = (
    "android-arm64.tar.gz", "macos-arm64.tar.gz", "macos-x64.tar.gz", "ubuntu-arm64.tar.gz",
    "ubuntu-x64.tar.gz", "ubuntu-s390x.tar.gz", "ubuntu-vulkan-arm64.tar.gz",
    "ubuntu-vulkan-x64.tar.gz", "ubuntu-rocm-7.2-x64.tar.gz", "ubuntu-openvino-2026.2-x64.tar.gz",
    "ubuntu-sycl-fp16-x64.tar.gz", "ubuntu-sycl-fp32-x64.tar.gz", "win-cpu-arm64.zip",
    "win-cpu-x64.zip", "win-cuda-12.4-x64.zip", "win-cuda-13.3-x64.zip", "win-hip-radeon-x64.zip",
    "win-opencl-adreno-arm64.zip", "win-openvino-2026.2-x64.zip", "win-sycl-x64.zip",
    "win-vulkan-x64.zip", "310p-openEuler-x86.tar.gz", "910b-openEuler-x86.tar.gz",
    "310p-openEuler-aarch64.tar.gz", "910b-openEuler-aarch64.tar.gz",
)  # fmt: skip
WORDS = (
    "server", "ggml", "metal", "vulkan", "cuda", "fix", "add", "support", "for", "the", "of",
    "model", "tensor", "kernel", "graph", "cache", "slot", "prompt", "token", "quantize", "reduce",
    "memory", "avoid", "copy", "when", "batch", "is", "empty", "use", "correct", "type", "in",
    "test", "refactor", "move", "rename", "context", "sampler", "grammar", "chat", "template",
)  # fmt: skip


def build(index: int) -> int:
    """The number of a build; 0 is the newest of those that are there on the first day."""
    return NEWEST - index * 14 // 11


def published(index: int) -> datetime:
    """When that build was published."""
    return NOW - timedelta(days=index / A_DAY)


def asset(number: int, name: str) -> ReleaseAsset:
    """One of its files."""
    whole = f"llama-b{number}-bin-{name}"
    sha256 = hashlib.sha256(whole.encode()).hexdigest()
    size = 10_000_000 + int(sha256[:6], 16)
    return ReleaseAsset(int(sha256[:7], 16), whole, b"", size, f"sha256:{sha256}")


@cache
def release(index: int) -> Release:
    """One release, with a commit's message and links to its files as upstream writes them."""
    number = build(index)
    chance = Random(number)  # noqa: S311 - made up data, no secret
    message = " ".join(chance.choices(WORDS, k=chance.randint(20, 200)))
    assets = [asset(number, name) for name in NAMES]
    links = "\n".join(
        f"- [{each.name}](https://github.com/{REPOSITORY}/releases/download/b{number}/{each.name})"
        for each in assets
    )
    return Release(
        id=number,
        tag=f"b{number}",
        created=published(index),
        published=published(index),
        prerelease=True,
        body=f"<details open>\n\n{message}\n\n</details>\n\n**Files:**\n{links}\n",
        assets=assets,
    )


@cache
def listed(newer: int) -> tuple[int, ...]:
    """The list's order: nearly that of time, as GitHub's is. `newer` builds came since."""
    return tuple(sorted(range(-newer, BUILDS), key=_place))


def _place(index: int) -> float:
    return index + Random(index).randint(0, 4)  # noqa: S311 - made up data, no secret


@cache
def page(url: str, newer: int, number: int) -> tuple[bytes, str]:
    """A page as it goes over the wire, and its ETag."""
    shown = listed(newer)[(number - 1) * PAGE : number * PAGE]
    return packed([release_documents.release(site(url), release(index)) for index in shown])


@cache
def one(url: str, tag: str) -> tuple[bytes, str]:
    """A release by its tag."""
    index = next(index for index in range(BUILDS) if f"b{build(index)}" == tag)
    return packed(release_documents.release(site(url), release(index)))


@cache
def connection(kind: str, newer: int, after: int, count: int) -> bytes:
    """A page of an answer of GitHub's GraphQL, as far as the peer of `detect_peer` asks for it."""
    shown = listed(newer)[after : after + count]
    nodes = [_tag(index) if kind == "refs" else _release(index) for index in shown]
    more = after + count < BUILDS + newer
    info: Json = {"hasNextPage": more, "endCursor": str(after + count)}
    payload: Json = {"pageInfo": info, "nodes": nodes}
    return packed({"data": {"repository": {"isRepoPrivate": False, "payload": payload}}})[0]


def _tag(index: int) -> Json:
    commit = hashlib.sha1(str(index).encode(), usedforsecurity=False).hexdigest()
    time = f"{published(index):%Y-%m-%dT%H:%M:%SZ}"
    return {
        "version": f"b{build(index)}",
        "target": {"type": "Commit", "oid": commit, "releaseTimestamp": time},
    }


def _release(index: int) -> Json:
    made = release(index)
    return {
        "version": made.tag,
        "releaseTimestamp": f"{published(index):%Y-%m-%dT%H:%M:%SZ}",
        "isDraft": False,
        "isPrerelease": True,
        "url": f"https://github.com/{REPOSITORY}/releases/tag/{made.tag}",
        "id": made.id,
        "name": made.tag,
        "description": made.body,
    }


def site(url: str) -> Site:
    """Where all this is found."""
    return Site(url, *REPOSITORY.split("/"))


def packed(value: Json) -> tuple[bytes, str]:
    """JSON as it goes over the wire, and its ETag."""
    body = json.dumps(value).encode()
    return gzip.compress(body, 6, mtime=0), f'W/"{hashlib.sha256(body).hexdigest()}"'


class Handler(BaseHTTPRequestHandler):
    """Answers lists of releases, counts, and lets a day go by."""

    protocol_version = "HTTP/1.1"
    newer = 0
    requests = 0
    unchanged = 0
    sent = 0

    def do_GET(self) -> None:
        """One answer."""
        own, parts = type(self), urlsplit(self.path)
        match parts.path.strip("/").split("/"):
            case ["counts"]:
                counts = {"requests": own.requests, "unchanged": own.unchanged, "sent": own.sent}
                own.requests = own.unchanged = own.sent = 0
                self._say(200, {}, json.dumps(counts).encode())
            case ["newer", count]:
                own.newer = int(count)
                self._say(200, {}, b"{}")
            case [*_, "tags", tag]:
                self._give(*one(self._url, tag), {})
            case _:
                number = int(parse_qs(parts.query).get("page", ["1"])[-1])
                onward = f"{self._url}/repositories/1/releases?per_page={PAGE}&page={number + 1}"
                link = {"Link": f'<{onward}>; rel="next"'}
                self._give(*page(self._url, own.newer, number), link)

    def do_POST(self) -> None:
        """One answer of GraphQL."""
        own = type(self)
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        variables, kind = asked["variables"], "refs" if "refs(" in asked["query"] else "releases"
        content = connection(
            kind, own.newer, int(variables["cursor"] or 0), int(variables["count"])
        )
        own.requests += 1
        own.sent += len(content)
        self._say(200, {"Content-Encoding": "gzip"}, content)

    @property
    def _url(self) -> str:
        return f"http://{self.headers['Host']}"

    def _give(self, content: bytes, etag: str, headers: dict[str, str]) -> None:
        """What was asked for, or that it is unchanged; both are counted."""
        own = type(self)
        own.requests += 1
        if self.headers.get("If-None-Match") == etag:
            own.unchanged += 1
            self._say(304, {"ETag": etag}, b"")
            return
        own.sent += len(content)
        self._say(200, {"ETag": etag, "Content-Encoding": "gzip", **headers}, content)

    def _say(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def main() -> None:
    """Serves until it is killed."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
