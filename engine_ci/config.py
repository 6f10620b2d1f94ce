"""`engine-ci.yaml`, an app's own configuration: known keys with sound values, or rejected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, get_args

from pydantic import AfterValidator, Field, StringConstraints, field_validator, model_validator

from engine_ci.errors import ConfigError
from engine_ci.pins.model import GitAddress, Platform
from engine_ci.pins.targets import Target
from engine_ci.system import documents
from engine_ci.system.documents import Document, RelativePath, Versioned

if TYPE_CHECKING:
    from pathlib import Path

Suite = Literal[
    "loads",
    "tokens",
    "drift",
    "tokenizer",
    "chat",
    "embeddings",
    "pictures",
    "real",
    "api",
    "kv-pressure",
    "lifecycle",
    "memory",
    "performance",
]
ALL_SUITES: tuple[Suite, ...] = get_args(Suite)


ProfileName = Literal["quick", "nightly"]
# Of which a floor can be named in tokens per second.
Throughput = Annotated[str, StringConstraints(pattern=r"^((wide-|real-)?prompt|generation)$")]


def _valid_branch(name: str) -> str:
    if any(part in name for part in ("..", "//", "/.")) or name.endswith(("/", ".", ".lock")):
        msg = "not a branch name that git takes"
        raise ValueError(msg)
    return name


# Safe as an argument and as part of a refspec.
Branch = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$"),
    AfterValidator(_valid_branch),
]
Backend = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]+$")]


SystemVersion = Annotated[str, StringConstraints(pattern=r"^\d+(\.\d+){1,2}$")]


# Whether a build that is packaged again is worth a try.
Rebuilds = Literal["never", "if_changed", "always"]
# At least so long after the last time, in whole days.
Interval = Annotated[str, StringConstraints(pattern=r"^(daily|weekly|[1-9][0-9]{0,2} days)$")]


class EveryBuilds(Document):
    """At least so many builds after the last one.

    Attributes:
        every_builds: so many of upstream's builds after the last that was proposed.
    """

    every_builds: Annotated[int, Field(ge=1, le=10_000)]


class Wanted(Document):
    """What a proposal does not wait for its turn for, once upstream has it.

    Attributes:
        architectures: of models, as upstream writes them: `qwen3next`.
        fixes: numbers of upstream's issues or pull requests, or the first digits of commits.
    """

    architectures: tuple[Annotated[str, StringConstraints(pattern=r"^[a-z0-9._-]+$")], ...] = ()
    fixes: tuple[
        Annotated[str, StringConstraints(pattern=r"^(#?[1-9][0-9]{0,5}|[0-9a-f]{7,40})$")], ...
    ] = ()

    @field_validator("fixes", mode="before")
    @classmethod
    def _number_or_text(cls, fixes: object) -> object:
        """YAML reads 26375 as a number."""
        if not isinstance(fixes, list | tuple):
            return fixes
        return tuple(str(fix) if type(fix) is int else fix for fix in fixes)


class Policy(Document):
    """How eager `bump` is, and for what.

    Attributes:
        poll: how often the scheduled workflow looks.
        propose: how often there may be a new proposal.
        cooldown_hours: how long a release is public before it is tried.
        channel: upstream's builds, or those that a stable release of upstream names.
        rebuilds: whether a build that is packaged again is worth a try: `if_changed` where its
            bytes differ.
        tries: how many older releases are tried after one that the gate refused.
        wanted: what is proposed at once.
        stuck_days: after so many days without a release to try somebody is told.
        stuck_failures: after so many polls in a row that failed somebody is told.
    """

    poll: Interval = "daily"
    propose: Interval | EveryBuilds = "weekly"
    cooldown_hours: Annotated[int, Field(ge=0, le=8760)] = 72
    channel: Literal["nightly", "stable"] = "nightly"
    rebuilds: Rebuilds = "if_changed"
    tries: Annotated[int, Field(ge=0, le=5)] = 2
    wanted: Wanted = Wanted()
    stuck_days: Annotated[int, Field(ge=1, le=365)] = 14
    stuck_failures: Annotated[int, Field(ge=1, le=1000)] = 5


def days(interval: Interval) -> int:
    """How many days an interval has."""
    return {"daily": 1, "weekly": 7}.get(interval) or int(interval.removesuffix(" days"))


class FrameworksList(Document):
    """Where an app lists the libraries that it ships.

    Attributes:
        file: JSON.
        path: of keys, to a list of paths.
    """

    file: RelativePath
    path: Annotated[str, StringConstraints(pattern=r"^[^.]+(\.[^.]+)*$")]


class Delegation(Document):
    """An app's own way to its engine.

    Attributes:
        command: a program and its arguments, run in the app's folder.
        leaves: the folder that holds the engine then, and nothing else.
    """

    command: Annotated[tuple[str, ...], Field(min_length=1)]
    leaves: RelativePath


class BundlePolicy(Document):
    """What of an artifact the app ships.

    Attributes:
        backends: images loaded at run time that the app wants: `cpu` keeps `libggml-cpu.so`.
        keep: glob patterns of further files, matched against the file name.
        licences: files of the app's that go with the engine, for an archive that has none.
        minimum_os: the oldest macOS that the app runs on; not judged where not given.
        glibc: the oldest glibc on Linux; not judged where not given.
        glibcxx: the oldest libstdc++ there, as its symbols count; not judged where not given.
        frameworks_list: must name exactly the libraries of a macOS bundle.
        prepare: who fetches, verifies, prunes and signs.
    """

    backends: tuple[Backend, ...] = ("cpu",)
    keep: tuple[str, ...] = ("LICENSE*", "COPYING*", "NOTICE*", "*.metallib", "*.metal")
    licences: tuple[RelativePath, ...] = ()
    minimum_os: SystemVersion | None = None
    glibc: SystemVersion | None = None
    glibcxx: SystemVersion | None = None
    frameworks_list: FrameworksList | None = None
    prepare: Literal["builtin"] | Delegation = "builtin"


class EnginePolicy(Document):
    """How the app starts the engine.

    Attributes:
        argv: the app's own arguments, with `{model}` and `{port}` where those go.
    """

    argv: tuple[str, ...] = ("-m", "{model}", "--port", "{port}", "-c", "4096", "--parallel", "1")

    @model_validator(mode="after")
    def _has_places(self) -> EnginePolicy:
        for place in ("{model}", "{port}"):
            if place not in self.argv:
                msg = f"argv has no `{place}`"
                raise ValueError(msg)
        return self


class PerformancePolicy(Document):
    """When a slower candidate fails: the upper bound of its speed ratio is below `limit`.

    Attributes:
        limit: the share of the baseline's speed that a candidate has to keep.
        confidence: of that one-sided bound.
        profile: how much is measured: `nightly` takes ten minutes and finds smaller differences.
        floors: by label of the runner, the least median speed of the candidate, in tokens per
            second, whatever the baseline does.
    """

    limit: Annotated[float, Field(gt=0, le=1)] = 0.97
    confidence: Annotated[float, Field(ge=0.9, lt=1)] = 0.99
    profile: ProfileName = "quick"
    floors: dict[str, dict[Throughput, Annotated[float, Field(gt=0)]]] = Field(default_factory=dict)


class GatePolicy(Document):
    """Which questions the gate asks.

    Attributes:
        suites: those that are asked; all, where not given.
        models: a catalogue of models of the app's own, asked about beside ours.
    """

    suites: Annotated[tuple[Suite, ...], Field(min_length=1)] = ALL_SUITES
    models: RelativePath | None = None
    performance: PerformancePolicy = PerformancePolicy()


class PullRequestPolicy(Document):
    """How the one pull request looks.

    Attributes:
        branch: in the app's repository, for engine-ci alone.
        labels: on GitHub, set when it is opened.
        reviewers: people who are asked, by their names on GitHub.
        draft_on: gate verdicts that open it as a draft.
        commit: who makes its commit: GitHub through its API, which signs what an app's token asks
            for, or git, in the name that it is configured with.
    """

    branch: Branch = "engine-ci/llama.cpp"
    labels: tuple[str, ...] = ("engine-bump",)
    reviewers: tuple[str, ...] = ()
    draft_on: tuple[Literal["fail", "inconclusive"], ...] = ("fail", "inconclusive")
    commit: Literal["api", "git"] = "api"

    @property
    def rollback_branch(self) -> str:
        """Where the way back is proposed from, so that the proposal of a newer build stays."""
        return f"{self.branch}-rollback"


class UpstreamPolicy(Document):
    """Where llama.cpp is written.

    Attributes:
        repository: of git, whose history tells what changed between two builds.
    """

    repository: GitAddress


class Config(Versioned):
    """An app's configuration. Paths are relative to the folder of the file.

    Attributes:
        pins: files, each of which names one engine.
        platforms: those that the app ships its engine for.
        mirrors: where files are looked for before their publisher is asked: folders, or addresses
            of HTTPS. `{version}` in one stands for the version.
        targets: other files of the app that carry the pin.
        upstream: None where nobody is to ask what changed.
    """

    pins: Annotated[tuple[RelativePath, ...], Field(min_length=1)]
    platforms: Annotated[tuple[Platform, ...], Field(min_length=1)]
    policy: Policy = Policy()
    upstream: UpstreamPolicy | None = None
    bundle: BundlePolicy = BundlePolicy()
    mirrors: tuple[str, ...] = ()
    targets: tuple[Target, ...] = ()
    engine: EnginePolicy = EnginePolicy()
    gate: GatePolicy = GatePolicy()
    pull_request: PullRequestPolicy = PullRequestPolicy()

    @model_validator(mode="after")
    def _sees_what_is_wanted_arrive(self) -> Config:
        if self.upstream is None and self.policy.wanted != Wanted():
            msg = "`policy.wanted` needs `upstream.repository`, whose history tells what arrived"
            raise ValueError(msg)
        return self


def load(path: Path) -> Config:
    """Reads `engine-ci.yaml`.

    Raises:
        ConfigError: with the file, the key and the reason.
    """
    return documents.load_yaml(path, Config, error=ConfigError)


def parse(text: str, *, name: str) -> Config:
    """Reads the text of an `engine-ci.yaml` of that name; errors as for `load`."""
    return documents.parse_yaml(text, Config, name=name, error=ConfigError)
