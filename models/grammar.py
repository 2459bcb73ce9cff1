"""The little world that the shipped model learns: short stories with state.

A story is told by a probabilistic grammar. It places two or three people and one or two
things, lets the people walk, meet, give, take and leave things, and closes with two
questions whose answers follow from what happened. Every sentence has one fixed form, and
every choice can be read off the text, so that

* the log-probability of a story is the sum over its choices, which makes the grammar's own
  entropy (the floor of any model's loss) known instead of estimated; and
* `check.py` can parse a story back and hold each statement against the state.

Run it to read some stories: `python grammar.py --count 3 --seed 1`.
"""

from __future__ import annotations

import argparse
import math
import random
from dataclasses import dataclass, field
from typing import Sequence, TypeVar

T = TypeVar("T")

# Skewed choices: (word, weight). Common words first.
NAMES = (("Mia", 30), ("Tom", 25), ("Anna", 20), ("Ben", 15), ("Lily", 10))
THINGS = (("ball", 30), ("book", 25), ("kite", 20), ("hat", 15), ("cup", 10))
PLACES = (("garden", 30), ("kitchen", 25), ("park", 20), ("barn", 15), ("forest", 10))
COLOURS = (("red", 40), ("blue", 30), ("green", 20), ("yellow", 10))
MOODS = ((None, 50), ("sunny", 30), ("windy", 13), ("rainy", 7))
LINKS = (("Then", 55), ("Soon", 25), ("Later,", 20))
MOVES = (("went", 65), ("ran", 20), ("walked", 15))
THANKS = ((None, 55), ("was happy", 30), ("said thank you", 15))
JOYS = ((None, 75), ("smiled", 25))
ENDINGS = (
    ("In the end, everyone was happy.", 60),
    ("It was a good day.", 25),
    ("What a lovely day!", 15),
)
TITLE_SHARE = (50, 50)  # without a title, with one
MOVER_SHARE = {2: (55, 45), 3: (45, 30, 25)}
INTEREST = 6  # weight of a place where somebody or something is; 1 for an empty place
QUESTION_WEIGHT = {"where person": 4, "who": 4, "where thing": 3, "colour": 2}
NOBODY = None


@dataclass(frozen=True)
class Style:
    """How long a story is: numbers of people, things and scenes, by weight, and of questions."""

    people: tuple[tuple[int, int], ...]
    things: tuple[tuple[int, int], ...]
    scenes: tuple[tuple[int, int], ...]
    questions: int


FEW_PEOPLE, FEW_THINGS = ((2, 65), (3, 35)), ((1, 55), (2, 45))
STORY = Style(FEW_PEOPLE, FEW_THINGS, ((2, 40), (3, 36), (4, 24)), 2)
# Exercises for training: little happens, and much is asked.
FIRST_LESSON = Style(((4, 50), (5, 50)), ((2, 50), (3, 50)), ((0, 1),), 10)
SECOND_LESSON = Style(FEW_PEOPLE, FEW_THINGS, ((1, 50), (2, 50)), 4)


@dataclass
class World:
    """Who is where, who holds what. Dictionaries keep the order of introduction."""

    place_of: dict[str, str] = field(default_factory=dict)
    holder_of: dict[str, str | None] = field(default_factory=dict)
    lies_in: dict[str, str] = field(default_factory=dict)  # only while nobody holds it
    colour_of: dict[str, str] = field(default_factory=dict)

    def people_in(self, place: str, but: str | None = None) -> list[str]:
        """The people in `place`, in order of introduction, without `but`."""
        return [p for p, where in self.place_of.items() if where == place and p != but]

    def held_by(self, person: str) -> list[str]:
        """The things that `person` holds, in order of introduction."""
        return [t for t, holder in self.holder_of.items() if holder == person]

    def lying_in(self, place: str) -> list[str]:
        """The things that lie in `place`, in order of introduction."""
        return [t for t in self.holder_of if self.lies_in.get(t) == place]

    def hand(self, thing: str, person: str) -> None:
        """`person` now holds `thing`."""
        self.holder_of[thing] = person
        self.lies_in.pop(thing, None)

    def lay(self, thing: str, place: str) -> None:
        """`thing` now lies in `place`, and nobody holds it."""
        self.holder_of[thing] = NOBODY
        self.lies_in[thing] = place


def listing(words: Sequence[str], article: str = "") -> str:
    """`a`, or `a and b`; each word after `article`."""
    return " and ".join(article + word for word in words)


def answer(world: World, kind: str, subject: str) -> str:
    """The one right answer, as a full sentence, to a question of `kind` about `subject`."""
    if kind == "where person":
        return f"{subject} is in the {world.place_of[subject]}."
    if kind == "colour":
        return f"The {subject} is {world.colour_of[subject]}."
    holder = world.holder_of[subject]
    if kind == "who":
        return f"{holder or 'Nobody'} has the {subject}."
    if holder is NOBODY:
        return f"The {subject} is in the {world.lies_in[subject]}."
    return f"The {subject} is with {holder} in the {world.place_of[holder]}."


QUESTION = {
    "where person": "Where is {}?",
    "where thing": "Where is the {}?",
    "who": "Who has the {}?",
    "colour": "What colour is the {}?",
}


def arrival(world: World, mover: str) -> list[str]:
    """What `mover` finds on arriving: fixed by the state, nothing is chosen here."""
    place = world.place_of[mover]
    met, seen = world.people_in(place, but=mover), world.lying_in(place)
    said = [f"There {mover} met {listing(met)}."] if met else []
    for person in met:
        if held := world.held_by(person):
            said.append(f"{person} had {listing(held, 'the ')}.")
    if seen:
        said.append(f"There {mover} saw {listing(seen, 'the ')}.")
    return said or ["Nobody was there."]


class Teller:
    """Tells one story; `nats` is the information in the choices made so far."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.nats = 0.0
        self.world = World()
        self.said: list[str] = []

    def choose(self, options: Sequence[tuple[T, float]]) -> T:
        """Draws one option by weight and books its information."""
        total = sum(weight for _, weight in options)
        value, weight = self.rng.choices(options, [w for _, w in options])[0]
        self.nats -= math.log(weight / total)
        return value

    def other(self, table: Sequence[tuple[str, int]], taken: Sequence[str]) -> str:
        """A word of `table` that is not in `taken`."""
        return self.choose([(word, weight) for word, weight in table if word not in taken])

    def introduce(self, style: Style) -> str:
        """Places people and things; returns the title, or an empty string."""
        world, people, things = self.world, [], []
        titled = self.choose(list(enumerate(TITLE_SHARE)))
        for _ in range(self.choose(style.people)):
            people.append(self.other(NAMES, people))
            world.place_of[people[-1]] = self.choose(PLACES)
        for _ in range(self.choose(style.things)):
            things.append(self.other(THINGS, things))
            world.colour_of[things[-1]] = self.choose(COLOURS)
        mood = self.choose(MOODS)
        first, *rest = [f"{p} was in the {world.place_of[p]}." for p in people]
        self.said += [f"Once upon a time, {first}", *rest]
        for thing in things:
            self.put_first(thing, people)
        if mood:
            self.said.append(f"It was a {mood} day.")
        colour = world.colour_of[things[0]]
        return f"{people[0]} and the {colour} {things[0]}\n" if titled else ""

    def put_first(self, thing: str, people: Sequence[str]) -> None:
        """Says where `thing` is at the start: with somebody, or lying in a place."""
        spots = [(person, 60 / len(people)) for person in people] + [(NOBODY, 40)]
        owner, what = self.choose(spots), f"{self.world.colour_of[thing]} {thing}"
        if owner is NOBODY:
            self.world.lay(thing, self.choose(PLACES))
            self.said.append(f"A {what} was in the {self.world.lies_in[thing]}.")
        else:
            self.world.hand(thing, owner)
            self.said.append(f"{owner} had a {what}.")

    def scene(self) -> None:
        """Somebody walks somewhere, finds what is there, and perhaps does something."""
        world = self.world
        people = list(world.place_of)
        mover = self.choose(list(zip(people, MOVER_SHARE[len(people)])))
        places = [
            (place, INTEREST if world.people_in(place) or world.lying_in(place) else 1)
            for place, _ in PLACES
            if place != world.place_of[mover]
        ]
        link, move, place = self.choose(LINKS), self.choose(MOVES), self.choose(places)
        world.place_of[mover] = place
        held = world.held_by(mover)
        load = f" with {listing(held, 'the ')}" if held else ""
        self.said += [f"{link} {mover} {move} to the {place}{load}.", *arrival(world, mover)]
        self.deed(mover)

    def deed(self, mover: str) -> None:
        """Give, get, take, leave or nothing, among what is possible where `mover` is."""
        world, place = self.world, self.world.place_of[mover]
        met = world.people_in(place, but=mover)
        options: list[tuple[tuple[str, str, str], float]] = [(("", "", ""), 2)]
        for thing in world.held_by(mover):
            options += [(("give", thing, person), 6) for person in met]
            options.append((("leave", thing, ""), 2))
        for person in met:
            options += [(("get", thing, person), 6) for thing in world.held_by(person)]
        options += [(("take", thing, ""), 12) for thing in world.lying_in(place)]
        deed, thing, person = self.choose(options)
        if deed == "give":
            self.pass_on(mover, thing, person)
        elif deed == "get":
            self.pass_on(person, thing, mover)
        elif deed == "take":
            world.hand(thing, mover)
            self.said += [f"{mover} took the {thing}.", f"Now {mover} had the {thing}."]
            if joy := self.choose(JOYS):
                self.said.append(f"{mover} {joy}.")
        elif deed == "leave":
            world.lay(thing, place)
            self.said.append(f"{mover} left the {thing} in the {place}.")

    def pass_on(self, giver: str, thing: str, taker: str) -> None:
        """`giver` gives `thing` to `taker`."""
        self.world.hand(thing, taker)
        self.said += [f"{giver} gave the {thing} to {taker}.", f"Now {taker} had the {thing}."]
        if thanks := self.choose(THANKS):
            self.said.append(f"{taker} {thanks}.")

    def questions(self, count: int) -> list[str]:
        """`count` different questions with their answers, one line each."""
        world = self.world
        asked = [("where person", person) for person in world.place_of]
        asked += [(kind, t) for t in world.holder_of for kind in ("who", "where thing", "colour")]
        lines = []
        for _ in range(count):
            question = self.choose([(q, QUESTION_WEIGHT[q[0]]) for q in asked])
            asked.remove(question)
            lines.append(f"{QUESTION[question[0]].format(question[1])} {answer(world, *question)}")
        return lines

    def tell(self, style: Style) -> str:
        """The whole story, with no newline at its end."""
        title = self.introduce(style)
        for _ in range(self.choose(style.scenes)):
            self.scene()
        self.said.append(self.choose(ENDINGS))
        lines = [" ".join(self.said), *self.questions(style.questions), "The end."]
        return title + "\n".join(lines)


def story(rng: random.Random, style: Style = STORY) -> tuple[str, float]:
    """One story and its information in nats (minus its natural log-probability)."""
    teller = Teller(rng)
    return teller.tell(style), teller.nats


def stories(seed: str, count: int, style: Style = STORY) -> list[tuple[str, float]]:
    """`count` stories of the stream named `seed`; the same name gives the same stories."""
    rng = random.Random(seed)
    return [story(rng, style) for _ in range(count)]


def main() -> None:
    """Prints some stories."""
    parser = argparse.ArgumentParser(description="print stories of the grammar")
    parser.add_argument("--count", type=int, default=3)
    parser.add_argument("--seed", default="show")
    args = parser.parse_args()
    print("\n\n".join(text for text, _ in stories(args.seed, args.count)))


if __name__ == "__main__":
    main()
