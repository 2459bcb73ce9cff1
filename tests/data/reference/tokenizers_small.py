"""Two small vocabularies for GGUF files: byte-level BPE as Llama 3 has, and SentencePiece as Llama 2."""

from __future__ import annotations

from dataclasses import dataclass

from gguf import TokenType
from tokenizers import Regex, Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel, Sequence, Split

# The split that `tokenizer.ggml.pre` = "llama-bpe" names.
LLAMA_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
# Bytes of the vocabulary, in the byte-level alphabet: "Ġ" is a space, "Ċ" a line feed, "Ã", "©" make "é".
SYMBOLS = "'!,-.:?0123ABLMTabcdefghijklmnoprstuvwyĠĊÃ©"
MERGES = """
Ġ t|h e|Ġt he|i n|a n|Ġ a|e r|o u|Ġan d|r e|Ġ s|o n|Ġ b|Ġ w|a t|Ġ1 2|1 2|Ġ o|e n|Ġw as|a s|l l|Ġin Ġt
|in g|M i|Mi a|ĠM ia|Ã ©|Ġb ook|a i|Ġs ai|Ġsai d|b o|o k|bo ok|Ġ book|Ċ Ċ|Ġ Ġ
"""
SPECIAL = ["<|begin_of_text|>", "<|end_of_text|>"]
SPECIAL += ["<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
CHAT_TEMPLATE = (
    "{% set loop_messages = messages %}{% for message in loop_messages %}"
    "{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'"
    " + message['content'] | trim + '<|eot_id|>' %}"
    "{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)
TEXTS = [
    "Mia and the book",
    " the  book\n\nMia was in the book.",
    "Mia said: 12 or 123?",
    "don't",
    "café",
    "<|start_header_id|>Mia<|end_header_id|>\n\nthe book<|eot_id|>",
]


@dataclass(frozen=True)
class Vocabulary:
    """The arrays of `tokenizer.ggml.*`."""

    tokens: list[str]
    types: list[int]
    merges: list[str]
    scores: list[float]


def usable_merges(tokens: set[str]) -> list[str]:
    """The merges both of whose sides exist when their turn comes, each result once."""
    known, kept = set(tokens), []
    for line in MERGES.replace("\n", "").split("|"):
        left, right = line.split(" ")
        if {left, right} <= known and left + right not in known:
            known.add(left + right)
            kept.append(line)
    return kept


def byte_level(count: int) -> Vocabulary:
    """`count` tokens: the symbols, what the first merges make, the special tokens."""
    merges = usable_merges(set(SYMBOLS))[: count - len(SYMBOLS) - len(SPECIAL)]
    tokens = [*SYMBOLS, *(merge.replace(" ", "") for merge in merges), *SPECIAL]
    assert len(tokens) == count, f"{len(tokens)} tokens, wanted {count}"
    types = [TokenType.NORMAL] * (count - len(SPECIAL)) + [TokenType.CONTROL] * len(SPECIAL)
    return Vocabulary(tokens, types, merges, [0.0] * count)


def sentence_piece(count: int) -> Vocabulary:
    """`count` tokens in Llama 2's order: unknown, begin, end, bytes (a few), pieces with scores."""
    pieces = "▁ e t a o n h ▁t ▁the ▁a an ▁book M i b k s .".split(" ")
    tokens = ["<unk>", "<s>", "</s>", "<0x0A>", "<0x20>", *pieces][:count]
    types = [TokenType.UNKNOWN, TokenType.CONTROL, TokenType.CONTROL, TokenType.BYTE, TokenType.BYTE]
    types += [TokenType.NORMAL] * (count - len(types))
    scores = [0.0] * 5 + [-float(rank) for rank in range(count - 5)]
    assert len(tokens) == count
    return Vocabulary(tokens, types, [], scores)


def encodings(vocabulary: Vocabulary) -> list[dict]:
    """What the `tokenizers` library makes of a few texts, without a begin token."""
    ids = {token: index for index, token in enumerate(vocabulary.tokens)}
    pairs = [tuple(merge.split(" ")) for merge in vocabulary.merges]
    tokenizer = Tokenizer(BPE(ids, pairs, ignore_merges=True))
    split = Split(Regex(LLAMA_SPLIT), "isolated")
    tokenizer.pre_tokenizer = Sequence([split, ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = ByteLevelDecoder()
    tokenizer.add_special_tokens(SPECIAL)
    found = []
    for text in TEXTS:
        encoded = tokenizer.encode(text, add_special_tokens=False).ids
        assert tokenizer.decode(encoded, skip_special_tokens=False) == text, f"{text!r} lost a byte"
        found.append({"text": text, "ids": encoded})
    return found
