"""Reads stories and holds them against the state that they tell.

Three rates: stories that parse; statements that agree with the state so far (who walks with
what, who is met, who gives what to whom, ...); answers that are right. Stories come from a
file, from standard input (separated by empty lines), or from a model:

    python models/check.py stories.txt
    python models/grammar.py --count 100 | python models/check.py
    python models/check.py --model models/stories --count 300 --temperature 0.8
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import grammar
from grammar import NOBODY, World


def any_of(words: list[str], name: str) -> str:
    """A group `name` that matches one of `words`."""
    return f"(?P<{name}>{'|'.join(re.escape(word) for word in words)})"


def first_words(table: tuple) -> list[str]:
    """The words of a table of (word, weight), without the empty choice."""
    return [word for word, _ in table if word]


PEOPLE, THINGS = first_words(grammar.NAMES), first_words(grammar.THINGS)
X, Y = any_of(PEOPLE, "x"), any_of(PEOPLE, "y")
THING, COLOUR = any_of(THINGS, "thing"), any_of(first_words(grammar.COLOURS), "colour")
PLACE = any_of(first_words(grammar.PLACES), "place")
LINK, MOVE = any_of(first_words(grammar.LINKS), "link"), any_of(first_words(grammar.MOVES), "move")
LISTED = "(?:the )?(?:" + "|".join(PEOPLE + THINGS) + ")"
LIST = f"{LISTED}(?: and {LISTED})*"
TITLE = re.compile(f"{X} and the {COLOUR} {THING}")


@dataclass
class Report:
    """What was counted; several reports add up."""

    stories: int = 0
    parsed: int = 0
    faultless: int = 0
    statements: int = 0
    consistent: int = 0
    answers: int = 0
    right: int = 0
    faults: list[str] = field(default_factory=list)

    def add(self, other: Report) -> None:
        """Adds the counts of `other`."""
        for name in self.__dataclass_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def rates(self) -> str:
        """One line for people."""
        pairs = [
            ("parse", self.parsed, self.stories),
            ("consistent statements", self.consistent, self.statements),
            ("right answers", self.right, self.answers),
            ("faultless stories", self.faultless, self.stories),
        ]
        return "  ".join(f"{n} {100 * a / max(b, 1):.1f} % ({a}/{b})" for n, a, b in pairs)


class Reader:
    """Follows one story; each handler says whether its sentence agrees with the state."""

    def __init__(self) -> None:
        self.world = World()
        self.report = Report(stories=1)
        self.awaited: list[str] = []  # what the last deed obliges the story to say

    def count(self, agrees: bool, sentence: str) -> None:
        """Books a statement."""
        self.report.statements += 1
        self.report.consistent += agrees
        if not agrees:
            self.report.faults.append(sentence)

    def end_awaiting(self) -> None:
        """Sentences that should have been said by now are faults."""
        for sentence in self.awaited:
            self.count(False, f"(missing) {sentence}")
        self.awaited = []

    def found(self, sentence: str) -> None:
        """A sentence that follows from the one before: what an arrival finds, who now has what."""
        agrees = sentence in self.awaited
        if agrees:
            self.awaited.remove(sentence)
        self.count(agrees, sentence)

    def here(self, x: str) -> str:
        """The place of `x`; of somebody unknown, no place."""
        return self.world.place_of.get(x, "")

    def be(self, x: str, place: str) -> bool:
        """`x` was in the place: an introduction."""
        new = x not in self.world.place_of
        self.world.place_of[x] = place
        return new

    def own(self, x: str, colour: str, thing: str) -> bool:
        """`x` had a thing: an introduction."""
        new = thing not in self.world.holder_of and x in self.world.place_of
        self.world.colour_of[thing] = colour
        self.world.hand(thing, x)
        return new

    def lie(self, colour: str, thing: str, place: str) -> bool:
        """A thing was in the place: an introduction."""
        new = thing not in self.world.holder_of
        self.world.colour_of[thing] = colour
        self.world.lay(thing, place)
        return new

    def walk(self, x: str, place: str, load: str | None) -> bool:
        """`x` went to the place, with what it holds."""
        holds = grammar.listing(self.world.held_by(x), "the ")
        agrees = self.here(x) not in ("", place) and (load or "") == holds
        self.world.place_of[x] = place
        self.awaited = grammar.arrival(self.world, x)
        return agrees

    def give(self, x: str, thing: str, y: str) -> bool:
        """`x` gave the thing to `y`."""
        holds = self.holds(x, thing)
        self.world.hand(thing, y)
        self.awaited = [f"Now {y} had the {thing}."]
        return holds and x != y and self.here(x) == self.here(y) != ""

    def holds(self, x: str, thing: str) -> bool:
        """Whether `x` has the thing."""
        return self.world.holder_of.get(thing, NOBODY) == x

    def take(self, x: str, thing: str) -> bool:
        """`x` took the thing, which must lie there."""
        lies = self.world.lies_in.get(thing)
        self.world.hand(thing, x)
        self.awaited = [f"Now {x} had the {thing}."]
        return lies is not None and lies == self.here(x)

    def leave(self, x: str, thing: str, place: str) -> bool:
        """`x` left the thing in the place."""
        agrees = self.holds(x, thing) and self.here(x) == place
        self.world.lay(thing, place)
        return agrees

    def ask(self, line: str) -> bool:
        """A question with its answer; false if the line is neither."""
        for kind, form in grammar.QUESTION.items():
            subjects = any_of(PEOPLE if "person" in kind else THINGS, "subject")
            match = re.fullmatch(re.escape(form).replace(r"\{\}", subjects) + " (.+)", line)
            if match:
                try:
                    right = match[2] == grammar.answer(self.world, kind, match["subject"])
                except KeyError:  # about somebody or something that was never introduced
                    right = False
                self.report.answers += 1
                self.report.right += right
                if not right:
                    self.report.faults.append(line)
                return True
        return False

    def sentence(self, text: str) -> bool:
        """One sentence of the narrative; false if it has no known form."""
        if any(form.fullmatch(text) for form in FOUND):
            self.found(text)
            return True
        self.end_awaiting()
        for form, handler in FORMS:
            if match := form.fullmatch(text):
                if handler is not None:
                    words = match.groupdict()
                    words.pop("link", None), words.pop("move", None)
                    self.count(handler(self, **words), text)
                return True
        return False

    def read(self, text: str) -> Report:
        """The whole story."""
        lines = text.strip().split("\n")
        title = TITLE.fullmatch(lines[0])
        parsed = len(lines) == (5 if title else 4)
        body = lines[1 if title else 0 :]
        opening = "Once upon a time, "
        parsed &= bool(body) and body[0].startswith(opening)
        for sentence in re.split(r"(?<=[.!]) ", body[0].removeprefix(opening) if body else ""):
            parsed &= self.sentence(sentence)
        self.end_awaiting()
        if title:
            hero, (thing, *_) = next(iter(self.world.place_of), ""), (*self.world.holder_of, "")
            told = (hero, self.world.colour_of.get(thing), thing)
            self.count(title.group("x", "colour", "thing") == told, lines[0])
        for line in body[1:-1]:
            parsed &= self.ask(line)
        self.report.parsed += parsed and body[-1] == "The end."
        self.report.faultless += bool(self.report.parsed) and not self.report.faults
        return self.report


FOUND = [
    re.compile(form)
    for form in (
        f"There {X} met {LIST}\\.",
        f"{X} had {LIST}\\.",
        f"There {X} saw {LIST}\\.",
        "Nobody was there\\.",
        f"Now {X} had the {THING}\\.",
    )
]

FORMS: list[tuple[re.Pattern[str], Callable[..., bool] | None]] = [
    (re.compile(form), handler)
    for form, handler in (
        (f"{X} was in the {PLACE}\\.", Reader.be),
        (f"{X} had a {COLOUR} {THING}\\.", Reader.own),
        (f"A {COLOUR} {THING} was in the {PLACE}\\.", Reader.lie),
        (f"{LINK} {X} {MOVE} to the {PLACE}(?: with (?P<load>{LIST}))?\\.", Reader.walk),
        (f"{X} gave the {THING} to {Y}\\.", Reader.give),
        (f"{X} took the {THING}\\.", Reader.take),
        (f"{X} left the {THING} in the {PLACE}\\.", Reader.leave),
        (f"It was a {any_of(first_words(grammar.MOODS), 'mood')} day\\.", None),
        (f"{X} {any_of(first_words(grammar.THANKS + grammar.JOYS), 'mood')}\\.", None),
        (any_of(first_words(grammar.ENDINGS), "ending"), None),
    )
]


def check(texts: list[str]) -> Report:
    """The rates of several stories."""
    total = Report()
    for text in texts:
        total.add(Reader().read(text))
    return total


def introduction(text: str) -> str:
    """A story up to its first scene, as a prompt."""
    return re.split(r" (?=Then |Soon |Later, )", text)[0]


def sampled(args: argparse.Namespace) -> list[str]:
    """Stories of a model; greedy ones continue introductions that the grammar wrote."""
    import infer
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(args.model / "tokenizer.json"))
    weights = infer.Weights.load(args.model)
    if args.embedding_levels:
        weights = weights.with_embedding_levels(args.embedding_levels)
    model = infer.Model(weights, args.device_numbers)
    starts = [""] * args.count
    if args.prompts or args.temperature == 0:
        told = grammar.stories(f"check {args.seed}", args.count)
        starts = [introduction(text) for text, _ in told]
    texts = []
    for at in range(0, args.count, 64):
        prompts = [tokenizer.encode(start).ids for start in starts[at : at + 64]]
        rows = infer.sample(model, prompts, args.temperature, args.seed + at)
        texts += [tokenizer.decode(row) for row in rows]
    return texts


def losses(folder: Path, count: int) -> str:
    """Held-out loss in nats for each token, as stored and with the numbers of a device."""
    import infer
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    weights = infer.Weights.load(folder)
    told = grammar.stories("stories/held-out", count)
    end = weights.config["eos_token_id"]
    rows = [tokenizer.encode(text).ids + [end] for text, _ in told]
    floor = sum(nats for _, nats in told) / sum(len(row) - 1 for row in rows)
    lines = [f"{floor:.4f}  floor: the grammar's own entropy"]
    variants = {
        "as stored": infer.Model(weights),
        "embedding in -40..40": infer.Model(weights.with_embedding_levels(40)),
        "embedding in -121..121": infer.Model(weights.with_embedding_levels(121)),
        "-40..40, int8 KV and head input": infer.Model(weights.with_embedding_levels(40), True),
    }
    lines += [f"{infer.loss(model, rows):.4f}  {name}" for name, model in variants.items()]
    return "\n".join(lines)


def main() -> None:
    """Prints the rates, and on request the stories or what is wrong with them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", nargs="?", type=Path, help="stories; standard input if absent")
    parser.add_argument("--model", type=Path, help="sample from this folder instead")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--temperature", type=float, default=0.8, help="0 is greedy")
    parser.add_argument("--prompts", action="store_true", help="continue given introductions")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--embedding-levels", type=int, help="40 or 121, as a device stores it")
    parser.add_argument("--device-numbers", action="store_true", help="int8 KV and head input")
    parser.add_argument("--show", action="store_true", help="print the stories")
    parser.add_argument("--loss", action="store_true", help="of --model on held-out stories")
    parser.add_argument("--faults", action="store_true", help="print the faults")
    args = parser.parse_args()
    if args.model and args.loss:
        print(losses(args.model, args.count))
        return
    if args.model:
        texts = sampled(args)
    else:
        source = args.file.read_text() if args.file else sys.stdin.read()
        texts = [text for text in source.split("\n\n") if text.strip()]
    report = check(texts)
    if args.show:
        print("\n\n".join(texts), end="\n\n")
    if args.faults:
        print(*report.faults, sep="\n")
    print(report.rates())


if __name__ == "__main__":
    main()
