"""A network that starts from one that has learned elsewhere: what it takes over, what stays as it is, what is new."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ...errors import ConfigError
from ...panel import Panel
from ..spec import Fitted
from .inputs import MEMORY, Covariate, Inputs
from .lowrank import Adapted, maps_of
from .network import Forecaster
from .scaling import STATISTICS
from .statics import Group, Number, Statics

if TYPE_CHECKING:
    from .family import NeuralSpec
    from .fitted import FittedNeural

Build = Callable[[Inputs], Forecaster]

_PROBE = "\0probe"  # no column has this name


@dataclass(frozen=True)
class Taken:
    """What became of the weights of a network that starts from another: names of them.

    Attributes:
        whole: taken over as they are.
        partly: taken over where inputs or steps have the same meaning.
        fresh: drawn at random.
    """

    whole: tuple[str, ...]
    partly: tuple[str, ...]
    fresh: tuple[str, ...]


def beginning(spec: NeuralSpec, start: Fitted, inputs: Inputs, panel: Panel) -> tuple[Inputs, Build, dict[str, Any]]:
    """How a network begins that starts from another.

    Args:
        spec: of the new network.
        start: the other.
        inputs: that suit the new panel.
        panel: the new one.

    Returns:
        Inputs, what builds the network, and what there is to say about it, in plain values.

    Raises:
        ConfigError: the other network is of another kind, frequency or size, or has no encoder to freeze.
    """
    from .fitted import FittedNeural

    if not isinstance(start, FittedNeural) or start.spec.name != spec.name:
        raise ConfigError(
            f"Model '{spec.name}' can start from a trained '{spec.name}' only, not from '{start.spec.name}'."
        )
    if start.network is None:
        raise ConfigError(f"The '{spec.name}' to start from had too little to learn from: it has no network.")
    if start.panel.freq != panel.freq:
        raise ConfigError(
            f"The '{spec.name}' to start from was trained at frequency '{start.panel.freq.alias}', and the panel is of "
            f"'{panel.freq.alias}'."
        )
    inputs = meeting(inputs, start.inputs, patch=spec.patch > 0, context=spec.context > 0)

    def both() -> tuple[Forecaster, Taken]:
        network: Forecaster = spec.build(inputs)
        taken = take(network, spec.build, inputs, start, same_head=spec.head == start.head)
        return hold(network, taken, spec.freeze, spec.rank), taken

    with torch.random.fork_rng(devices=[]):
        taken = both()[1]
    said = {
        "model": start.spec.name, "freeze": spec.freeze, "rank": spec.rank, "whole": len(taken.whole),
        "partly": list(taken.partly), "fresh": list(taken.fresh), "new_inputs": _new(inputs, start.inputs),
    }  # fmt: skip
    return inputs, lambda _: both()[0], said


def meeting(new: Inputs, old: Inputs, *, patch: bool, context: bool) -> Inputs:
    """Inputs for a new panel in which what a trained network knows has the same place and units as before.

    Args:
        new: that suit the new panel.
        old: of the trained network.
        patch: keep the new patches' size, as it was asked for.
        context: keep the new context, as it was asked for.
    """
    size = new.patch if patch else old.patch
    known = {c.name: c for c in old.covariates}
    mine = {c.name: _meet(c, known.get(c.name)) for c in new.covariates}
    covariates = [mine.get(c.name, c) for c in old.covariates] + [c for c in mine.values() if c.name not in known]
    return replace(
        new, patch=size, patches=-(-(new.context if context else old.context) // size),
        covariates=tuple(sorted(covariates, key=lambda c: not c.known)),
        calendar=(*old.calendar, *(n for n in new.calendar if n not in old.calendar)),
        statics=_together(new.statics, old.statics), base=old.base,
    )  # fmt: skip


def _meet(new: Covariate, old: Covariate | None) -> Covariate:
    """A covariate in the units and with the texts that it had before."""
    if old is None or bool(new.texts) != bool(old.texts):
        return new
    return replace(old, known=new.known, texts=(*old.texts, *(t for t in new.texts if t not in old.texts)))


def _together(new: Statics, old: Statics) -> Statics:
    """Static columns of both, with the effects on size that the new panel shows where it has the text."""
    if not (new and old):
        return new
    before = {group.name: group for group in old.groups}
    groups = []
    for group in new.groups:
        more = [t for t in (before[group.name].texts if group.name in before else ()) if t not in group.texts]
        known = dict(zip(before[group.name].texts, before[group.name].effects, strict=False)) if more else {}
        effects = (*group.effects, *(known.get(t, 0.0) for t in more)) if group.effects else ()
        groups.append(Group(group.name, (*group.texts, *more), effects))
    scales = {number.name: number for number in old.numbers}
    numbers, size = [], new.size
    for n in new.numbers:
        o = scales.get(n.name, n)
        numbers.append(Number(n.name, o.centre, o.spread, n.effect * o.spread / n.spread))
        size += n.effect * (o.centre - n.centre) / n.spread
    return Statics(tuple(groups), tuple(numbers), size)


def take(network: Forecaster, build: Build, inputs: Inputs, start: FittedNeural, *, same_head: bool) -> Taken:
    """Copy weights into a fresh network, by their names and by the meaning of their rows and columns.

    Columns of inputs that the other network did not have become zeros, so that at first they say nothing;
    a step ahead that it did not have takes the weights of the same phase of the season before.

    Args:
        network: fresh; changed.
        build: made it.
        inputs: that it sees.
        start: where to copy from.
        same_head: both answer with the same distribution.

    Raises:
        ConfigError: the other network is of another kind or size.
    """
    theirs = dict(start.network.named_parameters())
    kinds = _kinds(build, inputs)
    apart = (
        *(() if same_head else ("head.",)),
        *(() if inputs.targets == start.inputs.targets else ("others.",)),
    )  # what speaks of something else
    whole: list[str] = []
    partly: list[str] = []
    fresh: list[str] = []
    for name, weight in network.named_parameters():
        given = theirs.get(name)
        if given is None or name.startswith(apart):
            fresh.append(name)
            continue
        if given.ndim != weight.ndim:
            raise _misfit(name, given, weight)
        places = [
            _places(kinds[name].get(d), weight.shape[d], given.shape[d], inputs, start.inputs)
            for d in range(weight.ndim)
        ]
        if any(place is None for place in places):
            if any(place is None and d not in kinds[name] for d, place in enumerate(places)):
                raise _misfit(name, given, weight)
            fresh.append(name)
            continue
        complete = _copy(weight, given, [place for place in places if place is not None])
        (whole if complete else partly).append(name)
    if not whole and not partly:
        raise ConfigError("'start_from' shares no weight with this network: start from a model of the same kind.")
    return Taken(tuple(whole), tuple(partly), tuple(fresh))


def hold(network: Forecaster, taken: Taken, freeze: str, rank: int) -> Forecaster:
    """Keep what was taken over from changing, and put low-rank adapters beside it.

    Args:
        network: that starts from another.
        taken: what it took over; weights that it took over in part learn in any case.
        freeze: ``none``, or ``encoder``, which keeps the encoder as it is.
        rank: of the adapters; 0 lets all other weights learn in full.

    Raises:
        ConfigError: the network has no encoder.
    """
    encoder = [name for name, _ in network.named_parameters() if name.startswith("encoder.")]
    if freeze == "encoder" and not encoder:
        raise ConfigError("This network has no encoder of its own to freeze: use freeze = 'none'.")
    still = set(encoder) & set(taken.whole) if freeze == "encoder" else set()
    kept = set(taken.whole) if rank else still
    for name, weight in network.named_parameters():
        weight.requires_grad_(name not in kept)
    maps = [name for name in maps_of(network) if name in kept and name not in still]
    return Adapted(network, rank, maps) if rank else network


def _kinds(build: Build, inputs: Inputs) -> dict[str, dict[int, str]]:
    """For each weight the kind of input or output that each of its dimensions belongs to, found out by trying."""
    probe = Covariate(_PROBE, False)
    variants: dict[str, Inputs] = {"horizon": replace(inputs, horizon=inputs.horizon + 1)}
    statics = inputs.statics
    for k, group in enumerate(statics.groups):
        longer = replace(group, texts=(*group.texts, _PROBE), effects=(*group.effects, 0.0) if group.effects else ())
        groups = (*statics.groups[:k], longer, *statics.groups[k + 1 :])
        variants[f"group {k}"] = replace(inputs, statics=replace(statics, groups=groups))
    if statics.numbers:
        numbers = (*statics.numbers, Number(_PROBE, 0.0, 1.0))
        variants["numbers"] = replace(inputs, statics=replace(statics, numbers=numbers))
    variants["patch"] = replace(inputs, covariates=(*inputs.covariates, probe))
    variants["ahead"] = replace(inputs, calendar=(*inputs.calendar, _PROBE))
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        own = dict(build(inputs).named_parameters())
        found: dict[str, dict[int, str]] = {name: {} for name in own}
        for kind, variant in variants.items():
            for name, weight in build(variant).named_parameters():
                if name in own and weight.ndim == own[name].ndim:
                    for d, (size, usual) in enumerate(zip(weight.shape, own[name].shape, strict=True)):
                        if size != usual:
                            found[name].setdefault(d, kind)
    return found


Places = list[tuple[int | None, bool]]
"""For each new index the old one it takes its weights from, if any, and whether that means just the same."""


def _places(kind: str | None, size: int, given: int, new: Inputs, old: Inputs) -> Places | None:
    """Where a dimension's weights come from; None if that cannot be told."""
    if kind is None:
        return [(k, True) for k in range(size)] if size == given else None
    ours, theirs = _names(kind, new, size), _names(kind, old, given)
    if ours is None or theirs is None:  # of a layout of its own
        same = size == given and _names(kind, new, None) == _names(kind, old, None)
        return [(k, True) for k in range(size)] if same else None
    at = {name: k for k, name in enumerate(theirs)}
    if kind == "horizon":
        return [(k, True) if k < given else (_phase(k, given, old.season), False) for k in range(size)]
    return [(at.get(name), name in at) for name in ours]


def _phase(step: int, steps: int, season: int) -> int:
    """The last trained step at the same phase of the season; the last one at all if the horizon is shorter."""
    return steps - 1 if season > steps else steps - season + (step - steps) % season


def _names(kind: str, inputs: Inputs, size: int | None) -> tuple[str, ...] | None:
    """Meaning of each index of a dimension; the whole of it for None; None if its size is another."""
    if kind == "horizon":
        names = tuple(str(k) for k in range(inputs.horizon))
    elif kind == "patch":
        names = patch_names(inputs)
    elif kind == "ahead":
        names = ahead_names(inputs)
    elif kind == "numbers":
        names = tuple(n.name for n in inputs.statics.numbers)
    else:
        number = int(kind.removeprefix("group "))
        names = ("", *inputs.statics.groups[number].texts) if number < len(inputs.statics.groups) else ()
    if size is None or size == len(names):
        return names
    if kind == "patch" and size < len(names):  # an encoder that takes the steps of demand apart
        return names[-size:]
    return None


def patch_names(inputs: Inputs) -> tuple[str, ...]:
    """Meaning of the numbers that describe a patch, in the order of `Windows.gather`."""
    steps = range(inputs.patch)
    channels = _channels(inputs.covariates)
    return (
        *(f"demand {k}" for k in steps), *(f"seen {k}" for k in steps), *STATISTICS, *inputs.calendar,
        *(f"{name} {k}" for k in steps for name in channels),
        *(f"target {name} {k}" for k in steps for name in inputs.targets),
    )  # fmt: skip


def ahead_names(inputs: Inputs) -> tuple[str, ...]:
    """Meaning of the numbers that describe a step ahead, in the order of `Windows.gather`."""
    known = _channels(tuple(c for c in inputs.covariates if c.known))
    return (*inputs.calendar, *known, *(f"memory {k}" for k in range(MEMORY)))


def _channels(covariates: tuple[Covariate, ...]) -> tuple[str, ...]:
    names: list[str] = []
    for c in covariates:
        names += [f"covariate {c.name}={text}" for text in c.texts] if c.texts else [f"covariate {c.name}"]
    return tuple(names)


def _copy(weight: Tensor, given: Tensor, places: list[Places]) -> bool:
    """Copy what has a place; True if all of the weight was taken over."""
    to = [[k for k, (old, _) in enumerate(place) if old is not None] for place in places]
    come = [[old for old, _ in place if old is not None] for place in places]
    with torch.no_grad():
        for d, place in enumerate(places):
            missing = [k for k, (old, _) in enumerate(place) if old is None]
            if missing:
                weight.index_fill_(d, torch.tensor(missing), 0.0)
        part = given.detach().to(weight)
        for d, index in enumerate(come):
            part = part.index_select(d, torch.tensor(index, dtype=torch.int64))
        weight[torch.meshgrid(*(torch.tensor(index, dtype=torch.int64) for index in to), indexing="ij")] = part
    return all(same for place in places for _, same in place)


def _misfit(name: str, given: Tensor, weight: Tensor) -> ConfigError:
    return ConfigError(
        f"'start_from' is a network of other sizes: its '{name}' is {tuple(given.shape)}, not {tuple(weight.shape)}; "
        "give both models the same options."
    )


def _new(inputs: Inputs, before: Inputs) -> list[str]:
    """Names of covariates, texts and calendar features that the other network does not see."""
    known = {_column(n) for n in (*ahead_names(before), *patch_names(before))}
    return sorted({_column(n) for n in (*ahead_names(inputs), *patch_names(inputs))} - known)


def _column(name: str) -> str:
    """The column behind an input: without the step in the patch."""
    return re.sub(r" \d+$", "", name).removeprefix("covariate ").removeprefix("target ")
