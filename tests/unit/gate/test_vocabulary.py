from __future__ import annotations

from engine_ci.gate.vocabulary import SPECIALS, Vocabulary, byte_spelling


def test_each_byte_is_spelled_with_a_character_of_its_own_that_prints() -> None:
    spelling = byte_spelling()

    assert len(set(spelling)) == 256
    assert all(character.isprintable() and character != " " for character in spelling)


def test_bytes_are_spelled_as_gpt_2_does() -> None:
    spelling = byte_spelling()

    assert [spelling[byte] for byte in b"a \n\x00\xad"] == ["a", "Ġ", "Ċ", "Ā", "Ń"]


def test_tokens_are_bytes_then_merges_then_specials() -> None:
    vocabulary = Vocabulary(merges=(("t", "h"), ("th", "e")))

    assert vocabulary.tokens[256:] == ("th", "the", *SPECIALS)
    assert len(vocabulary) == 261
    assert vocabulary.id_of("the") == 257


def test_printable_tokens_spell_printable_ascii_only() -> None:
    vocabulary = Vocabulary(merges=(("Ġ", "t"), ("Ċ", "t")))

    spelled = [vocabulary.tokens[number] for number in vocabulary.printable]

    assert len(spelled) == 95 + 1
    assert "Ġt" in spelled
    assert not {"Ċt", "Ċ", *SPECIALS} & set(spelled)
