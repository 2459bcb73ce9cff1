"""Makes the shipped model: `python models/train.py` trains it and writes `models/stories/`.

Stories come fresh from `grammar.py`, so nothing is seen twice and there is nothing to
overfit. The run is fixed by its seed and its number of steps; it writes a checkpoint every
`--save-every` steps and `--resume` continues from it. A GPU is used if there is one.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from torch import Tensor

import export
import grammar
from network import Network, Shape

HERE = Path(__file__).resolve().parent
BEGIN, END = "<s>", "</s>"
PAD = -1  # not a token: the loss skips it
CHUNK = 2048  # stories that are drawn and sorted by length together
# Looking things up emerges much sooner from exercises: style, and the chunk it ends before.
LESSONS = ((grammar.FIRST_LESSON, 2), (grammar.SECOND_LESSON, 3), (grammar.STORY, math.inf))
BETAS = (0.9, 0.95)


def make_tokenizer(seed: str, vocab_size: int) -> Tokenizer:
    """Byte-level BPE in which every word of the grammar becomes one token."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[BEGIN, END],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    texts = [text for text, _ in grammar.stories(f"{seed}/tokenizer", 5000)]
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BEGIN} $A", special_tokens=[(BEGIN, tokenizer.token_to_id(BEGIN))]
    )
    return tokenizer


def encode(tokenizer: Tokenizer, texts: list[str]) -> list[list[int]]:
    """Token ids of whole stories, from the begin token to the end token."""
    end = tokenizer.token_to_id(END)
    return [encoding.ids + [end] for encoding in tokenizer.encode_batch(texts)]


def padded(rows: list[list[int]]) -> Tensor:
    """[rows, longest] ids, filled up with PAD."""
    longest = max(map(len, rows))
    return torch.tensor([row + [PAD] * (longest - len(row)) for row in rows])


def batches(tokenizer: Tokenizer, seed: str, size: int, first: int) -> Iterator[Tensor]:
    """Batches `first`, `first` + 1, ... of the endless training stream; alike in length."""
    per_chunk = CHUNK // size
    chunk, skip = divmod(first, per_chunk)
    while True:
        style = next(style for style, until in LESSONS if chunk < until)
        texts = [text for text, _ in grammar.stories(f"{seed}/train/{chunk}", CHUNK, style)]
        rows = sorted(encode(tokenizer, texts), key=len)
        order = list(range(per_chunk))
        random.Random(f"{seed}/order/{chunk}").shuffle(order)
        for index in order[skip:]:
            yield padded(rows[index * size : (index + 1) * size])
        chunk, skip = chunk + 1, 0


class HeldOut:
    """Stories apart from the training stream, and the information in them."""

    def __init__(self, tokenizer: Tokenizer, seed: str, count: int) -> None:
        told = grammar.stories(f"{seed}/held-out", count)
        self.rows = sorted(encode(tokenizer, [text for text, _ in told]), key=len)
        self.tokens = sum(len(row) - 1 for row in self.rows)
        self.floor = sum(nats for _, nats in told) / self.tokens

    @torch.no_grad()
    def loss(self, network: Network, size: int = 32) -> float:
        """Mean loss in nats for each token."""
        device, total = network.embedding.device, 0.0
        for start in range(0, len(self.rows), size):
            ids = padded(self.rows[start : start + size]).to(device)
            total += network.loss(ids).item() * int((ids[:, 1:] != PAD).sum())
        return total / self.tokens


def rate_at(step: int, args: argparse.Namespace) -> float:
    """Learning rate: a short rise, a plateau, and a straight line to zero."""
    fall = (args.steps - step) / (args.steps * args.decay)
    return args.rate * min(1.0, (step + 1) / args.warmup, max(fall, 0.0))


def make_optimizer(network: Network, args: argparse.Namespace) -> torch.optim.AdamW:
    """AdamW; only the ternary matrices decay, and those only on the plateau."""
    matrices = [p for p in network.layers.parameters() if p.ndim == 2]
    others = [p for p in network.parameters() if not any(p is m for m in matrices)]
    groups = [{"params": matrices}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, args.rate, BETAS, weight_decay=args.weight_decay, fused=True)


def save(path: Path, network: Network, optimizer: torch.optim.Optimizer, step: int) -> None:
    """Writes a checkpoint; never leaves half a file behind."""
    state = {"network": network.state_dict(), "optimizer": optimizer.state_dict(), "step": step}
    part = path.with_suffix(".part")
    torch.save(state, part)
    os.replace(part, path)


def train(args: argparse.Namespace, tokenizer: Tokenizer, network: Network) -> None:
    """Runs the steps that are left, with progress, checkpoints and preliminary exports."""
    device = network.embedding.device
    checkpoint = args.work / "checkpoint.pt"
    optimizer, first = make_optimizer(network, args), 0
    if args.resume and checkpoint.exists():
        state = torch.load(checkpoint, map_location=device, weights_only=True)
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        first = state["step"]
    held_out = HeldOut(tokenizer, args.seed, 256)
    loss_of = torch.compile(network.loss, dynamic=True) if args.compile else network.loss
    stream = batches(tokenizer, args.seed, args.batch, first)
    began, tokens, smooth = time.monotonic(), 0, math.nan
    for step in range(first, args.steps):
        rate = rate_at(step, args)
        for group in optimizer.param_groups:
            group["lr"] = rate
        if rate < args.rate and step > args.warmup:
            optimizer.param_groups[0]["weight_decay"] = 0.0
        ids = next(stream).to(device)
        loss = loss_of(ids)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        tokens += int((ids[:, 1:] != PAD).sum())
        smooth = loss.item() if math.isnan(smooth) else 0.98 * smooth + 0.02 * loss.item()
        done = step + 1
        if done % 100 == 0:
            pace = tokens / (time.monotonic() - began)
            print(f"step {done}/{args.steps}  loss {smooth:.4f}  {pace:.0f} tokens/s", flush=True)
        if done % args.save_every == 0 or done == args.steps:
            save(checkpoint, network, optimizer, done)
            print(f"held-out {held_out.loss(network):.4f}, floor {held_out.floor:.4f}", flush=True)


def arguments() -> argparse.Namespace:
    """The command line; the defaults make the shipped model."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=8000)
    parser.add_argument("--batch", type=int, default=8, help="stories in a step")
    parser.add_argument("--rate", type=float, default=2e-3, help="highest learning rate")
    parser.add_argument("--warmup", type=int, default=300, help="steps")
    parser.add_argument("--decay", type=float, default=0.5, help="share of steps that slow down")
    parser.add_argument("--weight-decay", type=float, default=0.05)
    parser.add_argument("--seed", default="stories")
    parser.add_argument("--threads", type=int, default=1, help="one is the fastest on a CPU")
    parser.add_argument("--save-every", type=int, default=1000, help="steps")
    parser.add_argument("--work", type=Path, default=HERE / "work", help="for the checkpoint")
    parser.add_argument("--out", type=Path, default=HERE / "stories", help="the model's folder")
    parser.add_argument("--resume", action="store_true", help="continue from the checkpoint")
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, default=True)
    return parser.parse_args()


def main() -> None:
    """Trains and exports."""
    args = arguments()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    args.work.mkdir(parents=True, exist_ok=True)
    shape = Shape()
    tokenizer = make_tokenizer(args.seed, shape.vocab_size)
    network = Network(shape).to("cuda" if torch.cuda.is_available() else "cpu")
    train(args, tokenizer, network)
    export.write(network, tokenizer, args.out)
    print(f"wrote {args.out}")


if __name__ == "__main__":
    main()
