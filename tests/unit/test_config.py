from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_ci import config
from engine_ci.config import ALL_SUITES, Config, EveryBuilds, Policy
from engine_ci.errors import ConfigError
from engine_ci.system import documents

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LEAST = "schema: 1\npins: [pins/llama.cpp.yaml]\nplatforms: [ubuntu-x64]\n"


@pytest.fixture
def refusal(tmp_path: Path) -> Callable[[str], str]:
    """Why a text is refused, without the name of the file."""

    def load(text: str) -> str:
        path = tmp_path / "engine-ci.yaml"
        path.write_text(text)
        with pytest.raises(ConfigError) as caught:
            config.load(path)
        assert caught.value.exit_code == 2
        return str(caught.value).removeprefix(f"{path}: ")

    return load


def test_the_least_that_an_app_must_say_loads_with_documented_defaults(tmp_path: Path) -> None:
    path = tmp_path / "engine-ci.yaml"
    path.write_text(LEAST)
    loaded = config.load(path)

    assert loaded.pins == ("pins/llama.cpp.yaml",)
    assert loaded.gate.suites == ALL_SUITES
    assert loaded.policy.tries == 2
    assert loaded.bundle.backends == ("cpu",)
    assert (loaded.gate.performance.limit, loaded.gate.performance.confidence) == (0.97, 0.99)
    assert loaded.pull_request.branch == "engine-ci/llama.cpp"
    assert loaded.pull_request.draft_on == ("fail", "inconclusive")


def test_by_default_a_build_is_looked_for_daily_and_proposed_weekly_when_three_days_old() -> None:
    policy = Policy()

    assert (policy.poll, policy.propose, policy.cooldown_hours) == ("daily", "weekly", 72)
    assert (policy.channel, policy.rebuilds) == ("nightly", "if_changed")
    assert (policy.wanted.architectures, policy.wanted.fixes) == ((), ())
    assert (policy.stuck_days, policy.stuck_failures) == (14, 5)


def test_everything_about_when_can_be_said(tmp_path: Path) -> None:
    path = tmp_path / "engine-ci.yaml"
    path.write_text(
        LEAST + "policy: {poll: 2 days, propose: {every_builds: 50}, cooldown_hours: 0,\n"
        "  channel: stable, rebuilds: never, stuck_days: 30, stuck_failures: 2,\n"
        "  wanted: {architectures: [qwen4], fixes: [26375, '#26001', 6b5224c, '0123456']}}\n"
        "upstream: {repository: 'https://example.invalid/llama.cpp'}\n"
    )
    policy = config.load(path).policy

    assert policy.propose == EveryBuilds(every_builds=50)
    assert config.days(policy.poll) == 2
    assert policy.wanted.fixes == ("26375", "#26001", "6b5224c", "0123456")


@pytest.mark.parametrize(
    ("interval", "days"), [("daily", 1), ("weekly", 7), ("1 days", 1), ("14 days", 14)]
)
def test_an_interval_is_so_many_days(interval: str, days: int) -> None:
    assert config.days(interval) == days


def test_the_config_of_the_demo_loads(request: pytest.FixtureRequest) -> None:
    folder = request.config.rootpath / "examples" / "demo" / "app"
    loaded = config.load(folder / "engine-ci.yaml")

    assert all((folder / pin).is_file() for pin in loaded.pins)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (LEAST + "policies: {}\n", "`policies`: unknown key"),
        (LEAST + "policy: {retries: 3}\n", "`policy.retries`: unknown key"),
        (LEAST + "policy: {tries: 6}\n", "`policy.tries`: "),
        (LEAST + "policy: {poll: hourly}\n", "`policy.poll`: "),
        (LEAST + "policy: {propose: 0 days}\n", "`policy.propose."),
        (LEAST + "policy: {propose: {every_builds: 0}}\n", "`policy.propose."),
        (LEAST + "policy: {cooldown_hours: -1}\n", "`policy.cooldown_hours`: "),
        (LEAST + "policy: {channel: latest}\n", "`policy.channel`: "),
        (LEAST + "policy: {rebuilds: sometimes}\n", "`policy.rebuilds`: "),
        (LEAST + "policy: {wanted: {fixes: 26375}}\n", "`policy.wanted.fixes`: "),
        (LEAST + "policy: {wanted: {fixes: [abc]}}\n", "`policy.wanted.fixes.0`: "),
        (LEAST + "policy: {wanted: {fixes: [0]}}\n", "`policy.wanted.fixes.0`: "),
        (LEAST + "policy: {wanted: {fixes: [true]}}\n", "`policy.wanted.fixes.0`: "),
        (LEAST + "policy: {wanted: {architectures: [Qwen4]}}\n", "`policy.wanted.architectures.0`"),
        (LEAST + "policy: {stuck_days: 0}\n", "`policy.stuck_days`: "),
        (LEAST + "gate: {suites: [speed]}\n", "`gate.suites.0`: "),
        (LEAST + "gate: {suites: []}\n", "`gate.suites`: "),
        (LEAST + "gate: {performance: {limit: 1.5}}\n", "`gate.performance.limit`: "),
        (LEAST + "gate: {performance: {confidence: 0.5}}\n", "`gate.performance.confidence`: "),
        (LEAST + "bundle: {backends: [CPU]}\n", "`bundle.backends.0`: "),
        (LEAST + "pull_request: {draft_on: [pass]}\n", "`pull_request.draft_on.0`: "),
        ("schema: 1\npins: []\nplatforms: [ubuntu-x64]\n", "`pins`: "),
        (
            "schema: 1\npins: [../pin.yaml]\nplatforms: [ubuntu-x64]\n",
            "`pins.0`: not a path inside",
        ),
        ("schema: 1\npins: [pin.yaml]\nplatforms: [beos]\n", "`platforms.0`: "),
        ("schema: 1\npins: [pin.yaml]\n", "`platforms`: missing"),
        (LEAST.replace("schema: 1", "schema: 2"), "`schema`: Input should be 1, found 2"),
        (LEAST + "schema: 1\n", "not readable as YAML: the key `schema` stands twice"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_key(
    refusal: Callable[[str], str], text: str, reason: str
) -> None:
    assert refusal(text).startswith(reason)


@pytest.mark.parametrize("what", ["architectures: [qwen4]", "fixes: [26375]"])
def test_nothing_is_waited_for_that_nobody_would_see_arrive(
    refusal: Callable[[str], str], what: str
) -> None:
    reason = refusal(f"{LEAST}policy: {{wanted: {{{what}}}}}\n")

    assert "`policy.wanted` needs `upstream.repository`" in reason


@pytest.mark.parametrize("place", ["{model}", "{port}"])
def test_the_arguments_of_the_app_must_say_where_model_and_port_go(
    refusal: Callable[[str], str], place: str
) -> None:
    other = "{port}" if place == "{model}" else "{model}"
    reason = refusal(f'{LEAST}engine: {{argv: ["--x", "{other}"]}}\n')

    assert reason.startswith(f"`engine`: argv has no `{place}`")


@pytest.mark.parametrize(
    "branch",
    ["-f", "a..b", "a//b", "a/", "a.lock", "a b", "a:b", "a/.b", "a.", "+a", "refs\\x", "@{1}"],
)
def test_a_branch_that_git_would_not_take_or_would_misread_is_refused(
    refusal: Callable[[str], str], branch: str
) -> None:
    reason = refusal(f"{LEAST}pull_request: {{branch: '{branch}'}}\n")

    assert reason.startswith("`pull_request.branch`: ")


@given(
    st.builds(
        Config,
        schema=st.just(1),
        pins=st.just(("pins/a.yaml",)),
        platforms=st.lists(
            st.sampled_from(["macos-arm64", "macos-x64", "ubuntu-x64", "windows-x64"]), min_size=1
        ).map(tuple),
    )
)
def test_a_config_survives_being_written_and_read(
    tmp_path_factory: pytest.TempPathFactory, written: Config
) -> None:
    path = tmp_path_factory.getbasetemp() / "engine-ci.yaml"
    documents.write(path, documents.dump_yaml(written))

    assert config.load(path) == written


@pytest.mark.parametrize(
    "address",
    ["http://git.example/llama.cpp", "git@git.example:llama.cpp", "https://user@git.example/x"],
)
def test_upstream_is_read_over_https_or_from_a_folder_and_without_a_password(
    address: str, refusal: Callable[[str], str]
) -> None:
    said = refusal(f"{LEAST}upstream: {{repository: '{address}'}}\n")

    assert said.startswith("`upstream.repository`: String should match pattern")
