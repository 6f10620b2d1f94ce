"""Pure. Measurements as Prometheus reads them: its text format, version 0.0.4."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from engine_ci.records.runtime import Grade

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from engine_ci.records.runtime import Measured


class Metric(NamedTuple):
    """One metric: its name, its kind, what it is, and its value; None is said of nothing."""

    name: str
    kind: str
    what: str
    of: Callable[[Measured], float | None]


_MS: Final = 1000.0
METRICS: Final = (
    Metric(
        "runtime_load_seconds",
        "gauge",
        "from the start to a loaded model",
        lambda found: found.load_s,
    ),
    Metric(
        "runtime_start_seconds",
        "gauge",
        "from the start to the first answer",
        lambda found: found.start_s,
    ),
    Metric(
        "runtime_first_token_seconds",
        "gauge",
        "from a request to its first token, the median",
        lambda found: found.first_token_s,
    ),
    Metric(
        "runtime_tokens_per_sec",
        "gauge",
        "generated tokens a second, without the first of an answer",
        lambda found: found.tokens_per_s,
    ),
    Metric(
        "runtime_queue_wait_ms",
        "gauge",
        "milliseconds that a request waited for room in the cache, the mean",
        lambda found: None if found.queue_wait_s is None else found.queue_wait_s * _MS,
    ),
    Metric(
        "runtime_restarts_total",
        "counter",
        "restarts after a crash",
        lambda found: found.restarts,
    ),
    Metric(
        "runtime_resident_bytes",
        "gauge",
        "memory in RAM, files among it",
        lambda found: found.resident,
    ),
    Metric(
        "runtime_anonymous_bytes",
        "gauge",
        "memory of no file, in RAM or swapped out",
        lambda found: found.anonymous,
    ),
)
HEALTH: Final = "runtime_health"


def text(engines: Mapping[str, Measured]) -> str:
    """What is known of engines, by their names; a line for each number."""
    return "".join(f"{line}\n" for line in _lines(engines))


def _lines(engines: Mapping[str, Measured]) -> Iterator[str]:
    for metric in METRICS:
        values = {name: metric.of(found) for name, found in engines.items()}
        known = {name: value for name, value in values.items() if value is not None}
        if known:
            yield f"# HELP {metric.name} {metric.what}"
            yield f"# TYPE {metric.name} {metric.kind}"
        for name, value in known.items():
            yield f'{metric.name}{{engine="{_escaped(name)}"}} {float(value)!r}'
    if engines:
        yield f"# HELP {HEALTH} 1 for what holds"
        yield f"# TYPE {HEALTH} gauge"
    for name, found in engines.items():
        for health in Grade:
            labels = f'engine="{_escaped(name)}",health="{health}"'
            yield f"{HEALTH}{{{labels}}} {float(found.health is health)!r}"


def _escaped(label: str) -> str:
    return label.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
