from __future__ import annotations

from engine_ci.gate.vocabulary import SPACE, SPECIALS, SentencePieces, Vocabulary, byte_spelling


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


PIECES = SentencePieces(merges=(("t", "h"), (SPACE, "th")), characters=(SPACE, "t", "h", "\u00e9"))


def test_sentence_pieces_are_specials_then_bytes_then_merges_then_characters() -> None:
    assert PIECES.tokens[:5] == ("<unk>", "<s>", "</s>", "<0x00>", "<0x01>")
    assert PIECES.tokens[258:] == ("<0xFF>", "th", "\u2581th", "\u2581", "t", "h", "\u00e9")
    assert PIECES.id_of("<0x0A>") == 3 + 10
    assert len(PIECES) == 259 + 6


def test_what_is_merged_first_scores_highest() -> None:
    assert PIECES.scores == (0,) * 259 + (0, -1, -2, -3, -4, -5)


def test_pieces_that_print_spell_ascii() -> None:
    spelled = {PIECES.tokens[number] for number in PIECES.printable}

    assert spelled == {"th", "\u2581th", "\u2581", "t", "h"}
