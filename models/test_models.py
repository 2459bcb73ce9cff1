"""Checks of the scripts and of the shipped folder: `python models/test_models.py`.

What needs torch is left out where torch is not installed.
"""

from __future__ import annotations

import math
import random
import unittest
from itertools import islice
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

import check
import grammar
import infer

try:
    import torch

    import export
    import network
    import train
except ImportError:
    torch = None

STORIES = Path(__file__).resolve().parent / "stories"
needs_torch = unittest.skipIf(torch is None, "torch is not installed")


class Grammar(unittest.TestCase):
    """The generator and the checker hold each other."""

    def test_checker_accepts_what_the_grammar_tells(self) -> None:
        report = check.check([text for text, _ in grammar.stories("accept", 500)])
        self.assertEqual((report.parsed, report.faultless, report.faults), (500, 500, []))

    def test_checker_sees_each_kind_of_lie(self) -> None:
        for old, new in (
            ("Tom gave", "Ben gave"),
            ("met Tom", "met Lily"),
            ("had the ball", "had the cup"),
            ("has the ball.", "has the kite."),
            ("is in the garden", "is in the barn"),
            ("left the ball", "left the hat"),
            ("Nobody was there.", "There Mia saw the ball."),
        ):
            told = [text for text, _ in grammar.stories("lie", 500)]
            lies = [text.replace(old, new) for text in told if old in text]
            self.assertGreater(len(lies), 5, old)
            for lie in lies:
                self.assertEqual(check.check([lie]).faultless, 0, f"{old} -> {new}:\n{lie}")

    def test_checker_rejects_other_text(self) -> None:
        for text in ("", "Once upon a time, a dragon slept.", "The end.", "Mia and the red ball"):
            self.assertEqual(check.check([text]).parsed, 0, text)

    def test_information_is_that_of_the_choices(self) -> None:
        teller = grammar.Teller(random.Random(1))
        teller.choose([("a", 1), ("b", 1)])
        teller.choose([("a", 1)])
        self.assertAlmostEqual(teller.nats, math.log(2))

    def test_no_two_paths_tell_the_same_story(self) -> None:
        seen: dict[str, float] = {}
        for text, nats in grammar.stories("paths", 5000):
            self.assertAlmostEqual(seen.setdefault(text, nats), nats)


class Shipped(unittest.TestCase):
    """The folder in the repository."""

    def setUp(self) -> None:
        self.tokenizer = Tokenizer.from_file(str(STORIES / "tokenizer.json"))
        self.model = infer.Model(infer.Weights.load(STORIES))

    def test_words_are_tokens_and_come_back(self) -> None:
        for text, _ in grammar.stories("words", 200):
            ids = self.tokenizer.encode(text).ids
            self.assertEqual(self.tokenizer.decode(ids), text)
            self.assertLess(len(ids) + 1, self.model.weights.config["max_position_embeddings"])
            self.assertTrue(all("Ġ" not in self.tokenizer.id_to_token(i)[1:] for i in ids))

    def test_loss_is_near_the_floor(self) -> None:
        told = grammar.stories("test", 32)
        end = self.model.weights.config["eos_token_id"]
        rows = [self.tokenizer.encode(text).ids + [end] for text, _ in told]
        floor = sum(nats for _, nats in told) / sum(len(row) - 1 for row in rows)
        self.assertLess(infer.loss(self.model, rows) - floor, 0.04)  # measured: 0.023

    def test_one_flipped_matrix_is_noticed(self) -> None:
        told = [text for text, _ in grammar.stories("flip", 8)]
        rows = [self.tokenizer.encode(text).ids for text in told]
        before = infer.loss(self.model, rows)
        trits, scale = self.model.weights.matrices[1]["self_attn.v_proj"]
        self.model.weights.matrices[1]["self_attn.v_proj"] = (-trits, scale)
        self.assertGreater(infer.loss(self.model, rows), before + 0.05)

    def test_a_batch_equals_its_sequences(self) -> None:
        texts = [text for text, _ in grammar.stories("batch", 3)]
        prompts = [self.tokenizer.encode(check.introduction(text)).ids for text in texts]
        together = list(infer.sample(self.model, prompts, 0, 0))
        alone = [next(infer.sample(self.model, [prompt], 0, 0)) for prompt in prompts]
        self.assertEqual(together, alone)


@needs_torch
class Training(unittest.TestCase):
    """Training-time network against exported file."""

    def test_packing_comes_back(self) -> None:
        codes = torch.randint(-1, 2, (8, 5)).float()
        self.assertEqual(infer.unpack(export.pack(codes).numpy()).tolist(), codes.tolist())

    def test_stream_resumes_where_it_stopped(self) -> None:
        tokenizer = Tokenizer.from_file(str(STORIES / "tokenizer.json"))
        whole = list(islice(train.batches(tokenizer, "resume", 512, 0), 7))
        for first in range(7):
            again = next(train.batches(tokenizer, "resume", 512, first))
            self.assertEqual(again.tolist(), whole[first].tolist())

    def test_exported_file_equals_the_network(self) -> None:
        import tempfile

        torch.manual_seed(0)
        net = network.Network(network.Shape(num_hidden_layers=2))
        for name, gain in net.named_parameters():
            if gain.ndim == 1:
                torch.nn.init.uniform_(gain, 0.5, 1.5)
        tokenizer = Tokenizer.from_file(str(STORIES / "tokenizer.json"))
        ids = torch.randint(0, 400, (2, 40))
        with tempfile.TemporaryDirectory() as folder, torch.no_grad():
            export.write(net, tokenizer, Path(folder))
            expected = net(ids).numpy()
            model = infer.Model(infer.Weights.load(Path(folder)))
            state = infer.State.empty(model.weights.config, 2)
            got = np.stack([model.step(column.numpy(), state) for column in ids.T], 1)
        # bf16 scales and gains, and the int8 codes that they tip over: small, not nothing.
        error = np.abs(got - expected).mean() / np.abs(expected).mean()
        self.assertLess(error, 0.1)


if __name__ == "__main__":
    unittest.main()
