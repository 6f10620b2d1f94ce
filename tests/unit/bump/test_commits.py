from __future__ import annotations

from engine_ci.bump import commits
from tests.unit.bump import records


def test_commits_that_reach_the_bundle_come_by_module_the_fullest_first() -> None:
    listed = [
        records.commit("ui: 1", module="ui"),
        records.commit("server: 1", module="server"),
        records.commit("cuda: 1", module="cuda", relevant=False),
        records.commit("server: 2", module="server"),
        records.commit("chat: 1", module="chat"),
    ]

    found = commits.by_module(listed, relevant=True)

    assert [(each.name, [one.subject for one in each.commits]) for each in found] == [
        ("server", ["server: 1", "server: 2"]),
        ("chat", ["chat: 1"]),
        ("ui", ["ui: 1"]),
    ]


def test_the_rest_comes_alike() -> None:
    modules = ["cuda", "sycl", "server", "sycl", "ci"]
    listed = [records.commit("x", module=name, relevant=name == "server") for name in modules]

    found = commits.by_module(listed, relevant=False)

    assert [(each.name, len(each.commits)) for each in found] == [
        ("sycl", 2),
        ("ci", 1),
        ("cuda", 1),
    ]
