"""Makes the fixtures of host/tests/text.rs: two small vocabularies as llama.cpp's converter writes them, ids that transformers
gives for awkward texts, and chat templates as transformers renders them.

    python make.py      (transformers 5.23, tokenizers 0.23, sentencepiece 0.2, gguf 0.19, jinja2 3.1)

The byte-level vocabulary is trained without any cut between words, so that its merges cross every boundary and ids depend on
how a pre-tokenizer cuts. The references are transformers' own GGUF loader, from a real GGUF file, and for pre-tokenizers that
it does not know the chain of the model's tokenizer.json.
"""

import io
import json
import random
import tempfile
from pathlib import Path

import gguf
import sentencepiece
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import AutoTokenizer
from transformers.tokenization_utils_base import generate_merges
from transformers.utils.chat_template_utils import render_jinja_template

HERE = Path(__file__).parent
SEED = 20

WORDS = """the of and a to in is it you that he was for on are with as I his they be at one have this from or had by hot but
some what there we can out other were all your when up use word how said an each she which do their time if will way about
many then them would write like so these her long make thing see him two has look more day could go come did my sound no most
number who over know water than call first people may down side been now find arctic tern pole wing sea flight winter""".split()
PIECES = [
    "I'll", "we've", "DON'T", "I'REally", "'Vex", "it's", "he'd", "they're", "y'all", "O'Neill", "'s", "'S", "'ſ", "12345", "1,234,567.89", "2024-07-26",
    "3²", "½", "٣٤٥", "Ⅷ", "१२३", "...", "!?!?", "(a+b)*c", "x_1 == y->z;", "{\n\t\"k\": [1, 2]\n}", "https://a.b/c?d=e&f", "a\tb",
    "  two", "   three", "\n", "\n\n", "\r\n", " \n ", "\n  \n", "\t\t", "end ", " ", "   ", "\u00a0", "\u3000", "\u2028", "🐦", "👩‍👩‍👧", "🇩🇪",
    "日本語", "漢字かな交じり", "한국어", "ไทย", "العربية", "עברית", "Ελληνικά", "Привет", "naïve", "nai\u0308ve", "e\u0301", "Å", "A\u030a", "ﬁ",
    "ß", "ẞ", "Straße", "İstanbul", "z\u0335\u0321a", "\u200b", "\ufeff", "\x00", "\x7f", "�", "¿Qué?", "«oui»", "— dash", "CamelCaseWord",
    "UPPER", "iPhone15Pro", "x86_64", "C++", "$9.99", *[" ``a", "`` b"] * 5, "100%", "~`^|<=>", "#!/bin/sh", "α=β", "∑∫√", "▁", "▁▁low", "Ġ", "Ċ", "<0x41>",
]
SPECIAL = ["<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>", "<|start_header_id|>", "<|end_header_id|>"]
USER_DEFINED = ["<think>", "</think>"]
TEXTS = [
    "", " ", "  ", "a", " a", "a ", "  a  b   c    ", "\n", "\n\n\n", " \n\n x", "x \n", "\t", "\r\n\r\n", "Hello, world!", "Hello  World",
    "I'll say it's what they've DON'T y'all'd've I'REally 'Vex", "0 00 000 0000 00000 3.14159 1,000,000 v1.2.3", "x=1;y=22;z=333", "a1b22c333d4444",
    "The tern flies 70 000 km — each year.", "日本語と漢字。한국어도 ไทย", "naïve nai\u0308ve e\u0301 é Å A\u030a", "🐦👩‍👩‍👧🇩🇪 ✈️!", "मैं १२३ ٣٤٥ Ⅷ ½ ²",
    "<|begin_of_text|>hi<|eot_id|>", "a <|eot_id|> b", "<|eot_id|><|eot_id|>\n", " <|start_header_id|>user<|end_header_id|>\n\nHi",
    "<think> so </think> it", "<|eot_id", "<s>a</s> b", "</s>", " <s> ", "<unk>", "<pad>", "whole wholes wholeĠ", "▁a ▁▁ b▁", "<0x0A><0x41>",
    "ĠĊ é", "\x00\x01\x7f\ufeff\u200b", "�", "\u2028\u2029\u0085", "'ſ 'S 's 'LL 'll", "!!!???...---===", "``quoted'' \"double\" (x)", "it ``a''", "a~`^|<=>b", "a     b       c           d",
]


def random_texts(count):
    rng = random.Random(SEED)
    pool = PIECES + WORDS + [" " + w for w in WORDS] + SPECIAL + USER_DEFINED + ["</s>", "<s>", "\n", " ", "  "]
    return ["".join(rng.choice(pool) for _ in range(rng.randint(2, 9))) for _ in range(count)]


def corpus():
    rng = random.Random(SEED + 1)
    lines = []
    for _ in range(1500):
        words = [rng.choice(WORDS if rng.random() < 0.7 else PIECES) for _ in range(rng.randint(3, 9))]
        lines.append(rng.choice([" ", " ", " ", "", "  ", "\n"]).join(words))
    return lines


def gguf_file(folder, vocabulary):
    """A GGUF file with nothing but this vocabulary."""
    writer = gguf.GGUFWriter(folder / "v.gguf", "llama")
    writer.add_tokenizer_model(vocabulary["model"])
    writer.add_tokenizer_pre(vocabulary["pre"])
    writer.add_token_list(vocabulary["tokens"])
    writer.add_token_types(vocabulary["types"])
    if vocabulary["scores"]:
        writer.add_token_scores(vocabulary["scores"])
    if vocabulary["merges"]:
        writer.add_token_merges(vocabulary["merges"])
    for name, add in [("bos", writer.add_bos_token_id), ("eos", writer.add_eos_token_id), ("unk", writer.add_unk_token_id),
                      ("pad", writer.add_pad_token_id)]:
        if vocabulary[name] is not None:
            add(vocabulary[name])
    for name, add in [("add_bos", writer.add_add_bos_token), ("add_eos", writer.add_add_eos_token),
                      ("add_space_prefix", writer.add_add_space_prefix)]:
        if vocabulary[name] is not None:
            add(vocabulary[name])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def reference(vocabulary, chain=None, whole_words=False, normalizer=None):
    """The tokenizer that transformers builds from a GGUF file with this vocabulary."""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        gguf_file(folder, vocabulary)
        (folder / "config.json").write_text('{"model_type": "llama"}')
        tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file="v.gguf")
    backend = tokenizer.backend_tokenizer
    if chain is not None:
        backend.pre_tokenizer = pre_tokenizers.Sequence(chain) if chain else None
    if normalizer:
        backend.normalizer = normalizer
    if whole_words:
        model = json.loads(backend.to_str())
        model["model"]["ignore_merges"] = True
        tokenizer._tokenizer = Tokenizer.from_str(json.dumps(model))
    return tokenizer


def vocabulary(**fields):
    empty = dict(model="", pre=None, tokens=[], scores=[], types=[], merges=[], bos=None, eos=None, eot=None, unk=None, pad=None,
                 add_bos=None, add_eos=None, add_space_prefix=None)
    return empty | fields


def byte_level():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    trainer = trainers.BpeTrainer(vocab_size=900, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    tokenizer.train_from_iterator(corpus(), trainer)
    model = json.loads(tokenizer.to_str())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].get)
    types = [1] * len(tokens)
    for token in ["wholeĠ", "Ġwhole", "whole", "Ġ123"]:  # words that no merge makes
        tokens.append(token), types.append(1)
    for token in USER_DEFINED:
        tokens.append(token), types.append(4)
    first = len(tokens)
    for token in SPECIAL:
        tokens.append(token), types.append(3)
    merges = [" ".join(pair) for pair in model["merges"]]
    return vocabulary(model="gpt2", pre="llama-bpe", tokens=tokens, types=types, merges=merges, bos=first, eos=first + 1, eot=first + 2)


def split(expression):
    return pre_tokenizers.Split(Regex(expression), behavior="isolated")


def byte_level_references():
    """For each pre-tokenizer: the chain where transformers' GGUF loader has none, and what the models' files say besides."""
    spelled = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    words = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    gpt2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)"
    # llama.cpp's, as its source has it
    default = [split(r"[\p{P}\$\+<=>\^~\|]+"), split(gpt2), split(r"\p{N}+"), split("[0-9][0-9][0-9]"), spelled]
    falcon = [pre_tokenizers.Punctuation("contiguous"), words, pre_tokenizers.Digits(False), split("[0-9][0-9][0-9]")]
    smollm = [pre_tokenizers.Digits(True), words]
    qwen = pre_tokenizers.Sequence([split(
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"), spelled])
    return {
        "gpt-2": {},
        "default": dict(chain=default),
        "llama-bpe": dict(whole_words=True),
        "falcon3": {},
        "dbrx": {},
        "falcon": dict(chain=falcon),
        "falcon_e": dict(chain=[split(r"[\p{P}\$\+<=>\^~\|`]+"), split(gpt2), split("[0-9]"), spelled]),  # bitnet.cpp
        "smollm": dict(chain=smollm),
        "qwen2": dict(normalizer=normalizers.NFC()),
        "stablelm2": dict(chain=[qwen]),
        "tekken": dict(whole_words=True),
        "gpt-4o": {},
    }


def spm():
    """A SentencePiece model trained as Llama's was."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(line.replace("\x00", "") for line in corpus()), model_writer=model, model_type="bpe", vocab_size=700,
        byte_fallback=True, character_coverage=0.98, split_digits=True, normalization_rule_name="identity",
        remove_extra_whitespaces=False, allow_whitespace_only_pieces=True, add_dummy_prefix=True, max_sentence_length=4192,
        user_defined_symbols=USER_DEFINED, unk_surface=" \u2047 ", minloglevel=2)
    return sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())


def spm_vocabulary(model):
    def kind(i):
        return 2 if model.is_unknown(i) else 3 if model.is_control(i) else 6 if model.is_byte(i) else 5 if model.is_unused(i) else 1

    count = model.vocab_size()
    tokens = [model.id_to_piece(i) for i in range(count)]
    types = [4 if token in USER_DEFINED else kind(i) for i, token in enumerate(tokens)]
    return vocabulary(model="llama", pre="default", tokens=tokens, scores=[model.get_score(i) for i in range(count)], types=types,
                      bos=model.bos_id(), eos=model.eos_id(), unk=model.unk_id(), add_bos=True, add_eos=False)


def dump(name, value):
    """JSON with one line for each entry of the outermost containers, so that changes can be read."""
    lines = [json.dumps(k, ensure_ascii=True) + ": " + json.dumps(v, ensure_ascii=True, separators=(",", ":")) for k, v in value.items()]
    (HERE / name).write_text("{\n" + ",\n".join(lines) + "\n}\n")


def encoded(tokenizer, texts):
    """Ids with special tokens around, and what they decode to."""
    ids = [tokenizer.encode(text) for text in texts]
    return dict(ids=ids, decoded=[tokenizer.decode(i, skip_special_tokens=True) for i in ids])


def vocabularies():
    texts = TEXTS + random_texts(40)
    base = byte_level()
    out = {"texts": texts, "vocabulary": base}
    for pre, extra in byte_level_references().items():
        with_bos = pre in ("llama-bpe", "tekken")
        named = base | {"pre": pre, "add_bos": with_bos, "add_eos": pre == "gpt-2"}
        out[pre] = encoded(reference(named, **extra), texts)
        if pre != "llama-bpe":  # the text is the same for all
            del out[pre]["decoded"]
    dump("byte_level.json", out)

    model = spm()
    base = spm_vocabulary(model)
    out = {"texts": texts, "vocabulary": base}
    # the spaces as Llama's own tokenizer.json treats them, and llama.cpp and SentencePiece too; transformers' GGUF loader adds no
    # space to a text that begins with one, and none after a special token
    spaces = normalizers.Replace(" ", "\u2581")
    ids = {token: i for i, token in enumerate(base["tokens"])}
    out["merges"] = [[ids[l], ids[r]] for l, r in generate_merges(ids, dict(zip(base["tokens"], base["scores"])))]
    prefix = dict(chain=[], normalizer=normalizers.Sequence([normalizers.Prepend("\u2581"), spaces]))
    out["prefix"] = encoded(reference(base | {"add_space_prefix": True}, **prefix), texts)
    bare = base | {"add_space_prefix": False, "add_eos": True}
    without = reference(bare, chain=[], normalizer=spaces)
    spelled = [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()]  # LlamaTokenizer(add_prefix_space=False)
    without.backend_tokenizer.decoder = decoders.Sequence(spelled)
    out["bare"] = encoded(without, texts)
    dump("sentencepiece.json", out)
    whole = ("<s>", "</s>", "<unk>", *USER_DEFINED)
    for text, ids in zip(texts, out["prefix"]["ids"]):
        assert any(s in text for s in whole) or [model.bos_id()] + model.encode(text) == ids, text


def templates():
    system = {"role": "system", "content": "Be brief.\n"}
    user = {"role": "user", "content": "  Hi, <b>you</b> & \"all\" 🐦\n"}
    assistant = {"role": "assistant", "content": "<think>\nhm</think>\n\nHello! "}
    again = {"role": "user", "content": "More?"}
    talks = [[user], [system, user], [user, assistant, again], [system, user, assistant, again], [user, user], [assistant], []]
    rendered = {}
    for path in sorted((HERE / "templates").glob("*.jinja")):
        source, cases = path.read_text(), []
        for talk in talks:
            for prompt in (False, True):
                try:
                    texts, _ = render_jinja_template([talk], chat_template=source, add_generation_prompt=prompt,
                                                     bos_token="<s>", eos_token="</s>")
                    cases.append({"messages": talk, "prompt": prompt, "text": texts[0]})
                except Exception as error:
                    assert type(error).__name__ in ("TemplateError", "UndefinedError"), (path, talk, repr(error))
                    raised = str(error) if type(error).__name__ == "TemplateError" else None
                    cases.append({"messages": talk, "prompt": prompt, "raised": raised})
        rendered[path.stem] = cases
    dump("templates.json", rendered)


vocabularies()
templates()
