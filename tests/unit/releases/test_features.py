"""What source code says that a build knows, in the forms that it had over the years."""

from __future__ import annotations

import pytest

from engine_ci.releases.features import architectures, chat_formats

LIST = """
#include "llama-arch.h"

static const std::map<llm_arch, const char *> LLM_ARCH_NAMES = {
    { LLM_ARCH_CLIP,             "clip"             }, // dummy, only used by llama-quantize
    { LLM_ARCH_LLAMA,            "llama"            },
    /* { LLM_ARCH_OLD, "old" }, */
    { LLM_ARCH_GEMMA4_ASSISTANT, "gemma4-assistant" },
    { LLM_ARCH_UNKNOWN,          "(unknown)"        },
};

static const std::map<llm_kv, const char *> LLM_KV_NAMES = {
    { LLM_KV_GENERAL_TYPE, "general.type" },
};
"""
CHAT = """
// common_chat_params_init_gone(tmpl, inputs)
static common_chat_params common_chat_params_init_lfm2(const common_chat_template & tmpl) {
    return {};
}
    if (is_lfm2(src)) {
        return common_chat_params_init_lfm2(tmpl);
    }
    return common_chat_params_init_gpt_oss (tmpl, params);
"""


def test_architectures_are_those_of_the_list_without_the_placeholder() -> None:
    assert architectures(LIST) == frozenset(("clip", "llama", "gemma4-assistant"))


@pytest.mark.parametrize(
    "code",
    [
        "",
        LIST.replace("LLM_ARCH_NAMES", "LLM_NAMES"),
        LIST.replace("\n};", "\n}"),
        LIST.replace('"llama" ', "LLAMA"),
        LIST.replace('"llama" ', '"\x1b[2Jllama"'),
        LIST.replace('{ LLM_ARCH_LLAMA,            "llama"            }', 'X(LLAMA, "llama")'),
        "static const char * LLM_ARCH_NAMES = {\n};",
    ],
    ids=[
        "nothing",
        "another name",
        "no end",
        "no text",
        "control characters",
        "another form",
        "no entry",
    ],
)
def test_a_list_in_another_form_is_unknown_and_not_half_read(code: str) -> None:
    assert architectures(code) is None


def test_chat_formats_are_those_that_are_called_for() -> None:
    assert chat_formats(CHAT) == frozenset(("lfm2", "gpt_oss"))


def test_code_without_any_chat_format_tells_nothing() -> None:
    assert chat_formats("int main() {}") is None
