from __future__ import annotations

import dataclasses

import pytest

from engine_ci.artifact import plan
from engine_ci.artifact.archive import Entry
from engine_ci.artifact.elf import BACKEND, Image
from engine_ci.artifact.loaders import LdSo
from engine_ci.errors import VerificationError

PLAIN = Image(machine="x86_64", runpath=("$ORIGIN", "$ORIGIN/../lib"))
LOADED = Image(machine="x86_64", exports=frozenset({BACKEND}))


def server(*needed: str) -> Image:
    return Image(machine="x86_64", needed=needed, runpath=PLAIN.runpath)


def pruned(
    files: dict[str, Image | str],
    *,
    backends: tuple[str, ...] = ("cpu",),
    keep: tuple[str, ...] = (),
    links: dict[str, str] | None = None,
) -> plan.PrunePlan:
    """A plan for images, for other files given by their content, and for links to either."""
    entries = {
        path: Entry(path=path, size=len(str(content)), fingerprint=str(content))
        for path, content in files.items()
    }
    images = {path: image for path, image in files.items() if isinstance(image, Image)}
    for path, target in (links or {}).items():
        entries[path] = dataclasses.replace(entries[target], path=path, target=target)
        images[path] = images[target]
    return plan.prune(entries, images=images, loader=LdSo("x86_64"), backends=backends, keep=keep)


def kinds(made: plan.PrunePlan) -> dict[str, str]:
    return {file.path: file.kind for file in made.keep}


def test_the_server_and_its_libraries_stay_and_the_package_s_folder_goes() -> None:
    made = pruned(
        {
            "pkg/bin/llama-server": server("libllama.so.0"),
            "pkg/lib/libllama.so.0": PLAIN,
            "pkg/__init__.py": "code",
        }
    )

    assert kinds(made) == {"bin/llama-server": "server", "lib/libllama.so.0": "library"}
    assert [(file.path, file.source, file.why) for file in made.keep] == [
        ("bin/llama-server", "pkg/bin/llama-server", "the program itself"),
        ("lib/libllama.so.0", "pkg/lib/libllama.so.0", "llama-server needs it"),
    ]
    assert made.server == "bin/llama-server"
    assert [file.path for file in made.drop] == ["pkg/__init__.py"]


def test_folders_stay_when_the_images_share_none() -> None:
    made = pruned(
        {
            "pkg/llama-server": Image(
                machine="x86_64", needed=("liba.so",), runpath=("$ORIGIN/../pkg.libs",)
            ),
            "pkg.libs/liba.so": PLAIN,
        }
    )

    assert set(kinds(made)) == {"pkg/llama-server", "pkg.libs/liba.so"}


def test_files_without_a_folder_stay_where_they_are() -> None:
    assert set(kinds(pruned({"llama-server": server()}))) == {"llama-server"}


@pytest.mark.parametrize("folder", ["", "build/bin/", "llama-b11434/", "pkg/bin/"])
def test_upstream_s_layouts_of_every_age_become_the_same_tree(folder: str) -> None:
    made = pruned(
        {
            f"{folder}llama-server": server("libllama.so.0"),
            f"{folder}libllama.so.0": PLAIN,
            f"{folder}libggml-cpu.so": LOADED,
            f"{folder}LICENSE": "words",
        }
    )

    assert set(kinds(made)) == {"llama-server", "libllama.so.0", "libggml-cpu.so", "LICENSE"}


def test_a_file_beside_the_engine_s_folder_loses_only_what_it_shares_with_it() -> None:
    made = pruned(
        {"pkg/bin/llama-server": server(), "pkg/LICENSE": "words", "other/NOTICE": "more"}
    )

    assert set(kinds(made)) == {"llama-server", "LICENSE", "other/NOTICE"}


def test_a_library_is_kept_once_under_the_linked_name_that_is_needed() -> None:
    made = pruned(
        {
            "b1/llama-server": server("libllama.so.0"),
            "b1/libllama.so.0.0.1": PLAIN,
            "b1/libother.so.0.0.1": server("libc.so.6"),
        },
        links={
            "b1/libllama.so": "b1/libllama.so.0.0.1",
            "b1/libllama.so.0": "b1/libllama.so.0.0.1",
            "b1/libother.so": "b1/libother.so.0.0.1",
        },
    )

    assert [(file.path, file.source) for file in made.keep] == [
        ("libllama.so.0", "b1/libllama.so.0"),
        ("llama-server", "b1/llama-server"),
    ]
    assert [(file.path, file.size > 0, file.why) for file in made.drop] == [
        ("b1/libllama.so", False, "a link to libllama.so.0.0.1"),
        ("b1/libother.so", False, "a link to libother.so.0.0.1"),
        ("b1/libother.so.0.0.1", True, "nothing that is kept needs it"),
    ]


def test_a_backend_may_be_a_link() -> None:
    made = pruned(
        {"llama-server": server(), "libggml-cpu.so.0": LOADED},
        links={"libggml-cpu.so": "libggml-cpu.so.0"},
    )

    assert kinds(made) == {"llama-server": "server", "libggml-cpu.so": "backend"}
    assert made.drop == ()


@pytest.mark.parametrize(
    ("backends", "kept"),
    [
        ((), set()),
        (("cpu",), {"libggml-cpu.so", "libggml-cpu-haswell.so"}),
        (("vulkan", "cpu-haswell"), {"libggml-vulkan.so", "libggml-cpu-haswell.so"}),
        (("v",), set()),
    ],
)
def test_only_wanted_backends_are_kept(backends: tuple[str, ...], kept: set[str]) -> None:
    made = pruned(
        {
            "bin/llama-server": server(),
            "bin/libggml-cpu.so": LOADED,
            "bin/libggml-cpu-haswell.so": LOADED,
            "bin/libggml-vulkan.so": LOADED,
        },
        backends=backends,
    )

    assert {file.path for file in made.keep if file.kind == "backend"} == set(kept)


def test_a_library_named_as_a_backend_that_nobody_can_load_at_run_time_is_dropped() -> None:
    made = pruned({"bin/llama-server": server(), "bin/libggml-cpu.so": PLAIN})

    assert set(kinds(made)) == {"llama-server"}


def test_what_a_backend_needs_stays_too() -> None:
    made = pruned(
        {
            "bin/llama-server": server(),
            "bin/libggml-cpu.so": Image(
                machine="x86_64",
                needed=("libgomp.so.1",),
                runpath=PLAIN.runpath,
                exports=LOADED.exports,
            ),
            "lib/libgomp.so.1": PLAIN,
        }
    )

    assert kinds(made)["lib/libgomp.so.1"] == "library"


def test_a_backend_that_is_linked_as_well_is_a_backend() -> None:
    made = pruned(
        {
            "bin/llama-server": server("libggml-cpu.so"),
            "bin/libggml-cpu.so": LOADED,
        }
    )

    assert kinds(made)["libggml-cpu.so"] == "backend"


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("pkg/LICENSE", "LICENSE"),
        ("pkg/licence.txt", "licence.txt"),
        ("pkg/COPYING3", "COPYING3"),
        ("pkg/licenses/gcc/anything", "licenses/gcc/anything"),
        ("pkg-1.0.dist-info/licenses/LICENSE", "dist-info/licenses/LICENSE"),
    ],
)
def test_licences_stay_under_names_that_hold_over_versions(path: str, kept: str) -> None:
    made = pruned({"pkg/llama-server": server(), path: "words"})

    assert kinds(made)[kept] == "licence"


def test_files_that_the_app_names_stay() -> None:
    made = pruned({"pkg/llama-server": server(), "pkg/x.metallib": "m"}, keep=("*.metallib",))

    assert kinds(made)["x.metallib"] == "resource"
    assert [file.path for file in made.images] == ["llama-server"]


def test_every_dropped_file_has_its_reason() -> None:
    made = pruned(
        {
            "llama-server": server("libx.so.0"),
            "libx.so": "x",
            "libx.so.0": Image(machine="x"),
            "libggml-vulkan.so": LOADED,
            "ggml-rpc-server": Image(machine="y"),
            "copy.so": Image(machine="x"),
        }
    )

    assert {file.path: file.why for file in made.drop} == {
        "libx.so": "nothing that is kept needs it",
        "libggml-vulkan.so": "a run-time backend that the app does not want",
        "ggml-rpc-server": "nothing that is kept needs it",
        "copy.so": "a copy of libx.so.0",
    }


@pytest.mark.parametrize(
    ("files", "found"),
    [({}, "none"), ({"a/llama-server": server(), "b/llama-server": server()}, "a/llama-server, b")],
)
def test_one_server_is_expected(files: dict[str, Image | str], found: str) -> None:
    with pytest.raises(VerificationError, match=f"found {found}"):
        pruned(files)


def test_two_files_never_share_a_place() -> None:
    with pytest.raises(VerificationError, match="would both become dist-info/LICENSE"):
        pruned(
            {
                "a/llama-server": server(),
                "a-1.dist-info/LICENSE": "1",
                "b-2.dist-info/LICENSE": "2",
            }
        )
